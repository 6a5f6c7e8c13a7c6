//! What operations read and change.

use crate::store::audit;
use crate::store::ledger::{Key, Sums};
use policy::Budget;
use quota::proto::{AcquireResponse, SyncRequest, SyncResponse};
use quota::{Account, Bucket, Term};

/// The rows of a store, as one operation sees them: alone, and with what it has changed before.
///
/// What a row says is in the types of [`quota`] (a bucket, an account, a term) and in those below. A new field belongs
/// there; each store then says where its rows have it.
///
/// An error ends the operation, of which the store then keeps nothing.
pub(in crate::store) trait Rows {
    /// How the store names a process: one start of one Envoy.
    type Process: Clone;
    /// How it names a bucket: one subject in one window of a budget.
    type Bucket: Clone;
    type Error;

    /// Unix ms since which processes could be heard without a break; terms that would have ended in a break do not.
    fn listening_since(&mut self) -> Result<u64, Self::Error>;

    fn process(&mut self, node: &str, epoch: u64) -> Result<Option<(Self::Process, Term)>, Self::Error>;

    fn new_process(
        &mut self,
        node: &str,
        epoch: u64,
        term: Term,
        seen_at: u64,
    ) -> Result<Self::Process, Self::Error>;

    /// A message of the process has come at `seen_at`.
    fn renew(&mut self, process: &Self::Process, term: Term, seen_at: u64) -> Result<(), Self::Error>;

    /// The term has lapsed; when the process was seen last does not change.
    fn lapse(&mut self, process: &Self::Process, lapsed: Term) -> Result<(), Self::Error>;

    /// Processes whose term ends at `now` or did before, `most` of them at most.
    fn due(&mut self, now: u64, most: u32) -> Result<Vec<(Self::Process, Term)>, Self::Error>;

    /// All accounts in which something is outstanding.
    fn holdings(&mut self, process: &Self::Process) -> Result<Vec<Holding<Self::Bucket>>, Self::Error>;

    /// The bucket of a subject (as [`super::subject_key`]) and window; a new one where there is none that began then. It is
    /// kept until `keep_until` (Unix ms) at least: a window may have been shorter before.
    fn bucket(
        &mut self,
        budget: &str,
        subject: &str,
        window: (u64, u64),
        keep_until: u64,
    ) -> Result<(Self::Bucket, Bucket), Self::Error>;

    fn state(&mut self, bucket: &Self::Bucket) -> Result<Bucket, Self::Error>;

    fn set_state(&mut self, bucket: &Self::Bucket, state: Bucket) -> Result<(), Self::Error>;

    /// Buckets whose window does not end and whose `keep_until` is before `now` (Unix ms), `most` of them at most.
    fn unused(&mut self, now: u64, most: u32) -> Result<Vec<Unused<Self::Bucket>>, Self::Error>;

    /// Such a bucket is kept until then.
    fn keep(&mut self, bucket: &Self::Bucket, until: u64) -> Result<(), Self::Error>;

    /// Removes such a bucket, of which nobody holds anything.
    fn remove(&mut self, bucket: &Self::Bucket) -> Result<(), Self::Error>;

    /// Slots of a rolling window that began before `before` and ended after `since` (Unix ms), oldest first.
    fn slots(
        &mut self,
        budget: &Budget,
        subject: &str,
        before: u64,
        since: u64,
    ) -> Result<Vec<Slot<Self::Bucket>>, Self::Error>;

    /// How many processes but this one hold some of the bucket.
    fn other_holders(&mut self, bucket: &Self::Bucket, process: &Self::Process) -> Result<u64, Self::Error>;

    fn account(
        &mut self,
        bucket: &Self::Bucket,
        process: &Self::Process,
        generation: u32,
    ) -> Result<Account, Self::Error>;

    fn set_account(
        &mut self,
        bucket: &Self::Bucket,
        process: &Self::Process,
        generation: u32,
        account: Account,
    ) -> Result<(), Self::Error>;

    fn answered(
        &mut self,
        process: &Self::Process,
        worker: u64,
        number: u64,
    ) -> Result<Option<Answered>, Self::Error>;

    fn set_answered(
        &mut self,
        process: &Self::Process,
        worker: u64,
        number: u64,
        answered: &Answered,
    ) -> Result<(), Self::Error>;

    fn last_sync(&mut self, process: &Self::Process, worker: u64) -> Result<Option<LastSync>, Self::Error>;

    fn set_last_sync(
        &mut self,
        process: &Self::Process,
        worker: u64,
        last: &LastSync,
    ) -> Result<(), Self::Error>;

    /// The dimensions of a policy by its version, if the store was told them.
    fn dimension_names(&mut self, version: &str) -> Result<Option<Vec<String>>, Self::Error>;

    fn set_dimension_names(&mut self, version: &str, names: &[&str]) -> Result<(), Self::Error>;

    fn add_to_ledger(&mut self, key: &Key, sums: &Sums) -> Result<(), Self::Error>;

    /// The adjustment that was made with this key.
    fn adjusted(&mut self, key: &str) -> Result<Option<audit::Entry>, Self::Error>;

    /// The number of the last adjustment; 0 where there has been none.
    fn last_adjustment(&mut self) -> Result<u64, Self::Error>;

    /// Those with these numbers, both included, oldest first.
    fn adjustments(&mut self, from: u64, to: u64) -> Result<Vec<audit::Entry>, Self::Error>;

    fn add_adjustment(&mut self, entry: &audit::Entry) -> Result<(), Self::Error>;

    /// Removes what can't matter any more, some of it at least. Answers how many rows.
    fn forget(&mut self, what: &Forgettable) -> Result<u64, Self::Error>;
}

/// An account in which something is outstanding.
pub(in crate::store) struct Holding<B> {
    pub(in crate::store) bucket: B,
    pub(in crate::store) budget: String,
    pub(in crate::store) generation: u32,
}

/// A bucket that was not used for a while.
pub(in crate::store) struct Unused<B> {
    pub(in crate::store) bucket: B,
    pub(in crate::store) budget: String,
    /// As [`super::subject_key`].
    pub(in crate::store) subject: String,
}

/// A slot of a rolling window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Slot<B> {
    pub(in crate::store) bucket: B,
    /// Unix ms.
    pub(in crate::store) end: u64,
    pub(in crate::store) state: Bucket,
}

/// What became of an acquire.
pub(in crate::store) struct Answered {
    /// Unix ms.
    pub(in crate::store) at: u64,
    /// Of the process then.
    pub(in crate::store) generation: u32,
    /// `None`: withdrawn, so that it will never be answered.
    pub(in crate::store) given: Option<Given>,
}

pub(in crate::store) struct Given {
    pub(in crate::store) answer: AcquireResponse,
    /// What taking it back means: `settled` only.
    pub(in crate::store) undo: SyncRequest,
}

/// The last sync of a worker that was applied.
pub(in crate::store) struct LastSync {
    pub(in crate::store) sequence: u64,
    /// Unix ms.
    pub(in crate::store) at: u64,
    pub(in crate::store) answer: SyncResponse,
}

/// Until when rows go, in Unix ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Forgettable {
    /// Buckets whose window ends, with their accounts, whose `keep_until` is before.
    pub(in crate::store) buckets: u64,
    /// Acquires answered before, unless the term of their process has lapsed since.
    pub(in crate::store) acquires: u64,
    /// Acquires answered before, in any case.
    pub(in crate::store) lapsed_acquires: u64,
    /// Processes without a term, seen before and without accounts; and the last syncs of their workers.
    pub(in crate::store) processes: u64,
}
