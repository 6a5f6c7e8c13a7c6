//! A working copy: cells as they are in Redis as far as known, and what operations make of them.
//!
//! An operation that needs what is not known goes on as if it were not there, so that one run finds most of what it
//! needs; [`WorkingCopy::missing`] then names it, and once that is known the operation is run again. Nothing that an incomplete
//! run has done is kept.

use super::node::{Cell, Commit, Kind, List, Value, number};
use crate::store::Error;
use crate::store::ledger::Sums;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Bytes of known cells, about, above which all are forgotten: they only spare reading.
const MOST_KNOWN: usize = 32 << 20;

/// Beside its own bytes: a cell's place in the map.
const CELL: usize = 128;

#[derive(Default)]
pub(super) struct WorkingCopy {
    /// As they were in Redis when last seen. Others may have changed them since: every cell read is checked at commit.
    known: HashMap<Cell, Value>,
    known_bytes: usize,
    lists: BTreeMap<List, Vec<String>>,
    read: HashSet<Cell>,
    missing: Missing,
    /// By the operations before this one.
    before: Changes,
    /// By this one.
    now: Changes,
}

#[derive(Default)]
struct Changes {
    cells: HashMap<Cell, Value>,
    sums: BTreeMap<String, Sums>,
    dropped: BTreeSet<String>,
}

impl Changes {
    /// The room stays, for the next batch will need it again.
    fn clear(&mut self) {
        self.cells.clear();
        self.sums.clear();
        self.dropped.clear();
    }
}

#[derive(Default)]
pub(super) struct Missing {
    pub(super) cells: BTreeSet<Cell>,
    pub(super) lists: BTreeSet<List>,
}

impl Missing {
    pub(super) fn is_none(&self) -> bool {
        self.cells.is_empty() && self.lists.is_empty()
    }
}

impl WorkingCopy {
    /// Runs one operation: all of what it does is kept, or nothing of it.
    pub(super) fn apart<T>(
        &mut self,
        operation: impl FnOnce(&mut WorkingCopy) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let done = operation(self);
        if done.is_ok() {
            let dropped = std::mem::take(&mut self.now.dropped);
            if !dropped.is_empty() {
                self.before.cells.retain(|cell, _| !dropped.contains(&cell.key));
                self.before.dropped.extend(dropped);
            }
            self.before.cells.extend(self.now.cells.drain());
            for (row, more) in std::mem::take(&mut self.now.sums) {
                self.before.sums.entry(row).or_default().add(&more);
            }
        }
        self.now.clear();
        done
    }

    pub(super) fn get(&mut self, cell: &Cell) -> Option<&[u8]> {
        if let Some(changed) = self.now.cells.get(cell).or_else(|| self.before.cells.get(cell)) {
            return changed.as_deref();
        }
        if self.now.dropped.contains(&cell.key) || self.before.dropped.contains(&cell.key) {
            return None;
        }
        let Some(known) = self.known.get(cell) else {
            self.missing.cells.insert(cell.clone());
            return None;
        };
        if !self.read.contains(cell) {
            self.read.insert(cell.clone());
        }
        known.as_deref()
    }

    pub(super) fn set(&mut self, cell: Cell, value: Value) {
        self.now.cells.insert(cell, value);
    }

    pub(super) fn record<M: Message + Default>(&mut self, cell: &Cell) -> Result<Option<M>, Error> {
        let Some(bytes) = self.get(cell) else { return Ok(None) };
        M::decode(bytes).map(Some).map_err(|error| Error::Failed(format!("{cell}: {error}")))
    }

    pub(super) fn set_record(&mut self, cell: Cell, record: &impl Message) {
        self.set(cell, Some(record.encode_to_vec()));
    }

    pub(super) fn number(&mut self, cell: &Cell) -> Result<Option<u64>, Error> {
        let Some(bytes) = self.get(cell) else { return Ok(None) };
        number(bytes).map(Some).ok_or_else(|| Error::Failed(format!("{cell}: not a number")))
    }

    pub(super) fn set_number(&mut self, cell: Cell, number: u64) {
        self.set(cell, Some(number.to_string().into_bytes()));
    }

    /// To a row of the ledger, whatever it says.
    pub(super) fn add(&mut self, row: String, more: &Sums) {
        self.now.sums.entry(row).or_default().add(more);
    }

    /// Everything under a key goes, with what was done to it in this commit.
    pub(super) fn drop_all(&mut self, key: String) {
        self.now.cells.retain(|cell, _| cell.key != key);
        self.now.dropped.insert(key);
    }

    /// Names as Redis has them: what operations have changed since is in the cells.
    pub(super) fn list(&mut self, list: List) -> Vec<String> {
        if let Some(names) = self.lists.get(&list) {
            return names.clone();
        }
        self.missing.lists.insert(list);
        Vec::new()
    }

    /// The members of a set, with what operations have changed.
    pub(super) fn members(&mut self, key: &str) -> BTreeSet<String> {
        let there = self.list(List::Members { key: key.to_owned() });
        let mut members: BTreeSet<String> = there.into_iter().collect();
        for changes in [&self.before, &self.now] {
            for (cell, value) in changes.cells.iter().filter(|(cell, _)| cell.key == key) {
                match value {
                    Some(_) => members.insert(cell.name.clone()),
                    None => members.remove(&cell.name),
                };
            }
        }
        members
    }

    /// What to look up before the operations are run again: nothing, if they were complete.
    pub(super) fn missing(&mut self) -> Missing {
        std::mem::take(&mut self.missing)
    }

    pub(super) fn learn(&mut self, cell: Cell, value: Value) {
        let bytes = |value: &Value| value.as_ref().map_or(0, Vec::len);
        let (own, new) = (CELL + cell.key.len() + cell.name.len(), bytes(&value));
        match self.known.insert(cell, value) {
            Some(old) => self.known_bytes = self.known_bytes.saturating_sub(bytes(&old)).saturating_add(new),
            None => self.known_bytes = self.known_bytes.saturating_add(own + new),
        }
    }

    pub(super) fn learn_list(&mut self, list: List, names: Vec<String>) {
        self.lists.insert(list, names);
    }

    /// Undoes all operations, to run them again.
    pub(super) fn begin_again(&mut self) {
        self.before.clear();
        self.now.clear();
        self.read.clear();
        self.missing = Missing::default();
    }

    /// As [`WorkingCopy::begin_again`], after others have changed something.
    pub(super) fn begin_afresh(&mut self) {
        self.begin_again();
        self.lists.clear();
    }

    /// All that was done, to be made so if all that was read is still true.
    pub(super) fn commit(&mut self) -> Commit {
        let (known, read) = (&self.known, &mut self.read);
        // What was not read is not checked: it may be different by now.
        let differs = |(cell, value): &(Cell, Value)| !read.contains(cell) || known.get(cell) != Some(value);
        let sets = by_key(self.before.cells.drain().filter(differs));
        let checks = by_key(read.drain().filter_map(|cell| {
            let value = known.get(&cell)?.clone();
            Some((cell, value))
        }));
        let drops = std::mem::take(&mut self.before.dropped);
        let sums = std::mem::take(&mut self.before.sums).into_iter().collect();
        Commit { checks, drops, sets, sums }
    }

    /// It is so now.
    pub(super) fn committed(&mut self, commit: Commit) {
        if !commit.drops.is_empty() {
            // The count stays too high, until all is forgotten a little early.
            self.known.retain(|cell, _| !commit.drops.contains(&cell.key));
        }
        for (cell, value) in commit.sets {
            self.learn(cell, value);
        }
        self.begin_afresh();
        if self.known_bytes > MOST_KNOWN {
            self.forget();
        }
    }

    /// Nothing is known any more.
    pub(super) fn forget(&mut self) {
        self.begin_afresh();
        self.known.clear();
        self.known_bytes = 0;
    }
}

/// As a commit has them.
fn by_key(cells: impl Iterator<Item = (Cell, Value)>) -> Vec<(Cell, Value)> {
    fn place((cell, value): &(Cell, Value)) -> (Kind, &str, bool) {
        (cell.kind, &cell.key, value.is_some())
    }
    let mut cells: Vec<_> = cells.collect();
    cells.sort_unstable_by(|a, b| place(a).cmp(&place(b)));
    cells
}
