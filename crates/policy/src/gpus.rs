//! Self-hosted models: how many GPUs work on a call, and for how long at most.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// By name of a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gpus(BTreeMap<String, Gpu>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// GPUs, in thousandths: a model may have a slice of one.
    pub thousandths: u32,
    /// How long a call is reserved for.
    pub max_ms: u64,
}

impl Gpus {
    pub fn insert(&mut self, model: impl Into<String>, gpu: Gpu) {
        self.0.insert(model.into(), gpu);
    }

    /// `None`: it is somebody else's, or nobody said.
    #[must_use]
    pub fn of(&self, model: &str) -> Option<Gpu> {
        self.0.get(model).copied()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Gpu {
    /// GPU-milliseconds of a call that the model worked on for so long, rounded up.
    #[must_use]
    pub fn time_ms(self, worked_ms: u64) -> u64 {
        let thousandths = u128::from(worked_ms).saturating_mul(self.thousandths.into());
        u64::try_from(thousandths.div_ceil(1_000)).unwrap_or(u64::MAX)
    }

    /// What a call holds while it runs.
    #[must_use]
    pub fn reserved_ms(self) -> u64 {
        self.time_ms(self.max_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_taken_times_the_gpus_that_work() {
        let four = Gpu { thousandths: 4_000, max_ms: 60_000 };
        assert_eq!((four.time_ms(1_500), four.reserved_ms()), (6_000, 240_000));
        let slice = Gpu { thousandths: 125, max_ms: 1_000 };
        assert_eq!((slice.time_ms(1), slice.time_ms(8), slice.time_ms(9)), (1, 1, 2));
        assert_eq!(four.time_ms(u64::MAX), u64::MAX);
    }
}
