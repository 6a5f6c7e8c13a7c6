//! Prices that are known without a price file: OpenAI's text models.
//!
//! Source: `model_prices_and_context_window.json` of LiteLLM 1.109.1 (which follows OpenAI's price list), read in
//! November 2026; USD per million tokens: input, cached input, output.

use crate::{Price, Prices, money::scaled_decimal};

const OPENAI: &[(&str, &str, &str, &str)] = &[
    ("gpt-3.5-turbo", "0.5", "0.5", "1.5"),
    ("gpt-4", "30", "30", "60"),
    ("gpt-4-turbo", "10", "10", "30"),
    ("gpt-4.1", "2", "0.5", "8"),
    ("gpt-4.1-mini", "0.4", "0.1", "1.6"),
    ("gpt-4.1-nano", "0.1", "0.025", "0.4"),
    ("gpt-4o", "2.5", "1.25", "10"),
    ("gpt-4o-mini", "0.15", "0.075", "0.6"),
    ("gpt-5", "1.25", "0.125", "10"),
    ("gpt-5-mini", "0.25", "0.025", "2"),
    ("gpt-5-nano", "0.05", "0.005", "0.4"),
    ("gpt-5-pro", "15", "15", "120"),
    ("gpt-5.1", "1.25", "0.125", "10"),
    ("gpt-5.2", "1.75", "0.175", "14"),
    ("gpt-5.4", "2.5", "0.25", "15"),
    ("gpt-5.5", "5", "0.5", "30"),
    ("o1", "15", "7.5", "60"),
    ("o3", "2", "0.5", "8"),
    ("o3-mini", "1.1", "0.55", "4.4"),
    ("o3-pro", "20", "20", "80"),
    ("o4-mini", "1.1", "0.275", "4.4"),
];

/// The prices above. Deliberately a table in the code: a policy works before anyone has fetched a price file.
pub(crate) fn known_prices() -> Prices {
    let mut prices = Prices::default();
    for (model, input, cached, output) in OPENAI {
        let per_token = |usd_per_million: &str| scaled_decimal(usd_per_million, 6);
        if let (Some(input), Some(cached), Some(output)) =
            (per_token(input), per_token(cached), per_token(output))
        {
            prices.insert(*model, Price { input, output, cache_read: Some(cached), ..Price::default() });
        }
    }
    prices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_price_is_a_whole_number_of_pico_usd() {
        assert_eq!(known_prices().models().count(), OPENAI.len());
        let mini = known_prices().of("gpt-4o-mini-2024-07-18").copied();
        assert_eq!(
            mini.map(|price| (price.input, price.cache_read, price.output)),
            Some((150_000, Some(75_000), 600_000))
        );
    }
}
