//! What one Envoy process has taken of a bucket's local share, which it may spend while the server can't be asked: the record
//! in a slot of its shared data, changed as leases are.

use crate::{BucketKey, words};

/// The record. Times are ms by a clock of this process that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    pub key: BucketKey,
    /// When there is a new share.
    pub until: u64,
    /// Spent, or held by calls in flight.
    pub taken: u64,
}

impl Local {
    /// Bytes of [`Local::encode`].
    pub const SIZE: usize = 40;

    #[must_use]
    pub const fn begin(key: BucketKey, until: u64) -> Local {
        Local { key, until, taken: 0 }
    }

    /// Whether the record speaks of `key` now.
    #[must_use]
    pub fn is_live(&self, key: BucketKey, now: u64) -> bool {
        self.key == key && !self.is_over(now)
    }

    /// Whether its share can be had anew, so that nobody needs the record.
    #[must_use]
    pub const fn is_over(&self, now: u64) -> bool {
        now >= self.until || self.taken == 0
    }

    /// Takes `need` out of a share, if there is so much of it left.
    #[must_use]
    pub fn take(&self, need: u64, share: u64) -> Option<Local> {
        let taken = self.taken.checked_add(need).filter(|taken| *taken <= share)?;
        Some(Local { taken, ..*self })
    }

    /// A call that held so much of it has spent so much.
    #[must_use]
    pub const fn settle(&self, held: u64, spent: u64) -> Local {
        Local { taken: self.taken.saturating_sub(held).saturating_add(spent), ..*self }
    }

    #[must_use]
    pub fn encode(&self) -> [u8; Local::SIZE] {
        let [low, high] = self.key.halves();
        words::to_bytes([low, high, self.until, self.taken, LAYOUT])
    }

    /// `None` for anything that [`Local::encode`] of this version did not write.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Local> {
        let [low, high, until, taken, LAYOUT] = words::from_bytes(bytes)? else { return None };
        Some(Local { key: BucketKey::of_halves([low, high]), until, taken })
    }
}

/// Changes with the layout: a record written by another version of the module in the same process is not misread.
const LAYOUT: u64 = u64::from_le_bytes(*b"tklocal1");

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: BucketKey = BucketKey(7 << 70 | 3);

    #[test]
    fn a_share_is_taken_up_to_its_end_and_comes_back_when_it_was_not_spent() {
        let half = Local::begin(KEY, 100).take(50, 100).unwrap();
        assert_eq!(half.take(51, 100), None);
        let all = half.take(50, 100).unwrap();
        assert_eq!(all.take(1, 100), None);
        assert_eq!(all.settle(50, 10).take(40, 100).map(|local| local.taken), Some(100));
        assert_eq!(all.settle(50, 70).taken, 120, "what went beyond counts, too");
    }

    #[test]
    fn there_is_a_new_one_only_when_its_time_is_over() {
        let some = Local::begin(KEY, 100).take(50, 100).unwrap();
        assert!(some.is_live(KEY, 99) && !some.is_live(KEY, 100) && !some.is_live(BucketKey(1), 99));
        assert!(some.is_over(100) && !some.is_over(99));
        assert!(some.settle(50, 0).is_over(99), "nothing of it was spent");
    }

    #[test]
    fn records_survive_the_round_trip_and_garbage_is_no_record() {
        let local = Local { key: KEY, until: 5, taken: u64::MAX };
        assert_eq!(Local::decode(&local.encode()), Some(local));
        assert_eq!(Local::decode(&[0; Local::SIZE]), None);
        assert_eq!(Local::decode(b"short"), None);
    }
}
