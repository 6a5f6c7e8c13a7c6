//! The small languages inside the file's values: limits, prices, header names.

use crate::money::scaled_decimal;
use crate::{Classes, Unit, Weights};

/// Keeps every sum of two amounts inside what SQLite and the protocol carry.
const LARGEST_AMOUNT: u64 = 1 << 60;

/// `100000 tokens`, `20 requests`, `500 USD`. Of weighted tokens the weights are said elsewhere.
pub(super) fn limit(text: &str) -> Result<(u64, Unit), String> {
    let (amount, unit) = text.trim().split_once(char::is_whitespace).ok_or("say an amount and a unit")?;
    let amount = amount.replace('_', "");
    let (unit, scale) = match unit.trim() {
        "request" | "requests" => (Unit::Requests, 0),
        "concurrent request" | "concurrent requests" => (Unit::ConcurrentRequests, 0),
        "weighted tokens" => (Unit::Weighted(Weights::of(|_| Weights::ONE)), 0),
        "GPU second" | "GPU seconds" => (Unit::GpuMs, 3),
        "token" | "tokens" => (Unit::Tokens, 0),
        "USD" => (Unit::PicoUsd, 12),
        other => match other.strip_suffix("tokens").map(|classes| Classes::named(classes.trim())) {
            Some(Ok(classes)) => (Unit::TokensOf(classes), 0),
            Some(Err(name)) => return Err(format!("unknown class of tokens `{name}`")),
            None => return Err(format!("unknown unit `{other}`{}", near(other))),
        },
    };
    match scaled_decimal(&amount, scale) {
        Some(amount @ 1..=LARGEST_AMOUNT) => Ok((amount, unit)),
        None if !is_huge(&amount, scale) => Err(format!("`{amount}` is no amount of {unit}")),
        _ => Err(format!("must be more than 0 and at most {}", unit.amount(LARGEST_AMOUNT))),
    }
}

/// Whether it is a number, and what of it is before the point needs more than a `u64`'s 20 digits in all.
fn is_huge(amount: &str, scale: i32) -> bool {
    let whole = amount.split('.').next().unwrap_or_default();
    let digits = i32::try_from(whole.len()).unwrap_or(i32::MAX);
    whole.bytes().all(|byte| byte.is_ascii_digit()) && digits.saturating_add(scale) >= 20
}

fn near(unit: &str) -> String {
    let known = ["tokens", "requests", "concurrent requests", "weighted tokens", "GPU seconds", "USD"];
    let close = nearest(unit, &known).filter(|close| close.starts_with("did you mean"));
    close.map_or_else(String::new, |close| format!(", {close}"))
}

/// `10%`, `12.5%`, as thousandths: from 0.1% to 100%.
pub(super) fn permille(text: &str) -> Result<u16, String> {
    let part = text.trim().strip_suffix('%').and_then(|number| scaled_decimal(number.trim(), 1));
    let permille = part.filter(|part| (1..=1000).contains(part)).and_then(|part| u16::try_from(part).ok());
    permille.ok_or_else(|| format!("`{text}` is no part: from 0.1% to 100%, in steps of 0.1%"))
}

/// USD per million tokens as pico-USD per token.
pub(super) fn per_million(usd: f64) -> Result<u64, String> {
    // The shortest decimal that reads back as this float is the one that was written.
    scaled_decimal(&usd.to_string(), 6)
        .filter(|pico| *pico <= crate::PICO_PER_USD)
        .ok_or_else(|| format!("{usd} is no price: from 0 to 1000000 USD per million, in steps of 0.000001"))
}

/// A decimal of at most three places, in thousandths.
pub(super) fn thousandths(number: f64, most: u32) -> Result<u32, String> {
    // As for prices.
    let found = scaled_decimal(&number.to_string(), 3).and_then(|found| u32::try_from(found).ok());
    found
        .filter(|found| *found <= most.saturating_mul(1_000))
        .ok_or_else(|| format!("{number} must be from 0 to {most}, in steps of 0.001"))
}

/// A header's name in lower case.
pub(super) fn header_name(name: &str) -> Result<String, String> {
    let valid = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:".contains(&byte));
    if valid { Ok(name.to_ascii_lowercase()) } else { Err(format!("`{name}` is no header name")) }
}

/// "did you mean …?" for a name that is close to a known one.
pub(super) fn nearest(name: &str, known: &[&str]) -> Option<String> {
    known
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, candidate)| format!("did you mean `{candidate}`?"))
        .or_else(|| Some(format!("known: {}", known.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_read_as_people_write_them() {
        assert_eq!(limit("1_000_000 tokens"), Ok((1_000_000, Unit::Tokens)));
        let reasoning = Classes::named("reasoning").unwrap();
        assert_eq!(limit("500 reasoning tokens"), Ok((500, Unit::TokensOf(reasoning))));
        assert_eq!(limit("20 concurrent requests"), Ok((20, Unit::ConcurrentRequests)));
        assert_eq!(limit("0.5 GPU seconds"), Ok((500, Unit::GpuMs)));
        assert_eq!(limit("0.25 USD"), Ok((250_000_000_000, Unit::PicoUsd)));
    }

    #[test]
    fn parts_are_percentages() {
        assert_eq!([permille("10%"), permille("0.1 %"), permille("100%")], [Ok(100), Ok(1), Ok(1000)]);
        for bad in ["10", "0%", "100.1%", "0.05%", "-1%", "%", "a%"] {
            assert!(permille(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            "",
            "5",
            "tokens",
            "-1 tokens",
            "1.5 tokens",
            "0.0001 GPU seconds",
            "1.5 concurrent requests",
            "0 USD",
            "1 EUR",
            "5 thoughtful tokens",
            "99999999999999999999 tokens",
        ] {
            assert!(limit(bad).is_err(), "{bad}");
        }
        for (bad, why) in [
            ("5 tokenz", "unknown unit `tokenz`, did you mean `tokens`?"),
            ("0 tokens", "must be more than 0 and at most 1152921504606846976 tokens"),
            ("100000000000 USD", "must be more than 0 and at most 1152921.504606846976 USD"),
            ("1,000 tokens", "`1,000` is no amount of tokens"),
        ] {
            assert_eq!(limit(bad), Err(why.to_owned()));
        }
        for bad in [-0.1, f64::NAN, 0.0001, 8.001] {
            assert!(thousandths(bad, 8).is_err(), "{bad}");
        }
        assert_eq!((thousandths(0.125, 8), thousandths(8.0, 8)), (Ok(125), Ok(8_000)));
        for bad in [-1.0, f64::NAN, f64::INFINITY, 0.000_000_1, 2e6] {
            assert!(per_million(bad).is_err(), "{bad}");
        }
    }
}
