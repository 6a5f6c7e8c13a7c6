//! Chance, from a seed.

use std::cell::Cell;

/// SplitMix64 (Steele, Lea and Flood 2014): small, seeded, good enough to shuffle events.
#[derive(Debug)]
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(Cell::new(seed))
    }

    /// From 0 to one less than `sides`.
    pub(crate) fn roll(&self, sides: u64) -> u64 {
        self.0.set(self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
        let mut z = self.0.get();
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    /// One in `times`; never where that is 0.
    pub(crate) fn once_in(&self, times: u64) -> bool {
        times > 0 && self.roll(times) == 0
    }

    pub(crate) fn from(&self, least: u64, most: u64) -> u64 {
        least + self.roll(most - least + 1)
    }

    pub(crate) fn pick<T: Copy>(&self, of: &[T]) -> T {
        of[self.index(of.len())]
    }

    pub(crate) fn index(&self, len: usize) -> usize {
        usize::try_from(self.roll(len as u64)).unwrap_or(0)
    }
}
