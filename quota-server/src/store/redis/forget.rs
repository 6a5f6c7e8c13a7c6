//! What can't matter any more, in steps small enough for one commit.

use super::names::{self, BucketName, Process, WindowName};
use super::records::{AnsweredRecord, ProcessRecord};
use super::rows::CopiedRows;
use crate::store::Error;

/// Of each kind, in one commit.
const MOST: u32 = 1024;

/// When to look again at a process that buckets remember.
const LATER_MS: u64 = 3_600_000;

impl CopiedRows<'_> {
    /// With all their buckets and accounts.
    pub(super) fn forget_windows(&mut self, before: u64) -> Result<u64, Error> {
        let Some(last) = before.checked_sub(1) else { return Ok(0) };
        let mut forgotten: u64 = 0;
        for window in self.copy.list(names::lowest(names::KEEP, last, MOST)).into_iter().map(WindowName) {
            // Read for the check: a bucket that is added meanwhile may be kept longer.
            let keep_until = self.copy.number(&names::score(names::KEEP, &window.0))?;
            if keep_until.is_some_and(|keep_until| keep_until < before) {
                self.copy.drop_all(window.buckets());
                self.copy.drop_all(window.accounts());
                self.unscore(names::KEEP, &window.0);
                self.unscore(names::ENDS, &window.0);
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    pub(super) fn forget_answers(&mut self, before: u64, lapsed_before: u64) -> Result<u64, Error> {
        let Some(last) = before.checked_sub(1) else { return Ok(0) };
        let mut forgotten: u64 = 0;
        for name in self.copy.list(names::lowest(names::ANSWERS, last, MOST)) {
            let Some((process, cell)) = Process::of_answer(&name) else { continue };
            let term: Option<ProcessRecord> = self.copy.record(&process.term())?;
            let answered: Option<AnsweredRecord> = self.copy.record(&cell)?;
            match (answered, term) {
                (Some(answered), Some(term))
                    if answered.at >= lapsed_before && answered.generation != term.generation =>
                {
                    // To be looked at when it is old enough in any case.
                    let age = before.saturating_sub(lapsed_before);
                    self.score(names::ANSWERS, &name, answered.at.saturating_add(age));
                }
                _ => {
                    self.copy.set(cell, None);
                    self.unscore(names::ANSWERS, &name);
                    forgotten += 1;
                }
            }
        }
        Ok(forgotten)
    }

    pub(super) fn forget_processes(&mut self, before: u64) -> Result<u64, Error> {
        let Some(last) = before.checked_sub(1) else { return Ok(0) };
        let mut forgotten: u64 = 0;
        for process in self.copy.list(names::lowest(names::IDLE, last, MOST)).into_iter().map(Process) {
            let record: Option<ProcessRecord> = self.copy.record(&process.term())?;
            if record.is_some_and(|record| record.expires_at.is_some()) {
                continue;
            }
            let mut remembered = false;
            let held = self.copy.members(&process.holdings());
            for bucket in held.iter().filter_map(|name| BucketName::of_name(name)) {
                if self.copy.get(bucket.state()).is_some() {
                    remembered = true;
                } else {
                    self.copy.set(bucket.account(&process), None);
                }
            }
            if remembered {
                self.score(names::IDLE, &process.0, before.saturating_add(LATER_MS));
            } else {
                self.copy.drop_all(process.key());
                self.copy.drop_all(process.holdings());
                self.unscore(names::IDLE, &process.0);
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }
}
