//! Buckets that are refilled all the time (a token bucket, or GCRA): what was used of them drains away at a constant rate.
//!
//! No span of `d` ms holds more than `burst + amount × d ÷ ms` of spending, whoever spends:
//! let `V = used + outstanding`. Whatever is spent within the span was outstanding when it began or was granted within it,
//! so it is no more than `outstanding + granted − returned`, and by the rules of [`Bucket`]
//! `V at the end = V at the beginning + granted − returned − drained`. A grant needs `V ≤ burst` afterwards, and
//! `outstanding ≤ V`; so at the last grant `granted − returned ≤ burst − V at the beginning + drained`, and what is spent
//! `≤ burst + drained`. What is outstanding does not drain, whenever it is spent, so all that drains does so at the rate.
//! The burst is the room for what spending comes in heaps; spending above it has no grant, and is an overshoot.

use crate::Bucket;

/// How fast: `amount` in `ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub amount: u64,
    pub ms: u64,
}

const US_PER_MS: u64 = 1_000;

impl Bucket {
    /// What has drained by `now` (Unix ms) is free again. Whole units drain, and the time that the rest takes is kept, to the
    /// microsecond: draining often drains no more, and hardly less, than draining once.
    pub fn drain(&mut self, rate: Rate, now: u64) {
        let now = now.saturating_mul(US_PER_MS);
        let elapsed = now.saturating_sub(self.drained_at);
        if self.drained_at == 0 || self.used == 0 {
            self.drained_at = self.drained_at.max(now);
            return;
        }
        let per = u128::from(rate.ms).saturating_mul(US_PER_MS.into());
        let amount = u128::from(rate.amount);
        let drained = u128::from(elapsed).saturating_mul(amount).checked_div(per).unwrap_or(0);
        if drained >= u128::from(self.used) {
            self.used = 0;
            self.drained_at = now;
        } else {
            let took = drained.saturating_mul(per).checked_add(amount.saturating_sub(1));
            let took = took.and_then(|took| took.checked_div(amount)).unwrap_or(0);
            self.used = self.used.saturating_sub(u64::try_from(drained).unwrap_or(u64::MAX));
            self.drained_at = self.drained_at.saturating_add(u64::try_from(took).unwrap_or(elapsed));
        }
    }

    /// Nobody knows at which rate it drains: it has not until `now` (Unix ms). For what is about to be added to its use.
    pub fn keep_from_draining(&mut self, now: u64) {
        if self.drained_at > 0 {
            self.drained_at = self.drained_at.max(now.saturating_mul(US_PER_MS));
        }
    }

    /// In how many ms from `now` so much will have drained that `need` fits into `burst`, if all that is outstanding comes
    /// back; the bucket has been drained up to now. `None`: never.
    #[must_use]
    pub fn refills_in(&self, rate: Rate, burst: u64, need: u64, now: u64) -> Option<u64> {
        let missing = self.used.saturating_sub(burst.checked_sub(need)?);
        let per = u128::from(rate.ms).saturating_mul(US_PER_MS.into());
        let takes_us = u128::from(missing).saturating_mul(per).div_ceil(rate.amount.max(1).into());
        let since = now.saturating_mul(US_PER_MS).saturating_sub(self.drained_at);
        let left_us = takes_us.saturating_sub(since.into());
        Some(u64::try_from(left_us.div_ceil(US_PER_MS.into())).unwrap_or(u64::MAX))
    }
}
