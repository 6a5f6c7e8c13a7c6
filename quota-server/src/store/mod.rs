//! Where buckets, leases and the ledger live.
//!
//! A [`Store`] offers whole operations, not rows: each is atomic, and durable once answered, so that a store may carry
//! it out in one transaction or in one script. What it decides is the same in all of them: `operations`, over the state
//! machines of [`quota`].

pub mod audit;
#[cfg(test)]
mod conformance;
pub mod ledger;
mod location;
mod operations;
mod queue;
pub mod redis;
pub mod sqlite;

pub use location::Location;

use audit::{Adjusted, Adjustment};
use ledger::{Entry, Retention};
use policy::{Budget, Policy, Window};
use quota::proto::{AcquireRequest, AcquireResponse, Grant, Settled, SyncRequest, SyncResponse, Want};
use quota::{Bucket, Rate};
use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// The rules and the time an operation is decided by.
#[derive(Clone, Debug)]
pub struct Moment {
    pub policy: Arc<Policy>,
    /// Unix ms.
    pub now: u64,
}

pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Whole operations on budgets. Requests have been checked against the limits of [`crate::service::input`].
pub trait Store: Send + Sync {
    /// Grants all wants or none. A repeat of the same number gets the first answer again and changes nothing.
    fn acquire(&self, at: Moment, request: AcquireRequest) -> Answer<'_, Acquired>;

    /// Settles, records and refills. A repeat of the same sequence gets the first answer and changes nothing.
    fn sync(&self, at: Moment, request: SyncRequest) -> Answer<'_, Synced>;

    /// Spends at once, without leases: all of it or nothing.
    fn spend(&self, at: Moment, charges: Vec<Charge>) -> Answer<'_, Spent>;

    /// Lapses the leases of processes gone silent, and forgets what can't matter any more.
    fn sweep(&self, at: Moment) -> Answer<'_, Swept>;

    /// Remembers the names of a policy's dimensions: ledger entries name the policy whose values they carry.
    fn remember(&self, policy: Arc<Policy>) -> Answer<'_, ()>;

    /// The ledger from the hour of `since` (Unix ms) on.
    fn ledger(&self, since: u64) -> Answer<'_, Vec<Entry>>;

    /// Buckets whose window has not ended at `now` (Unix ms).
    fn buckets(&self, now: u64) -> Answer<'_, Vec<OpenBucket>>;

    /// Changes a bucket by hand, and writes down that it was changed. `None`: the policy has no such budget.
    fn adjust(&self, at: Moment, asked: Adjustment) -> Answer<'_, Option<Adjusted>>;

    /// What was changed by hand, the newest first.
    fn audit(&self, which: audit::Which) -> Answer<'_, Vec<audit::Entry>>;

    /// Folds and drops some of the ledger that is old at `now` (Unix ms). Answers how many rows; 0: nothing is due.
    fn retain(&self, keep: Retention, now: u64) -> Answer<'_, u64>;

    /// A copy of everything acknowledged before, as a file that goes when it is closed. Others are not held up. A store that
    /// has means of its own says which.
    fn backup(&self) -> Answer<'_, File>;

    /// Whether operations can be carried out at all.
    fn ready(&self) -> Answer<'_, ()>;

    /// Finishes what was asked for and leaves the store tidy. Everything asked later fails.
    fn close(&self) -> Answer<'_, ()>;
}

/// How an acquire ended. Answers carry no policy: that is the service's to add.
#[derive(Clone, Debug, PartialEq)]
pub enum Acquired {
    Granted(AcquireResponse),
    Exhausted(AcquireResponse),
    /// A want names a budget that the policy does not have in that form: nothing was granted.
    Stale(AcquireResponse),
    /// The worker has declared this number unanswered before: nothing was granted, and nothing ever will be.
    Withdrawn,
}

/// How a sync ended. Answers carry no policy: that is the service's to add.
#[derive(Clone, Debug, PartialEq)]
pub enum Synced {
    Applied {
        answer: SyncResponse,
        /// Spent beyond every grant.
        overshoots: Vec<Overshoot>,
        /// Sequence numbers that never came, which a correct worker can't cause.
        skipped: u64,
    },
    Repeated(SyncResponse),
    /// Older than the last one applied, whose number this is.
    Past(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overshoot {
    pub budget: String,
    pub amount: u64,
}

/// An amount to spend of a budget at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Index into the policy's budgets.
    pub budget: usize,
    pub subject: Vec<String>,
    pub amount: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spent {
    /// One a charge: whether it fits. Where one does not, nothing was spent.
    pub fits: Vec<bool>,
    /// One a charge: the bucket afterwards.
    pub buckets: Vec<Bucket>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Processes whose term lapsed.
    pub lapsed: u64,
    /// Rows forgotten.
    pub forgotten: u64,
}

/// A bucket whose window has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenBucket {
    pub budget: String,
    pub subject: Vec<String>,
    /// Unix ms.
    pub window_start: u64,
    pub window_end: u64,
    pub bucket: Bucket,
    /// How much of `used` was charged because the process that held it fell silent.
    pub lost: u64,
}

/// How fast what was used of a bucket with this limit comes back, where it does so all the time.
#[must_use]
pub fn rate_of(budget: &Budget, limit: u64) -> Option<Rate> {
    match budget.window {
        Window::Refill { ms, .. } => Some(Rate { amount: limit, ms }),
        _ => None,
    }
}

/// The buckets that count at `now`: the slots of a rolling window are one, and others are as they are. `open` holds all
/// whose window has not ended before [`counting_since`].
#[must_use]
pub fn counting(policy: &Policy, open: Vec<OpenBucket>, now: u64) -> Vec<OpenBucket> {
    let mut counting: Vec<OpenBucket> = Vec::with_capacity(open.len());
    for mut bucket in open {
        let budget = policy.budget(&bucket.budget);
        let lingers = budget.map_or(0, |budget| budget.window.lingers_ms());
        if let Some(budget) = budget {
            let limit = budget.limit_of(bucket.subject.iter().map(String::as_str));
            if let Some(rate) = rate_of(budget, limit) {
                bucket.bucket.drain(rate, now);
                bucket.lost = bucket.lost.min(bucket.bucket.used);
            }
        }
        bucket.window_end = bucket.window_end.saturating_add(lingers);
        if bucket.window_end <= now {
            continue;
        }
        match counting.last_mut() {
            Some(last) if lingers > 0 && last.budget == bucket.budget && last.subject == bucket.subject => {
                last.window_end = bucket.window_end;
                last.bucket = last.bucket.plus(bucket.bucket);
                last.lost = last.lost.saturating_add(bucket.lost);
            }
            _ => counting.push(bucket),
        }
    }
    counting
}

/// From when on windows may end and still count at `now`.
#[must_use]
pub fn counting_since(policy: &Policy, now: u64) -> u64 {
    let lingers = policy.budgets.iter().map(|budget| budget.window.lingers_ms()).max();
    now.saturating_sub(lingers.unwrap_or(0))
}

/// Why an operation was not carried out. Whoever asked may ask again: nothing of it was kept, or all of it and the
/// repeat will say so.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    #[error("the store can't be used: {0}")]
    Unusable(String),
    #[error("the store failed: {0}")]
    Failed(String),
    #[error("the store has too much to do")]
    Overloaded,
    #[error("the store is closed")]
    Closed,
}

/// What taking back an answer that never came means: all that it granted returns unspent.
#[must_use]
pub fn taking_back(wants: &[Want], grants: &[Grant]) -> Vec<Settled> {
    let granted = wants.iter().zip(grants).filter(|(_, grant)| grant.amount > 0);
    let returned = granted.map(|(want, grant)| Settled {
        bucket: want.bucket.clone(),
        window: grant.window,
        generation: grant.generation,
        spent: 0,
        returned: grant.amount,
    });
    returned.collect()
}
