//! What a Redis does, in memory: for simulations, and for tests that need no Redis.

use super::node::{Cell, Commit, Fields, Kind, List, Node, Outcome, Reply, Trouble, Value, number};
use super::{ledger, names};
use crate::store::Answer;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

#[derive(Default)]
pub struct Memory(Mutex<Keys>);

#[derive(Clone, Default)]
struct Keys {
    cells: BTreeMap<Cell, Vec<u8>>,
}

impl Keys {
    fn under<'k>(&'k self, kind: Kind, key: &'k str) -> impl Iterator<Item = (&'k str, &'k [u8])> {
        let first = Cell { kind, key: key.to_owned(), name: String::new() };
        let cells = self.cells.range((Bound::Included(first), Bound::Unbounded));
        cells
            .take_while(move |(cell, _)| cell.kind == kind && cell.key == key)
            .map(|(cell, value)| (cell.name.as_str(), value.as_slice()))
    }

    fn names(&self, list: &List) -> Vec<String> {
        match list {
            List::Members { key } => self.under(Kind::Member, key).map(|(name, _)| name.to_owned()).collect(),
            List::Ranked { key, from, to, most } => {
                let scored =
                    self.under(Kind::Score, key).map(|(name, score)| (number(score).unwrap_or(0), name));
                let ranked: BTreeSet<_> = scored.filter(|(score, _)| (*from..=*to).contains(score)).collect();
                let most = usize::try_from(*most).unwrap_or(usize::MAX);
                ranked.into_iter().take(most).map(|(_, name)| name.to_owned()).collect()
            }
        }
    }

    fn make(&mut self, commit: &Commit) {
        commit.drops.iter().for_each(|key| self.cells.retain(|cell, _| cell.key != *key));
        for (cell, value) in &commit.sets {
            match value {
                Some(value) => self.cells.insert(cell.clone(), value.clone()),
                None => self.cells.remove(cell),
            };
        }
        for (key, more) in &commit.sums {
            let row = self.cells.entry(names::text(key)).or_default();
            let mut sums = ledger::sums(row);
            sums.add(more);
            *row = ledger::row(sums);
        }
    }
}

impl Memory {
    fn keys(&self) -> Result<MutexGuard<'_, Keys>, Trouble> {
        self.0.lock().map_err(|_| Trouble::Unknown("somebody has panicked".to_owned()))
    }

    /// It has what `other` has now, and nothing else: as a replica that has caught up, or a master that was one.
    ///
    /// # Errors
    /// Somebody has panicked.
    pub fn becomes(&self, other: &Memory) -> Result<(), Trouble> {
        let keys = other.keys()?.clone();
        *self.keys()? = keys;
        Ok(())
    }
}

/// Everything is done when it is first polled.
impl Node for Memory {
    fn cells<'a>(&'a self, cells: &'a [Cell]) -> Reply<'a, Vec<Value>> {
        Box::pin(async move {
            let keys = self.keys()?;
            Ok(cells.iter().map(|cell| keys.cells.get(cell).cloned()).collect())
        })
    }

    fn lists<'a>(&'a self, lists: &'a [List]) -> Reply<'a, Vec<Vec<String>>> {
        Box::pin(async move {
            let keys = self.keys()?;
            Ok(lists.iter().map(|list| keys.names(list)).collect())
        })
    }

    fn fields<'a>(&'a self, keys: &'a [String]) -> Reply<'a, Vec<Fields>> {
        Box::pin(async move {
            let all = self.keys()?;
            let owned = |(name, value): (&str, &[u8])| (name.to_owned(), value.to_vec());
            Ok(keys.iter().map(|key| all.under(Kind::Field, key).map(owned).collect()).collect())
        })
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Reply<'a, Outcome> {
        Box::pin(async move {
            let mut keys = self.keys()?;
            let there = |cell: &Cell| keys.cells.get(cell).cloned();
            let checks = commit.checks.iter().enumerate().map(|(at, (cell, value))| (at, value, there(cell)));
            let differs: Vec<_> = checks
                .filter(|(_, expected, there)| *expected != there)
                .map(|(at, _, there)| (at, there))
                .collect();
            if !differs.is_empty() {
                return Ok(Outcome::Differs(differs));
            }
            keys.make(commit);
            Ok(Outcome::Done)
        })
    }

    fn pause(&self, _ms: u64) -> Answer<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}
