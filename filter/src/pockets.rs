//! What a worker has taken out of the process's leases beforehand.
//!
//! A lease lies in shared data, and every touch costs calls into the host. Where a bucket has plenty, a worker takes
//! the amount of several calls at once and serves those from its own memory. Pockets are emptied on every tick, so
//! nothing is kept from other workers for longer, and there are none where a bucket runs low.

use quota::{BucketKey, Epoch};
use std::collections::BTreeMap;

/// How many calls a pocket is filled for.
pub(crate) const CALLS: u64 = 16;

#[derive(Debug, Default)]
pub(crate) struct Pockets {
    held: BTreeMap<BucketKey, Pocket>,
}

#[derive(Debug)]
struct Pocket {
    epoch: Epoch,
    ends_at: u64,
    amount: u64,
    /// What comes back beyond this is put into the lease.
    most: u64,
}

impl Pockets {
    /// Takes `need` out, if there is so much that may still be spent.
    pub(crate) fn take(&mut self, key: BucketKey, need: u64, generation: u32, now: u64) -> Option<Epoch> {
        let pocket = self.held.get_mut(&key)?;
        if pocket.epoch.generation < generation || now >= pocket.ends_at {
            return None;
        }
        pocket.amount = pocket.amount.checked_sub(need)?;
        Some(pocket.epoch)
    }

    /// Fills an empty pocket.
    pub(crate) fn fill(&mut self, key: BucketKey, epoch: Epoch, ends_at: u64, amount: u64) {
        self.held.insert(key, Pocket { epoch, ends_at, amount, most: amount.saturating_mul(2) });
    }

    /// Takes back what a call did not use. `false`: it belongs into the lease.
    pub(crate) fn credit(&mut self, key: BucketKey, epoch: Epoch, amount: u64, now: u64) -> bool {
        let Some(pocket) = self.held.get_mut(&key) else { return false };
        let after = pocket.amount.saturating_add(amount);
        let fits = pocket.epoch == epoch && now < pocket.ends_at && after <= pocket.most;
        if fits {
            pocket.amount = after;
        }
        fits
    }

    /// Empties one pocket.
    pub(crate) fn empty(&mut self, key: BucketKey) -> Option<(Epoch, u64)> {
        self.held.remove(&key).map(|pocket| (pocket.epoch, pocket.amount))
    }

    pub(crate) fn keys(&self) -> Vec<BucketKey> {
        self.held.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: BucketKey = BucketKey(1);
    const EPOCH: Epoch = Epoch { window: 5, generation: 2 };

    fn filled() -> Pockets {
        let mut pockets = Pockets::default();
        pockets.fill(KEY, EPOCH, 100, 50);
        pockets
    }

    #[test]
    fn calls_are_served_until_it_is_empty() {
        let mut pockets = filled();
        assert_eq!(pockets.take(KEY, 30, 2, 10), Some(EPOCH));
        assert_eq!(pockets.take(KEY, 30, 2, 10), None);
        assert!(pockets.credit(KEY, EPOCH, 10, 10));
        assert_eq!(pockets.take(KEY, 30, 2, 10), Some(EPOCH));
        assert_eq!(pockets.empty(KEY), Some((EPOCH, 0)));
    }

    #[test]
    fn what_may_not_be_spent_any_more_stays_for_the_report() {
        assert_eq!(filled().take(KEY, 1, 3, 10), None, "a newer generation");
        assert_eq!(filled().take(KEY, 1, 2, 100), None, "the window is over");
        assert_eq!(filled().empty(KEY), Some((EPOCH, 50)));
    }

    #[test]
    fn what_came_from_elsewhere_or_is_too_much_goes_to_the_lease() {
        let mut pockets = filled();
        assert!(!pockets.credit(KEY, Epoch { window: 4, ..EPOCH }, 1, 10));
        assert!(!pockets.credit(BucketKey(2), EPOCH, 1, 10));
        assert!(!pockets.credit(KEY, EPOCH, 51, 10));
        assert!(pockets.credit(KEY, EPOCH, 50, 10));
    }
}
