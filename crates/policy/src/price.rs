//! What tokens cost.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokens::{TokenClass, Usage};

/// Pico-USD per token of a model. A class without a price of its own costs what its neighbour does, where the
/// provider's lists do it that way, and is unpriced otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub input: u64,
    pub output: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_5m: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write_1h: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_in: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio_out: Option<u64>,
}

impl Price {
    /// The price of a token of `class`. `None`: unknown, which is not the same as free.
    #[must_use]
    pub fn of(&self, class: TokenClass) -> Option<u64> {
        match class {
            TokenClass::UncachedInput | TokenClass::ImageIn => Some(self.input),
            TokenClass::CacheRead => Some(self.cache_read.unwrap_or(self.input)),
            TokenClass::CacheWrite5m => Some(self.cache_write_5m.unwrap_or(self.input)),
            TokenClass::CacheWrite1h => {
                Some(self.cache_write_1h.or(self.cache_write_5m).unwrap_or(self.input))
            }
            TokenClass::AudioIn => self.audio_in,
            TokenClass::OutputVisible | TokenClass::Reasoning => Some(self.output),
            TokenClass::AudioOut => self.audio_out,
        }
    }

    /// Pico-USD for `usage`. `None` if a class it used has no price, or the sum does not fit.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<u64> {
        usage.classes().filter(|(_, count)| *count > 0).try_fold(0u64, |sum, (class, count)| {
            self.of(class)?.checked_mul(count).and_then(|cost| sum.checked_add(cost))
        })
    }

    /// The dearest that `prompt` and `output` tokens can cost, whatever classes they turn out to be.
    #[must_use]
    pub fn worst_cost(&self, prompt: u64, output: u64) -> u64 {
        let dearest = |input: bool| {
            TokenClass::ALL
                .iter()
                .filter(|class| class.is_input() == input)
                .filter_map(|class| self.of(*class))
                .max()
                .unwrap_or(0)
        };
        dearest(true).saturating_mul(prompt).saturating_add(dearest(false).saturating_mul(output))
    }
}

/// Prices by model name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices(BTreeMap<String, Price>);

impl Prices {
    pub fn insert(&mut self, model: impl Into<String>, price: Price) {
        self.0.insert(model.into(), price);
    }

    /// The price of a model: by its exact name, else by its name without the date of the snapshot
    /// (`gpt-4o-2024-08-06` → `gpt-4o`).
    #[must_use]
    pub fn of(&self, model: &str) -> Option<&Price> {
        self.0.get(model).or_else(|| self.0.get(without_date(model)?))
    }

    pub fn models(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// `name` of `name-YYYY-MM-DD`.
fn without_date(model: &str) -> Option<&str> {
    let (name, date) = model.split_at_checked(model.len().checked_sub("-YYYY-MM-DD".len())?)?;
    let is_date = date.bytes().enumerate().all(|(at, byte)| match at {
        0 | 5 | 8 => byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    is_date.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPT_4O: Price = Price {
        input: 2_500_000,
        output: 10_000_000,
        cache_read: Some(1_250_000),
        cache_write_5m: None,
        cache_write_1h: None,
        audio_in: None,
        audio_out: None,
    };

    #[test]
    fn cached_tokens_cost_less_and_reasoning_costs_like_output() {
        let usage = Usage {
            uncached_input: 1_000,
            cache_read: 1_000,
            output_visible: 100,
            reasoning: 100,
            ..Usage::default()
        };
        // 1000 × 2.50 + 1000 × 1.25 + 200 × 10 USD, each per million tokens: 0.00575 USD.
        assert_eq!(GPT_4O.cost(&usage), Some(5_750_000_000));
    }

    #[test]
    fn a_class_without_a_price_is_unpriced_not_free() {
        assert_eq!(GPT_4O.cost(&Usage { audio_in: 1, ..Usage::default() }), None);
        assert_eq!(GPT_4O.cost(&Usage::default()), Some(0));
    }

    #[test]
    fn a_dated_snapshot_costs_what_its_model_does() {
        let mut prices = Prices::default();
        prices.insert("gpt-4o", GPT_4O);
        assert_eq!(prices.of("gpt-4o-2024-08-06"), Some(&GPT_4O));
        assert_eq!(prices.of("gpt-4o-audio-preview"), None);
        assert_eq!(prices.of(""), None);
    }

    #[test]
    fn worst_cost_covers_every_class() {
        let price = Price { cache_write_1h: Some(6), input: 3, output: 15, ..Price::default() };
        assert_eq!(price.worst_cost(10, 2), 10 * 6 + 2 * 15);
    }
}
