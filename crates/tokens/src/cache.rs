//! Counting one text after the other.

use crate::{Count, Encoding, Work, batch::Desk, counter::count_pieces, memory::Slot};

/// Pieces that were merged are remembered across texts: half of those that a text needs are there.
const SLOTS: usize = 2048;

/// Counts texts as [`count`](crate::count) does, and remembers from one to the next what pieces of up to 15 bytes were merged
/// into. The counts are the same, and so is the [`Work`] they take, whatever was counted before. Only the time is not: 10 to
/// 30 % less for texts of 10 kB, more for short ones.
///
/// It is 45 kB in one piece, to be kept as long as texts are counted. It holds pieces of one vocabulary at a time.
#[derive(Debug)]
pub struct Cache {
    encoding: Encoding,
    desk: Desk<[Slot; SLOTS]>,
}

impl Cache {
    #[must_use]
    pub const fn new() -> Cache {
        Cache { encoding: Encoding::O200kBase, desk: Desk::new() }
    }

    /// As [`count`](crate::count).
    pub fn count(&mut self, encoding: Encoding, text: &str) -> u64 {
        self.count_within(encoding, text, &mut Work::unbounded()).tokens
    }

    /// As [`count_within`](crate::count_within).
    pub fn count_within(&mut self, encoding: Encoding, text: &str, work: &mut Work) -> Count {
        if !encoding.shares_vocabulary(self.encoding) {
            *self = Cache { encoding, ..Cache::new() };
        }
        count_pieces(encoding, text.as_bytes(), &mut self.desk, work, |_, _| false)
    }
}

impl Default for Cache {
    fn default() -> Cache {
        Cache::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_as_large_as_it_says() {
        assert!(size_of::<Cache>() <= 45_000);
    }
}
