//! The small languages inside the file's values: limits, windows, prices, header names.

use crate::Unit;
use crate::money::scaled_decimal;

/// Keeps every sum of two amounts inside what SQLite and the protocol carry.
const LARGEST_AMOUNT: u64 = 1 << 60;

/// `100000 tokens`, `20 requests`, `500 USD`.
pub(super) fn limit(text: &str) -> Result<(u64, Unit), String> {
    let (amount, unit) = text.trim().split_once(char::is_whitespace).ok_or("say an amount and a unit")?;
    let amount = amount.replace('_', "");
    let (unit, scale) = match unit.trim() {
        "request" | "requests" => (Unit::Requests, 0),
        "token" | "tokens" => (Unit::Tokens, 0),
        "USD" => (Unit::PicoUsd, 12),
        other => return Err(format!("unknown unit `{other}`")),
    };
    let amount =
        scaled_decimal(&amount, scale).ok_or_else(|| format!("`{amount}` is no amount of {unit:?}"))?;
    if amount == 0 || amount > LARGEST_AMOUNT {
        return Err("must be more than 0 and at most 1152921504606846976 units".to_owned());
    }
    Ok((amount, unit))
}

/// `30s`, `15m`, `1h`, `1d`, `7d`; or the words `minute`, `hour`, `day`.
pub(super) fn window(text: &str) -> Result<u64, String> {
    let text = match text.trim() {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        "day" => "1d",
        "week" | "month" | "quarter" | "year" => {
            return Err("calendar windows are not built yet, only fixed lengths".to_owned());
        }
        text if text.starts_with("rolling") => {
            return Err("rolling windows are not built yet, only fixed ones".to_owned());
        }
        text => text,
    };
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_ms: u64 = match text.get(digits.len()..) {
        Some("s") => 1_000,
        Some("m") => 60_000,
        Some("h") => 3_600_000,
        Some("d") => 86_400_000,
        _ => return Err(format!("`{text}` is no length of time")),
    };
    digits
        .parse::<u64>()
        .ok()
        .and_then(|count| count.checked_mul(unit_ms))
        .filter(|ms| (1_000..=366 * 86_400_000).contains(ms))
        .ok_or_else(|| format!("`{text}` must be from 1s to 366d"))
}

/// USD per million tokens as pico-USD per token.
pub(super) fn per_million(usd: f64) -> Result<u64, String> {
    // The shortest decimal that reads back as this float is the one that was written.
    scaled_decimal(&usd.to_string(), 6)
        .filter(|pico| *pico <= crate::PICO_PER_USD)
        .ok_or_else(|| format!("{usd} is no price: from 0 to 1000000 USD per million, in steps of 0.000001"))
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
    fn limits_and_windows_read_as_people_write_them() {
        assert_eq!(limit("1_000_000 tokens"), Ok((1_000_000, Unit::Tokens)));
        assert_eq!(limit("0.25 USD"), Ok((250_000_000_000, Unit::PicoUsd)));
        assert_eq!(window("15m"), Ok(900_000));
        assert_eq!(window("day"), Ok(86_400_000));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in
            ["", "5", "tokens", "-1 tokens", "1.5 tokens", "0 USD", "1 EUR", "99999999999999999999 tokens"]
        {
            assert!(limit(bad).is_err(), "{bad}");
        }
        for bad in ["", "5", "1y", "0s", "month", "rolling 60s", "999999999999999999999h"] {
            assert!(window(bad).is_err(), "{bad}");
        }
        for bad in [-1.0, f64::NAN, f64::INFINITY, 0.000_000_1, 2e6] {
            assert!(per_million(bad).is_err(), "{bad}");
        }
    }
}
