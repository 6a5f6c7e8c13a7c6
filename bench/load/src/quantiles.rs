//! Quantiles of exact samples: a slice of the benchmark has few enough to keep them all.

use serde::Serialize;

/// In microseconds.
#[derive(Debug, Serialize, PartialEq)]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub max: f64,
    pub mean: f64,
    pub samples: usize,
}

impl Quantiles {
    /// Of samples in nanoseconds, by the nearest-rank method; none of none.
    pub fn of(mut nanoseconds: Vec<u64>) -> Option<Self> {
        nanoseconds.sort_unstable();
        let (last, samples) = (*nanoseconds.last()?, nanoseconds.len());
        let micros = |nanos: u64| nanos as f64 / 1e3;
        let rank = |percent: usize| micros(nanoseconds[(samples * percent).div_ceil(100).saturating_sub(1)]);
        let sum: u128 = nanoseconds.iter().map(|&nanos| u128::from(nanos)).sum();
        Some(Self {
            p50: rank(50),
            p90: rank(90),
            p99: rank(99),
            max: micros(last),
            mean: sum as f64 / samples as f64 / 1e3,
            samples,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_of_one_to_two_hundred_microseconds() {
        let samples = (1..=200).rev().map(|micros| micros * 1000).collect();
        let expected =
            Quantiles { p50: 100.0, p90: 180.0, p99: 198.0, max: 200.0, mean: 100.5, samples: 200 };
        assert_eq!(Quantiles::of(samples), Some(expected));
    }

    #[test]
    fn nothing_has_no_quantiles() {
        assert_eq!(Quantiles::of(Vec::new()), None);
    }
}
