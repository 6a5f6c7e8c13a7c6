//! Money as integers: pico-USD, so that the price of a single token is a whole number and no sum ever rounds.

/// 1 USD in pico-USD.
pub const PICO_PER_USD: u64 = 1_000_000_000_000;

/// A decimal such as `2.5`, `0.0000025` or `2.5e-06`, times ten to the power of `scale`, if that is a whole number
/// that fits. Digits are moved as text: no float touches an amount.
#[cfg(feature = "yaml")]
pub(crate) fn scaled_decimal(text: &str, scale: i32) -> Option<u64> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = i32::try_from(fraction.len()).ok()?;
    let shift = scale.checked_add(exponent)?.checked_sub(places)?;
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return Some(0);
    }
    match usize::try_from(shift) {
        Ok(zeros) if zeros <= 20 => format!("{digits}{}", "0".repeat(zeros)).parse().ok(),
        Ok(_) => None,
        Err(_) => {
            let cut = usize::try_from(shift.checked_neg()?).ok()?;
            let (kept, dropped) = digits.split_at_checked(digits.len().saturating_sub(cut))?;
            let exact = digits.len() >= cut && dropped.bytes().all(|byte| byte == b'0');
            if !exact {
                return None;
            }
            if kept.is_empty() { Some(0) } else { kept.parse().ok() }
        }
    }
}

#[cfg(all(test, feature = "yaml"))]
mod tests {
    use super::scaled_decimal;

    #[test]
    fn published_prices_become_whole_pico_usd() {
        // USD per token, as price files write it: gpt-4o input and cached input.
        assert_eq!(scaled_decimal("2.5e-06", 12), Some(2_500_000));
        assert_eq!(scaled_decimal("1.25e-06", 12), Some(1_250_000));
        // USD per million tokens, as vendors' pages write it.
        assert_eq!(scaled_decimal("0.15", 6), Some(150_000));
        assert_eq!(scaled_decimal("500", 12), Some(500_000_000_000_000));
    }

    #[test]
    fn what_is_no_whole_amount_is_refused() {
        assert_eq!(scaled_decimal("0.0000001", 6), None);
        for bad in ["", ".", "-1", "1.2.3", "NaN", "1e99", "99999999999999999999"] {
            assert_eq!(scaled_decimal(bad, 12), None, "{bad}");
        }
        assert_eq!(scaled_decimal("0", 6), Some(0));
        assert_eq!(scaled_decimal("0.50", 1), Some(5));
    }
}
