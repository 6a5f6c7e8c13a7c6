//! The local share: what a process may spend of a bucket while the server can't be asked.

use crate::host::Host;
use crate::rules::Rule;
use crate::slots::{Change, Step, change, read};
use crate::worker::Worker;
use quota::{BucketKey, Lease, Local};

impl Worker {
    /// Takes `need` out of a budget's local share. Answers until when that share lasts; `None`: it has not so much.
    pub(crate) fn take_local(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        rule: &Rule,
        share: u64,
        need: u64,
        now: u64,
    ) -> Option<u64> {
        let until = rule.budget.window.ends_by_itself(now, window_end(host, key, now));
        let outcome = change(
            host,
            key,
            |other: &Local| other.is_over(now),
            |local| local.is_live(key, now),
            |local| match local.unwrap_or(Local::begin(key, until)).take(need, share) {
                Some(after) => Step::Write(after, after.until),
                None => Step::Leave(0),
            },
        );
        match outcome {
            Change::Made(until) => Some(until),
            Change::Declined(_) | Change::Impossible => None,
        }
    }

    /// A call that held so much of the share that lasts until then has spent so much.
    pub(crate) fn settle_local(&self, host: &dyn Host, key: BucketKey, until: u64, held: u64, spent: u64) {
        // Where it can't be written the share stays smaller than it is: never larger.
        let _ = change(
            host,
            key,
            |_| false,
            |local: &Local| local.key == key && local.until == until,
            |local| match local {
                Some(local) => Step::Write(local.settle(held, spent), ()),
                None => Step::Leave(()),
            },
        );
    }
}

/// When the window ends that the server has last spoken of.
fn window_end(host: &dyn Host, key: BucketKey, now: u64) -> Option<u64> {
    let lease = read(host, key).filter(|lease: &Lease| now < lease.ends_at);
    lease.map(|lease| lease.ends_at)
}
