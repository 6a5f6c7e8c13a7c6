//! What cells say, as protobuf: a new field gets the next tag, and older values read as its default.

use crate::store::audit::{self, Action, Standing};
use crate::store::operations::{Answered, Given, LastSync};
use prost::Message;
use quota::proto::{AcquireResponse, SyncRequest, SyncResponse};
use quota::{Account, Bucket, Term};

/// Amounts are sums and stay below 2^63, as in every store.
const MOST: u64 = i64::MAX.unsigned_abs();

#[derive(Clone, PartialEq, Message)]
pub(super) struct ProcessRecord {
    #[prost(uint32, tag = "1")]
    pub(super) generation: u32,
    #[prost(uint64, optional, tag = "2")]
    pub(super) expires_at: Option<u64>,
    #[prost(uint64, tag = "3")]
    pub(super) seen_at: u64,
    /// Rises with each change of the process or of what it holds: who has read this, and finds it the same, knows that
    /// the set of its holdings is the same too.
    #[prost(uint64, tag = "4")]
    pub(super) changes: u64,
}

impl ProcessRecord {
    pub(super) const fn term(&self) -> Term {
        Term { generation: self.generation, expires_at: self.expires_at }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct BucketRecord {
    #[prost(uint64, tag = "1")]
    used: u64,
    #[prost(uint64, tag = "2")]
    outstanding: u64,
    #[prost(uint64, tag = "3")]
    pub(super) window_end: u64,
    /// Processes with something outstanding.
    #[prost(uint64, tag = "4")]
    pub(super) holders: u64,
    #[prost(uint64, tag = "5")]
    drained_at: u64,
    #[prost(uint64, tag = "6")]
    raised: u64,
    #[prost(uint64, tag = "7")]
    forgiven: u64,
    /// What `keep` or `unused` says of it, or less.
    #[prost(uint64, tag = "8")]
    pub(super) keep_until: u64,
}

impl BucketRecord {
    pub(super) const fn state(&self) -> Bucket {
        let BucketRecord { used, outstanding, drained_at, raised, forgiven, .. } = *self;
        Bucket { used, outstanding, drained_at, raised, forgiven }
    }

    pub(super) fn set_state(&mut self, state: Bucket) {
        self.used = state.used.min(MOST);
        self.outstanding = state.outstanding.min(MOST);
        self.drained_at = state.drained_at;
        self.raised = state.raised.min(MOST);
        self.forgiven = state.forgiven.min(MOST);
    }
}

/// What a process holds of a bucket, by generation.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AccountsRecord {
    #[prost(message, repeated, tag = "1")]
    accounts: Vec<AccountRecord>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct AccountRecord {
    #[prost(uint32, tag = "1")]
    generation: u32,
    #[prost(uint64, tag = "2")]
    outstanding: u64,
    #[prost(uint64, tag = "3")]
    written_off: u64,
}

impl AccountsRecord {
    pub(super) fn of(&self, generation: u32) -> Account {
        let found = self.accounts.iter().find(|account| account.generation == generation);
        found.map_or_else(Account::default, |account| Account {
            outstanding: account.outstanding,
            written_off: account.written_off,
        })
    }

    /// A record only while there is something to say.
    pub(super) fn set(&mut self, generation: u32, account: Account) {
        self.accounts.retain(|each| each.generation != generation);
        if account != Account::default() {
            let Account { outstanding, written_off } = account;
            self.accounts.push(AccountRecord { generation, outstanding, written_off });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(super) fn holds(&self) -> bool {
        self.accounts.iter().any(|account| account.outstanding > 0)
    }

    /// The generations under which something is outstanding.
    pub(super) fn holding(&self) -> impl Iterator<Item = u32> {
        self.accounts.iter().filter(|account| account.outstanding > 0).map(|account| account.generation)
    }

    pub(super) fn written_off(&self) -> u64 {
        self.accounts.iter().fold(0, |sum, account| sum.saturating_add(account.written_off))
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AdjustmentRecord {
    #[prost(uint64, tag = "1")]
    number: u64,
    #[prost(uint64, tag = "2")]
    at: u64,
    #[prost(string, tag = "3")]
    by: String,
    /// Of a top-up; missing for a reset.
    #[prost(uint64, optional, tag = "4")]
    added: Option<u64>,
    #[prost(string, tag = "5")]
    budget: String,
    #[prost(string, repeated, tag = "6")]
    per: Vec<String>,
    #[prost(string, repeated, tag = "7")]
    subject: Vec<String>,
    #[prost(uint64, tag = "8")]
    window: u64,
    #[prost(string, tag = "9")]
    unit: String,
    #[prost(message, optional, tag = "10")]
    before: Option<StandingRecord>,
    #[prost(message, optional, tag = "11")]
    after: Option<StandingRecord>,
    #[prost(string, tag = "12")]
    reason: String,
    #[prost(string, tag = "13")]
    key: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct StandingRecord {
    #[prost(uint64, tag = "1")]
    limit: u64,
    #[prost(uint64, tag = "2")]
    used: u64,
    #[prost(uint64, tag = "3")]
    outstanding: u64,
}

impl StandingRecord {
    fn of(Standing { limit, used, outstanding }: Standing) -> Option<StandingRecord> {
        Some(StandingRecord { limit, used, outstanding })
    }

    fn standing(self) -> Standing {
        Standing { limit: self.limit, used: self.used, outstanding: self.outstanding }
    }
}

impl AdjustmentRecord {
    pub(super) fn of(entry: &audit::Entry) -> AdjustmentRecord {
        let entry = entry.clone();
        AdjustmentRecord {
            number: entry.number,
            at: entry.at,
            by: entry.by,
            added: match entry.action {
                Action::TopUp(added) => Some(added),
                Action::Reset => None,
            },
            budget: entry.budget,
            per: entry.per,
            subject: entry.subject,
            window: entry.window,
            unit: entry.unit,
            before: StandingRecord::of(entry.before),
            after: StandingRecord::of(entry.after),
            reason: entry.reason,
            key: entry.key,
        }
    }

    pub(super) fn entry(self) -> audit::Entry {
        audit::Entry {
            number: self.number,
            at: self.at,
            by: self.by,
            action: self.added.map_or(Action::Reset, Action::TopUp),
            budget: self.budget,
            per: self.per,
            subject: self.subject,
            window: self.window,
            unit: self.unit,
            before: self.before.unwrap_or_default().standing(),
            after: self.after.unwrap_or_default().standing(),
            reason: self.reason,
            key: self.key,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct AnsweredRecord {
    #[prost(uint64, tag = "1")]
    pub(super) at: u64,
    #[prost(uint32, tag = "2")]
    pub(super) generation: u32,
    /// Missing where it was withdrawn.
    #[prost(message, optional, tag = "3")]
    answer: Option<AcquireResponse>,
    #[prost(message, optional, tag = "4")]
    undo: Option<SyncRequest>,
}

impl AnsweredRecord {
    pub(super) fn of(answered: &Answered) -> AnsweredRecord {
        let given = answered.given.as_ref();
        AnsweredRecord {
            at: answered.at,
            generation: answered.generation,
            answer: given.map(|given| given.answer.clone()),
            undo: given.map(|given| given.undo.clone()),
        }
    }

    pub(super) fn answered(self) -> Answered {
        let undo = self.undo.unwrap_or_default();
        let given = self.answer.map(|answer| Given { answer, undo });
        Answered { at: self.at, generation: self.generation, given }
    }
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LastSyncRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(uint64, tag = "2")]
    at: u64,
    #[prost(message, optional, tag = "3")]
    answer: Option<SyncResponse>,
}

impl LastSyncRecord {
    pub(super) fn of(last: &LastSync) -> LastSyncRecord {
        LastSyncRecord { sequence: last.sequence, at: last.at, answer: Some(last.answer.clone()) }
    }

    pub(super) fn last(self) -> LastSync {
        LastSync { sequence: self.sequence, at: self.at, answer: self.answer.unwrap_or_default() }
    }
}
