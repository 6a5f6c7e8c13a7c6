//! What the streams of a worker keep: bounded together, since the memory of a VM never shrinks.

use std::cell::Cell;
use std::rc::Rc;

/// Bytes that may be kept, and are by now.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    most: u64,
    kept: Rc<Cell<u64>>,
}

/// What one of them keeps; given back with it.
#[derive(Debug)]
pub(super) struct Share {
    memory: Memory,
    bytes: u64,
}

impl Memory {
    pub(crate) fn of(most: u64) -> Memory {
        Memory { most, kept: Rc::default() }
    }

    /// A share of nothing.
    pub(super) fn share(&self) -> Share {
        Share { memory: self.clone(), bytes: 0 }
    }

    fn replace(&self, before: u64, now: u64) {
        self.kept.set(self.kept.get().saturating_sub(before).saturating_add(now));
    }

    /// Whether no more is kept than may be.
    pub(super) fn has_room(&self) -> bool {
        self.kept.get() <= self.most
    }

    #[cfg(test)]
    pub(super) fn kept(&self) -> u64 {
        self.kept.get()
    }
}

impl Share {
    /// From now on it keeps so much.
    pub(super) fn keep(&mut self, bytes: u64) {
        self.memory.replace(std::mem::replace(&mut self.bytes, bytes), bytes);
    }

    /// As [`Share::keep`], if there is room for it.
    pub(super) fn try_to_keep(&mut self, bytes: u64) -> bool {
        let before = self.bytes;
        self.keep(bytes);
        let fits = self.has_room();
        if !fits {
            self.keep(before);
        }
        fits
    }

    pub(super) fn has_room(&self) -> bool {
        self.memory.has_room()
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.keep(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_stays_within_the_bound_and_comes_back() {
        let memory = Memory::of(100);
        let (mut one, mut other) = (memory.share(), memory.share());
        assert!(one.try_to_keep(60));
        assert!(!other.try_to_keep(41));
        assert!(other.try_to_keep(40) && memory.has_room());
        one.keep(61);
        assert!(!memory.has_room(), "somebody had to keep more");
        drop(one);
        assert_eq!(memory.kept(), 40);
        assert!(!other.try_to_keep(101), "one may have to be left out");
        assert_eq!(memory.kept(), 40, "and keeps what it had");
    }
}
