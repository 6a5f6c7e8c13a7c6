//! Which buckets this worker deals with, and how much of them it needs.

use hashbrown::HashMap;
use quota::BucketKey;
use quota::proto::{Bucket, Want};

/// Buckets remembered at a time; calls on others are admitted all the same, only with less foresight.
const MOST: usize = 10_000;

/// A bucket that no request touched for so long gives its lease back.
const IDLE_MS: u64 = 5_000;

#[derive(Debug, Default)]
pub(crate) struct Buckets {
    known: HashMap<BucketKey, Known>,
}

#[derive(Debug)]
struct Known {
    bucket: Bucket,
    /// Asked for since the last tick.
    fresh: u64,
    /// Asked for per tick, smoothed.
    demand: u64,
    used_at: u64,
    wants_refill: bool,
}

impl Buckets {
    /// A request needs `amount` of the bucket.
    pub(crate) fn demanded(
        &mut self,
        key: BucketKey,
        now: u64,
        amount: u64,
        bucket: impl FnOnce() -> Bucket,
    ) {
        if self.known.len() >= MOST && !self.known.contains_key(&key) {
            return;
        }
        let known = self.known.entry(key).or_insert_with(|| Known {
            bucket: bucket(),
            fresh: 0,
            demand: 0,
            used_at: now,
            wants_refill: false,
        });
        known.fresh = known.fresh.saturating_add(amount);
        known.used_at = now;
    }

    /// Have the next tick ask for more, however much is in hand.
    pub(crate) fn wants_refill(&mut self, key: BucketKey) {
        if let Some(known) = self.known.get_mut(&key) {
            known.wants_refill = true;
        }
    }

    /// What this worker needs of the bucket per tick.
    pub(crate) fn demand(&self, key: BucketKey) -> u64 {
        self.known.get(&key).map_or(0, |known| known.demand.max(known.fresh))
    }

    /// Ends a tick: smooths the demand, and answers the buckets that were in use, each with what the next tick will
    /// need and whether it has to be asked for anyway.
    pub(crate) fn tick(&mut self) -> Vec<(BucketKey, Want, bool)> {
        let mut busy = Vec::new();
        for (key, known) in &mut self.known {
            let used = std::mem::take(&mut known.fresh);
            // Up at once, down by halves: a burst is provided for, and forgotten after a few ticks.
            known.demand = used.max(known.demand / 2);
            if used > 0 || known.wants_refill {
                let want = Want { bucket: Some(known.bucket.clone()), need: 0, demand: known.demand };
                busy.push((*key, want, std::mem::take(&mut known.wants_refill)));
            }
        }
        busy
    }

    pub(crate) fn bucket(&self, key: BucketKey) -> Option<Bucket> {
        self.known.get(&key).map(|known| known.bucket.clone())
    }

    /// Forgets the buckets that have been idle, and answers them, each with the latest time of use at which its lease
    /// counts as idle.
    pub(crate) fn forget_idle(&mut self, now: u64) -> Vec<(BucketKey, Bucket, u64)> {
        let idle_since = now.saturating_sub(IDLE_MS);
        self.known
            .extract_if(|_, known| known.used_at < idle_since)
            .map(|(key, known)| (key, known.bucket, idle_since))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: BucketKey = BucketKey(1);

    fn demand_after(ticks: &[u64]) -> u64 {
        let mut buckets = Buckets::default();
        for (at, amount) in ticks.iter().enumerate() {
            buckets.demanded(KEY, at as u64, *amount, Bucket::default);
            buckets.tick();
        }
        buckets.demand(KEY)
    }

    #[test]
    fn demand_rises_at_once_and_falls_by_halves() {
        assert_eq!(demand_after(&[100]), 100);
        assert_eq!(demand_after(&[100, 800]), 800);
        assert_eq!(demand_after(&[800, 0, 0]), 200);
    }

    #[test]
    fn only_buckets_in_use_are_looked_after() {
        let mut buckets = Buckets::default();
        buckets.demanded(KEY, 0, 10, Bucket::default);
        assert_eq!(buckets.tick().len(), 1);
        assert!(buckets.tick().is_empty());
        buckets.wants_refill(KEY);
        assert!(buckets.tick()[0].2);
    }

    #[test]
    fn idle_buckets_are_forgotten_and_their_number_is_bounded() {
        let mut buckets = Buckets::default();
        for key in 0..20_000u128 {
            buckets.demanded(BucketKey(key), 0, 1, Bucket::default);
        }
        assert_eq!(buckets.forget_idle(IDLE_MS).len(), 0);
        assert_eq!(buckets.forget_idle(IDLE_MS + 1).len(), MOST);
        assert_eq!(buckets.demand(KEY), 0);
    }
}
