//! What a token of each class counts for, in budgets of weighted tokens.

use serde::{Deserialize, Serialize};
use tokens::{TokenClass, Usage};

/// Thousandths, in the order of [`TokenClass::ALL`]: exact, so that sums are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weights([u32; TokenClass::ALL.len()]);

impl Weights {
    /// The weight of one.
    pub const ONE: u32 = 1_000;

    #[must_use]
    pub fn of(weight: impl Fn(TokenClass) -> u32) -> Weights {
        Weights(TokenClass::ALL.map(weight))
    }

    /// Rounded up once, after all that a call used is summed up.
    #[must_use]
    pub fn count(&self, usage: &Usage) -> u64 {
        let weighted = self.iter().map(|(class, weight)| times(usage.get(class), weight));
        whole(weighted.fold(0, u128::saturating_add))
    }

    /// The most that so many tokens can count for, whatever classes they turn out to be of.
    #[must_use]
    pub fn most(&self, prompt: u64, output: u64) -> u64 {
        let dearest = |input: bool| {
            let side = self.iter().filter(|(class, _)| class.is_input() == input);
            side.map(|(_, weight)| weight).max().unwrap_or(0)
        };
        whole(times(prompt, dearest(true)).saturating_add(times(output, dearest(false))))
    }

    fn iter(&self) -> impl Iterator<Item = (TokenClass, u32)> {
        TokenClass::ALL.into_iter().zip(self.0)
    }
}

fn times(count: u64, weight: u32) -> u128 {
    u128::from(count).saturating_mul(weight.into())
}

fn whole(thousandths: u128) -> u64 {
    u64::try_from(thousandths.div_ceil(Weights::ONE.into())).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Output four times, cached prompts a tenth.
    fn weights() -> Weights {
        Weights::of(|class| match class {
            TokenClass::CacheRead => 100,
            class if class.is_input() => 1_000,
            _ => 4_000,
        })
    }

    #[test]
    fn a_call_counts_the_sum_of_its_weighted_classes_rounded_up() {
        let usage =
            Usage { uncached_input: 10, cache_read: 15, output_visible: 3, reasoning: 2, ..Usage::default() };
        // 10 + 1.5 + 20 = 31.5
        assert_eq!(weights().count(&usage), 32);
        assert_eq!(weights().count(&Usage { cache_read: 20, ..Usage::default() }), 2);
        assert_eq!(weights().count(&Usage { uncached_input: u64::MAX, ..usage }), u64::MAX);
    }

    #[test]
    fn the_most_it_can_count_is_by_the_dearest_class_of_each_side() {
        // All of the prompt might be uncached.
        assert_eq!(weights().most(100, 10), 140);
        let cheap_cache = Weights::of(|class| if class == TokenClass::CacheWrite1h { 2_500 } else { 1 });
        assert_eq!(cheap_cache.most(3, 1), 8, "7.501 rounded up");
    }
}
