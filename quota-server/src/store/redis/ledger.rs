//! The ledger's rows: numbers of eight bytes in one text, which a Redis adds to without reading them.

use crate::store::ledger::Sums;

/// By their place, of which a new one is the last.
fn numbers(sums: &mut Sums) -> impl Iterator<Item = &mut u64> {
    let Sums { requests, tokens, cost_pico_usd, duration_ms, unpriced } = sums;
    [requests, cost_pico_usd, duration_ms, unpriced].into_iter().chain(tokens)
}

/// What is to be added at which place.
pub(super) fn additions(mut sums: Sums) -> Vec<(usize, u64)> {
    let most = i64::MAX.unsigned_abs();
    let numbers = numbers(&mut sums).enumerate().map(|(place, number)| (place, (*number).min(most)));
    numbers.filter(|(_, number)| *number > 0).collect()
}

/// A row as it is in a Redis, where places at its end may be missing.
pub(super) fn sums(row: &[u8]) -> Sums {
    let mut sums = Sums::default();
    for (number, bytes) in numbers(&mut sums).zip(row.as_chunks().0) {
        *number = u64::from_be_bytes(*bytes);
    }
    sums
}

pub(super) fn row(mut sums: Sums) -> Vec<u8> {
    numbers(&mut sums).flat_map(|number| number.to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written_and_a_shorter_one_ends_in_zeros() {
        let some = Sums { requests: 1, tokens: [2; 9], cost_pico_usd: 3, duration_ms: 4, unpriced: 5 };
        assert_eq!(sums(&row(some)), some);
        assert_eq!(sums(&row(some)[..16]), Sums { requests: 1, cost_pico_usd: 3, ..Sums::default() });
        assert_eq!(
            additions(Sums { requests: 7, duration_ms: u64::MAX, ..Sums::default() }),
            [(0, 7), (2, i64::MAX.unsigned_abs())]
        );
    }
}
