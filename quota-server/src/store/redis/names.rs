//! Where things are: see the table in the [module's page](super).

use super::node::{Cell, Kind, List};
use crate::store::ledger;

pub(super) const DUE: &str = "due";
pub(super) const IDLE: &str = "idle";
pub(super) const KEEP: &str = "keep";
pub(super) const ENDS: &str = "ends";
pub(super) const UNUSED: &str = "unused";
pub(super) const ANSWERS: &str = "answers";
/// Rows of the ledger, by what they are sums of.
pub(super) const HOURS: &str = "hours";
pub(super) const DAYS: &str = "days";
pub(super) const MONTHS: &str = "months";

pub(super) fn field(key: impl Into<String>, name: impl Into<String>) -> Cell {
    Cell { kind: Kind::Field, key: key.into(), name: name.into() }
}

pub(super) fn text(key: impl Into<String>) -> Cell {
    Cell { kind: Kind::Text, key: key.into(), name: String::new() }
}

pub(super) fn score(key: &str, name: &str) -> Cell {
    Cell { kind: Kind::Score, key: key.to_owned(), name: name.to_owned() }
}

/// Scores are floating-point numbers in Redis, exact up to here; no time of interest is later.
pub(super) const LATEST: u64 = 1 << 53;

/// The lowest scores up to `to`.
pub(super) fn lowest(key: &str, to: u64, most: u32) -> List {
    List::Ranked { key: key.to_owned(), from: 0, to: to.min(LATEST), most }
}

/// Two texts as one that says where the first ends.
fn joined(first: &str, second: &str) -> String {
    format!("{}:{first}{second}", first.len())
}

fn parted(joined: &str) -> Option<(&str, &str)> {
    let (length, rest) = joined.split_once(':')?;
    rest.split_at_checked(length.parse().ok()?)
}

/// One start of one Envoy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Process(pub(super) String);

impl Process {
    pub(super) fn of(node: &str, epoch: u64) -> Process {
        Process(format!("{epoch:x}:{node}"))
    }

    pub(super) fn key(&self) -> String {
        format!("p:{}", self.0)
    }

    pub(super) fn term(&self) -> Cell {
        field(self.key(), "term")
    }

    pub(super) fn last_sync(&self, worker: u64) -> Cell {
        field(self.key(), format!("w:{worker:x}"))
    }

    pub(super) fn answered(&self, worker: u64, number: u64) -> Cell {
        field(self.key(), format!("a:{worker:x}:{number:x}"))
    }

    /// Where the answer stands among all, by age.
    pub(super) fn answered_at(&self, answered: &Cell) -> Cell {
        score(ANSWERS, &joined(&self.0, &answered.name))
    }

    /// The other way round: an answer by its name among all.
    pub(super) fn of_answer(name: &str) -> Option<(Process, Cell)> {
        let (process, name) = parted(name)?;
        let process = Process(process.to_owned());
        let cell = field(process.key(), name);
        Some((process, cell))
    }

    pub(super) fn holdings(&self) -> String {
        format!("h:{}", self.0)
    }
}

/// One subject in one window of a budget.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BucketName(Cell);

impl BucketName {
    pub(super) fn of(budget: &str, subject: &str, start: u64) -> BucketName {
        BucketName(field(WindowName::of(budget, start).buckets(), subject))
    }

    pub(super) fn state(&self) -> &Cell {
        &self.0
    }

    pub(super) fn window(&self) -> WindowName {
        WindowName::of_buckets(&self.0.key)
    }

    pub(super) fn account(&self, process: &Process) -> Cell {
        field(self.window().accounts(), joined(&process.0, &self.0.name))
    }

    /// The subject of an account by its name.
    pub(super) fn subject_of_account(name: &str) -> Option<&str> {
        parted(name).map(|(_, subject)| subject)
    }

    /// That the process has an account with it.
    pub(super) fn held_by(&self, process: &Process) -> Cell {
        Cell { kind: Kind::Member, key: process.holdings(), name: self.name() }
    }

    /// As a member of a set.
    pub(super) fn name(&self) -> String {
        joined(&self.window().0, &self.0.name)
    }

    pub(super) fn of_name(name: &str) -> Option<BucketName> {
        let (window, subject) = parted(name)?;
        Some(BucketName(field(WindowName(window.to_owned()).buckets(), subject)))
    }
}

/// All buckets of a budget whose window begins at the same time: they are kept and forgotten together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WindowName(pub(super) String);

impl WindowName {
    pub(super) fn of(budget: &str, start: u64) -> WindowName {
        WindowName(format!("{start}:{budget}"))
    }

    /// When it begins, and the budget.
    pub(super) fn parts(&self) -> Option<(u64, &str)> {
        let (start, budget) = self.0.split_once(':')?;
        Some((start.parse().ok()?, budget))
    }

    pub(super) fn buckets(&self) -> String {
        format!("b:{}", self.0)
    }

    fn of_buckets(key: &str) -> WindowName {
        WindowName(key.strip_prefix("b:").unwrap_or(key).to_owned())
    }

    pub(super) fn accounts(&self) -> String {
        format!("c:{}", self.0)
    }
}

pub(super) fn listening_since() -> Cell {
    field("server", "listening_since")
}

/// How often rows of the ledger were moved.
pub(super) fn folds() -> Cell {
    field("server", "folds")
}

pub(super) fn form() -> Cell {
    field("server", "form")
}

pub(super) fn swept_at() -> Cell {
    field("server", "swept_at")
}

/// Written where there is nothing else to write before replicas are waited for.
pub(super) fn waited() -> Cell {
    field("waited", "for")
}

/// The last adjustment's number.
pub(super) fn last_adjustment() -> Cell {
    field("adjustments", "last")
}

pub(super) fn adjustment(number: u64) -> Cell {
    field("adjustments", number.to_string())
}

/// The number of the adjustment that was made with this key.
pub(super) fn adjustment_key(key: &str) -> Cell {
    field("adjustment_keys", key)
}

pub(super) fn dimensions(policy_version: &str) -> Cell {
    field("policies", policy_version)
}

/// A row of the ledger.
pub(super) fn ledger(key: &ledger::Key) -> String {
    let apart = (&key.dimensions, &key.model, &key.provider, &key.outcome, &key.source, &key.price_version);
    // Maps and lists of strings have no way to fail.
    format!("r:{}:{}", key.hour, serde_json::to_string(&apart).unwrap_or_default())
}

/// The other way round.
pub(super) fn of_ledger(key: &str) -> Option<ledger::Key> {
    let (hour, apart) = key.strip_prefix("r:")?.split_once(':')?;
    let (dimensions, model, provider, outcome, source, price_version) = serde_json::from_str(apart).ok()?;
    let hour = hour.parse().ok()?;
    Some(ledger::Key { hour, dimensions, model, provider, outcome, source, price_version })
}
