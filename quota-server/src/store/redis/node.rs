//! What the store needs of a Redis: cells read in bulk, and changes that are made only if cells are as they were read.

use crate::store::ledger::Sums;
use crate::store::{Answer, Error};
use std::collections::BTreeSet;
use std::fmt;

/// One value among those under a key. Keys are without the deployment's prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    pub kind: Kind,
    pub key: String,
    /// Of the field or member; of a text, none.
    pub name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Of a hash.
    Field,
    /// Of a sorted set; the value is the score as decimal text.
    Score,
    /// Of a set; there or not. Only written.
    Member,
    /// All that there is under the key: a row of the ledger.
    Text,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.name, self.key)
    }
}

/// Names under a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    /// All of a set.
    Members { key: String },
    /// Of a sorted set, with scores from `from` to `to`, both included; the lowest first.
    Ranked { key: String, from: u64, to: u64, most: u32 },
}

/// A value, or none where there is no such cell.
pub type Value = Option<Vec<u8>>;

/// Numbers are decimal text, as Redis has scores.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// All or nothing. Cells of one kind and key, with values or without, are beside each other: one command reads or changes
/// them together.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// How cells have to be.
    pub checks: Vec<(Cell, Value)>,
    /// Keys under which everything goes, before anything else is changed.
    pub drops: BTreeSet<String>,
    pub sets: Vec<(Cell, Value)>,
    /// What rows of the ledger grow by, by their key; at 2^63 - 1 they stay.
    pub sums: Vec<(String, Sums)>,
}

impl Commit {
    pub(super) fn is_empty(&self) -> bool {
        self.checks.is_empty() && !self.changes_something()
    }

    pub(super) fn changes_something(&self) -> bool {
        !(self.drops.is_empty() && self.sets.is_empty() && self.sums.is_empty())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Nothing was changed: these cells, by their place among the checks, are different now.
    Differs(Vec<(usize, Value)>),
}

/// Why there is no outcome.
#[derive(Clone, Debug)]
pub enum Trouble {
    /// Nothing was changed, and it may be better soon.
    NotYet(String),
    /// Perhaps nothing was changed, perhaps everything.
    Unknown(String),
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Error {
        match trouble {
            Trouble::NotYet(what) | Trouble::Unknown(what) => Error::Failed(what),
        }
    }
}

pub type Reply<'a, T> = std::pin::Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'a>>;

/// The fields of a hash.
pub type Fields = Vec<(String, Vec<u8>)>;

pub trait Node: Send + Sync {
    /// In the order asked.
    fn cells<'a>(&'a self, cells: &'a [Cell]) -> Reply<'a, Vec<Value>>;

    /// In the order asked.
    fn lists<'a>(&'a self, lists: &'a [List]) -> Reply<'a, Vec<Vec<String>>>;

    /// All fields of each hash; those that come or go meanwhile may be among them or not.
    fn fields<'a>(&'a self, keys: &'a [String]) -> Reply<'a, Vec<Fields>>;

    /// Done only when a failover takes back neither the changes nor what was checked, as far as that can be had.
    fn commit<'a>(&'a self, commit: &'a Commit) -> Reply<'a, Outcome>;

    fn pause(&self, ms: u64) -> Answer<'_, ()>;
}
