//! [`Rows`] over a working copy.

use super::copy::WorkingCopy;
use super::names::{self, BucketName, Process};
use super::records::{
    AccountsRecord, AdjustmentRecord, AnsweredRecord, BucketRecord, LastSyncRecord, ProcessRecord,
};
use crate::store::Error;
use crate::store::audit;
use crate::store::ledger::{Key, Sums};
use crate::store::operations::{Answered, Forgettable, Holding, LastSync, Rows, Slot, Unused};
use policy::{Budget, FOR_EVER};
use quota::{Account, Bucket, Term};

pub(super) struct CopiedRows<'c> {
    pub(super) copy: &'c mut WorkingCopy,
    /// Unix ms.
    pub(super) now: u64,
    pub(super) ttl_ms: u64,
}

impl CopiedRows<'_> {
    pub(super) fn score(&mut self, key: &str, name: &str, at: u64) {
        self.copy.set_number(names::score(key, name), at.min(names::LATEST));
    }

    pub(super) fn unscore(&mut self, key: &str, name: &str) {
        self.copy.set(names::score(key, name), None);
    }

    /// Never sooner than it was.
    fn score_later(&mut self, key: &str, name: &str, at: u64) -> Result<(), Error> {
        let at = at.min(names::LATEST);
        if self.copy.number(&names::score(key, name))?.is_none_or(|was| was < at) {
            self.score(key, name, at);
        }
        Ok(())
    }

    /// To a row of the ledger that is in one of its lists.
    pub(super) fn add_row(&mut self, list: &str, key: &Key, sums: &Sums) {
        let row = names::ledger(key);
        self.score(list, &row, key.hour);
        self.copy.add(row, sums);
    }

    fn set_process(&mut self, process: &Process, term: Term, seen_at: Option<u64>) -> Result<(), Error> {
        let was: ProcessRecord = self.copy.record(&process.term())?.unwrap_or_default();
        let Term { generation, expires_at } = term;
        let seen_at = seen_at.unwrap_or(was.seen_at);
        let changes = was.changes.wrapping_add(1);
        self.copy.set_record(process.term(), &ProcessRecord { generation, expires_at, seen_at, changes });
        // A process is in one of the two.
        match expires_at {
            Some(at) => {
                self.score(names::DUE, &process.0, at);
                self.unscore(names::IDLE, &process.0);
            }
            None => {
                self.unscore(names::DUE, &process.0);
                self.score(names::IDLE, &process.0, seen_at);
            }
        }
        Ok(())
    }

    fn bucket_record(&mut self, bucket: &BucketName) -> Result<BucketRecord, Error> {
        Ok(self.copy.record(bucket.state())?.unwrap_or_default())
    }

    fn accounts(&mut self, bucket: &BucketName, process: &Process) -> Result<AccountsRecord, Error> {
        Ok(self.copy.record(&bucket.account(process))?.unwrap_or_default())
    }
}

impl Rows for CopiedRows<'_> {
    type Process = Process;
    type Bucket = BucketName;
    type Error = Error;

    fn listening_since(&mut self) -> Result<u64, Error> {
        super::listening::since(self.copy, self.now, self.ttl_ms)
    }

    fn process(&mut self, node: &str, epoch: u64) -> Result<Option<(Process, Term)>, Error> {
        let process = Process::of(node, epoch);
        let record: Option<ProcessRecord> = self.copy.record(&process.term())?;
        Ok(record.map(|record| (process, record.term())))
    }

    fn new_process(&mut self, node: &str, epoch: u64, term: Term, seen_at: u64) -> Result<Process, Error> {
        let process = Process::of(node, epoch);
        self.set_process(&process, term, Some(seen_at))?;
        Ok(process)
    }

    fn renew(&mut self, process: &Process, term: Term, seen_at: u64) -> Result<(), Error> {
        self.set_process(process, term, Some(seen_at))
    }

    fn lapse(&mut self, process: &Process, lapsed: Term) -> Result<(), Error> {
        self.set_process(process, lapsed, None)
    }

    fn due(&mut self, now: u64, most: u32) -> Result<Vec<(Process, Term)>, Error> {
        let mut due = Vec::new();
        for process in self.copy.list(names::lowest(names::DUE, now, most)).into_iter().map(Process) {
            let record: Option<ProcessRecord> = self.copy.record(&process.term())?;
            // It may have been renewed a moment ago.
            if let Some(term) = record.map(|record| record.term()).filter(|term| term.is_due(now)) {
                due.push((process, term));
            }
        }
        Ok(due)
    }

    fn holdings(&mut self, process: &Process) -> Result<Vec<Holding<BucketName>>, Error> {
        let mut holdings = Vec::new();
        let buckets = self.copy.members(&process.holdings());
        for bucket in buckets.iter().filter_map(|name| BucketName::of_name(name)) {
            let accounts = self.accounts(&bucket, process)?;
            let window = bucket.window();
            let Some((_, budget)) = window.parts() else { continue };
            holdings.extend(accounts.holding().map(|generation| Holding {
                bucket: bucket.clone(),
                budget: budget.to_owned(),
                generation,
            }));
        }
        Ok(holdings)
    }

    fn bucket(
        &mut self,
        budget: &str,
        subject: &str,
        window: (u64, u64),
        keep_until: u64,
    ) -> Result<(BucketName, Bucket), Error> {
        let bucket = BucketName::of(budget, subject, window.0);
        let known: Option<BucketRecord> = self.copy.record(bucket.state())?;
        let mut record = known.clone().unwrap_or_default();
        if known.is_none() || record.keep_until < keep_until {
            record.keep_until = keep_until;
            record.window_end = record.window_end.max(window.1);
            self.copy.set_record(bucket.state().clone(), &record);
            let name = bucket.window().0;
            self.score_later(names::ENDS, &name, window.1)?;
            if window.1 < FOR_EVER {
                self.score_later(names::KEEP, &name, keep_until)?;
            } else {
                self.score(names::UNUSED, &bucket.name(), keep_until);
            }
        }
        Ok((bucket, record.state()))
    }

    fn state(&mut self, bucket: &BucketName) -> Result<Bucket, Error> {
        Ok(self.bucket_record(bucket)?.state())
    }

    fn set_state(&mut self, bucket: &BucketName, state: Bucket) -> Result<(), Error> {
        let mut record = self.bucket_record(bucket)?;
        record.set_state(state);
        self.copy.set_record(bucket.state().clone(), &record);
        Ok(())
    }

    fn unused(&mut self, now: u64, most: u32) -> Result<Vec<Unused<BucketName>>, Error> {
        let Some(last) = now.checked_sub(1) else { return Ok(Vec::new()) };
        let mut unused = Vec::new();
        for name in self.copy.list(names::lowest(names::UNUSED, last, most)) {
            let Some(bucket) = BucketName::of_name(&name) else { continue };
            // Read for the check: it may be used meanwhile.
            let keep_until = self.copy.number(&names::score(names::UNUSED, &name))?;
            let window = bucket.window();
            if let Some((_, budget)) = window.parts()
                && keep_until.is_some_and(|keep_until| keep_until < now)
            {
                let (budget, subject) = (budget.to_owned(), bucket.state().name.clone());
                unused.push(Unused { bucket, budget, subject });
            }
        }
        Ok(unused)
    }

    fn keep(&mut self, bucket: &BucketName, until: u64) -> Result<(), Error> {
        let mut record = self.bucket_record(bucket)?;
        record.keep_until = until;
        self.copy.set_record(bucket.state().clone(), &record);
        self.score(names::UNUSED, &bucket.name(), until);
        Ok(())
    }

    /// What was written off with processes that may return goes when these are forgotten.
    fn remove(&mut self, bucket: &BucketName) -> Result<(), Error> {
        self.copy.set(bucket.state().clone(), None);
        self.unscore(names::UNUSED, &bucket.name());
        Ok(())
    }

    /// Where slots begin is known; of slots cut another way, by an earlier policy, it is not.
    fn slots(
        &mut self,
        budget: &Budget,
        subject: &str,
        before: u64,
        since: u64,
    ) -> Result<Vec<Slot<BucketName>>, Error> {
        let mut slots = Vec::new();
        let mut start = before;
        while let Some(last) = start.checked_sub(1) {
            let end = start;
            start = budget.window.at(last).0;
            if end <= since {
                break;
            }
            let slot = BucketName::of(&budget.name, subject, start);
            let record: Option<BucketRecord> = self.copy.record(slot.state())?;
            slots.extend(record.map(|record| Slot { bucket: slot, end, state: record.state() }));
        }
        slots.reverse();
        Ok(slots)
    }

    fn other_holders(&mut self, bucket: &BucketName, process: &Process) -> Result<u64, Error> {
        let this_one = self.accounts(bucket, process)?.holds();
        Ok(self.bucket_record(bucket)?.holders.saturating_sub(this_one.into()))
    }

    fn account(&mut self, bucket: &BucketName, process: &Process, generation: u32) -> Result<Account, Error> {
        Ok(self.accounts(bucket, process)?.of(generation))
    }

    fn set_account(
        &mut self,
        bucket: &BucketName,
        process: &Process,
        generation: u32,
        account: Account,
    ) -> Result<(), Error> {
        let mut accounts = self.accounts(bucket, process)?;
        let (held, had_any) = (accounts.holds(), !accounts.is_empty());
        accounts.set(generation, account);
        if accounts.holds() != held {
            let mut record = self.bucket_record(bucket)?;
            record.holders =
                if held { record.holders.saturating_sub(1) } else { record.holders.saturating_add(1) };
            self.copy.set_record(bucket.state().clone(), &record);
        }
        if accounts.is_empty() {
            self.copy.set(bucket.account(process), None);
            self.copy.set(bucket.held_by(process), None);
        } else {
            self.copy.set_record(bucket.account(process), &accounts);
            if !had_any {
                self.copy.set(bucket.held_by(process), Some(Vec::new()));
            }
        }
        Ok(())
    }

    fn answered(&mut self, process: &Process, worker: u64, number: u64) -> Result<Option<Answered>, Error> {
        let record: Option<AnsweredRecord> = self.copy.record(&process.answered(worker, number))?;
        Ok(record.map(AnsweredRecord::answered))
    }

    fn set_answered(
        &mut self,
        process: &Process,
        worker: u64,
        number: u64,
        answered: &Answered,
    ) -> Result<(), Error> {
        let cell = process.answered(worker, number);
        let place = process.answered_at(&cell);
        self.copy.set_number(place, answered.at);
        self.copy.set_record(cell, &AnsweredRecord::of(answered));
        Ok(())
    }

    fn last_sync(&mut self, process: &Process, worker: u64) -> Result<Option<LastSync>, Error> {
        let record: Option<LastSyncRecord> = self.copy.record(&process.last_sync(worker))?;
        Ok(record.map(LastSyncRecord::last))
    }

    fn set_last_sync(&mut self, process: &Process, worker: u64, last: &LastSync) -> Result<(), Error> {
        self.copy.set_record(process.last_sync(worker), &LastSyncRecord::of(last));
        Ok(())
    }

    fn dimension_names(&mut self, version: &str) -> Result<Option<Vec<String>>, Error> {
        let json = self.copy.get(&names::dimensions(version));
        Ok(json.and_then(|json| serde_json::from_slice(json).ok()))
    }

    fn set_dimension_names(&mut self, version: &str, names: &[&str]) -> Result<(), Error> {
        // A list of strings has no way to fail.
        let json = serde_json::to_vec(names).unwrap_or_default();
        self.copy.set(names::dimensions(version), Some(json));
        Ok(())
    }

    fn add_to_ledger(&mut self, key: &Key, sums: &Sums) -> Result<(), Error> {
        self.add_row(names::HOURS, key, sums);
        Ok(())
    }

    fn adjusted(&mut self, key: &str) -> Result<Option<audit::Entry>, Error> {
        let Some(number) = self.copy.number(&names::adjustment_key(key))? else { return Ok(None) };
        Ok(self.adjustments(number, number)?.pop())
    }

    fn last_adjustment(&mut self) -> Result<u64, Error> {
        Ok(self.copy.number(&names::last_adjustment())?.unwrap_or(0))
    }

    fn adjustments(&mut self, from: u64, to: u64) -> Result<Vec<audit::Entry>, Error> {
        let mut entries = Vec::new();
        for number in from..=to {
            let record: Option<AdjustmentRecord> = self.copy.record(&names::adjustment(number))?;
            entries.extend(record.map(AdjustmentRecord::entry));
        }
        Ok(entries)
    }

    fn add_adjustment(&mut self, entry: &audit::Entry) -> Result<(), Error> {
        self.copy.set_record(names::adjustment(entry.number), &AdjustmentRecord::of(entry));
        self.copy.set_number(names::adjustment_key(&entry.key), entry.number);
        self.copy.set_number(names::last_adjustment(), entry.number);
        Ok(())
    }

    fn forget(&mut self, what: &Forgettable) -> Result<u64, Error> {
        let windows = self.forget_windows(what.buckets)?;
        let answers = self.forget_answers(what.acquires, what.lapsed_acquires)?;
        let processes = self.forget_processes(what.processes)?;
        Ok(windows.saturating_add(answers).saturating_add(processes))
    }
}
