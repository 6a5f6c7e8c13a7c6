//! Which buckets this worker deals with, and how much of them it needs.

use quota::BucketKey;
use quota::proto::{Bucket, Want};
use std::collections::BTreeMap;

/// Buckets remembered at a time; calls on others are admitted all the same, only with less foresight.
const MOST: usize = 10_000;

/// A bucket that no request touched for so long gives its lease back.
const IDLE_MS: u64 = 5_000;

/// What was last used before this counts as idle.
pub(crate) fn idle_since(now: u64) -> u64 {
    now.saturating_sub(IDLE_MS)
}

/// The least demand there is; 0 would say that it is unknown.
const LITTLE: u64 = 1;

#[derive(Debug, Default)]
pub(crate) struct Buckets {
    known: BTreeMap<BucketKey, Known>,
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
    /// Whether a question that tells the demand is under way.
    asked: bool,
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
            asked: false,
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

    /// What a question for the bucket says of this worker's demand. Of questions under way at a time only one has
    /// it: were each granted for the same demand again, one burst on a cold bucket would take what others need.
    pub(crate) fn demand_to_ask_for(&mut self, key: BucketKey) -> u64 {
        let Some(known) = self.known.get_mut(&key) else { return 0 };
        if std::mem::replace(&mut known.asked, true) {
            return LITTLE;
        }
        known.demand.max(known.fresh)
    }

    /// The server has answered for the bucket: should its lease be dry again, the demand has grown meanwhile, and the
    /// next question says so.
    pub(crate) fn answered(&mut self, key: BucketKey) {
        if let Some(known) = self.known.get_mut(&key) {
            known.asked = false;
        }
    }

    /// Ends a tick: smooths the demand, and answers the buckets that were in use, each with what the next tick will
    /// need and whether it has to be asked for anyway.
    pub(crate) fn tick(&mut self) -> Vec<(BucketKey, Want, bool)> {
        let mut busy = Vec::new();
        for (key, known) in &mut self.known {
            let used = std::mem::take(&mut known.fresh);
            known.asked = false;
            // Up at once, down by halves: a burst is provided for, and forgotten after a few ticks.
            known.demand = used.max(known.demand / 2);
            if used > 0 || known.wants_refill {
                let want =
                    Want { bucket: Some(known.bucket.clone()), demand: known.demand, ..Want::default() };
                busy.push((*key, want, std::mem::take(&mut known.wants_refill)));
            }
        }
        busy
    }

    pub(crate) fn bucket(&self, key: BucketKey) -> Option<Bucket> {
        self.known.get(&key).map(|known| known.bucket.clone())
    }

    /// Those of certain budgets.
    pub(crate) fn of(&self, budget: impl Fn(&str) -> bool) -> Vec<(BucketKey, Bucket)> {
        let known = self.known.iter().filter(|(_, known)| budget(&known.bucket.budget));
        known.map(|(key, known)| (*key, known.bucket.clone())).collect()
    }

    /// A call has settled with the bucket's lease, perhaps long after it asked for it.
    pub(crate) fn settled(&mut self, key: BucketKey, now: u64, bucket: impl FnOnce() -> Bucket) {
        self.demanded(key, now, 0, bucket);
    }

    /// The buckets that this worker has not used for a while.
    pub(crate) fn idle(&self, now: u64) -> Vec<BucketKey> {
        let since = idle_since(now);
        self.known.iter().filter(|(_, known)| known.used_at < since).map(|(key, _)| *key).collect()
    }

    /// The bucket's lease was in use until `used_at`, by whichever worker: it is looked at again when that is long ago.
    pub(crate) fn is_in_use(&mut self, key: BucketKey, used_at: u64) {
        if let Some(known) = self.known.get_mut(&key) {
            known.used_at = used_at;
        }
    }

    pub(crate) fn forget(&mut self, key: BucketKey) -> Option<Bucket> {
        self.known.remove(&key).map(|known| known.bucket)
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
        buckets.demand_to_ask_for(KEY)
    }

    #[test]
    fn demand_rises_at_once_and_falls_by_halves() {
        assert_eq!(demand_after(&[100]), 100);
        assert_eq!(demand_after(&[100, 800]), 800);
        assert_eq!(demand_after(&[800, 0, 0]), 200);
    }

    #[test]
    fn a_burst_asks_for_its_demand_once_a_tick() {
        let mut buckets = Buckets::default();
        buckets.demanded(KEY, 0, 10, Bucket::default);
        assert_eq!(buckets.demand_to_ask_for(KEY), 10);
        buckets.demanded(KEY, 0, 10, Bucket::default);
        assert_eq!(buckets.demand_to_ask_for(KEY), LITTLE);
        buckets.tick();
        assert_eq!(buckets.demand_to_ask_for(KEY), 20);
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
        assert_eq!(buckets.idle(IDLE_MS).len(), 0);
        let idle = buckets.idle(IDLE_MS + 1);
        assert_eq!(idle.len(), MOST);
        for key in idle {
            assert!(buckets.forget(key).is_some());
        }
        assert_eq!(buckets.idle(u64::MAX).len(), 0);
    }

    #[test]
    fn a_bucket_is_idle_when_its_last_call_has_settled_long_ago() {
        let mut buckets = Buckets::default();
        buckets.demanded(KEY, 0, 10, Bucket::default);
        buckets.settled(KEY, 3_000, Bucket::default);
        assert!(buckets.idle(IDLE_MS + 3_000).is_empty());
        buckets.is_in_use(KEY, 4_000);
        assert!(buckets.idle(IDLE_MS + 4_000).is_empty());
        assert_eq!(buckets.idle(IDLE_MS + 4_001), [KEY]);
    }
}
