//! Changes of budgets by hand: what is remembered of a bucket's being used up may be true no more.

use crate::host::Host;
use crate::slots::{Change, Step, change};
use crate::worker::Worker;
use quota::proto::{Bucket, SyncResponse};
use quota::{BucketKey, Lease};

/// Of changes, which the server numbers, what this worker was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Adjustments {
    /// The last one.
    pub(crate) heard: u64,
    /// What was said of any bucket before this one is not believed.
    pub(crate) doubted: u64,
}

impl Worker {
    /// The server names the changes since the last report.
    pub(crate) fn adjusted(&mut self, host: &dyn Host, said: &SyncResponse, now: u64) {
        self.adjustments.heard = self.adjustments.heard.max(said.adjustments);
        let missed = said.adjusted.iter().filter(|bucket| !self.doubt(host, bucket, now)).count();
        if said.any_adjusted || missed > 0 {
            self.adjustments.doubted = self.adjustments.heard;
        }
    }

    /// Forgets that there is no more of a bucket, if it is known. `false`: others were at it.
    fn doubt(&mut self, host: &dyn Host, bucket: &Bucket, now: u64) -> bool {
        let Some(key) = self.key_of(host, bucket) else { return true };
        let doubted = change(
            host,
            key,
            |_| false,
            |lease: &Lease| lease.key == key && lease.supply.is_lacking(now),
            |lease| match lease {
                Some(lease) => Step::Write(Lease { supply: lease.supply.doubted(), ..lease }, ()),
                None => Step::Leave(()),
            },
        );
        !matches!(doubted, Change::Impossible)
    }

    /// `None`: the policy here has no such budget.
    fn key_of(&mut self, host: &dyn Host, bucket: &Bucket) -> Option<BucketKey> {
        let (rules, seed) = (self.rules(host)?, self.seed());
        let rule = rules.budgets().iter().find(|rule| rule.budget.name == bucket.budget)?;
        Some(rule.key_of(bucket.subject.iter().map(String::as_str), seed))
    }
}
