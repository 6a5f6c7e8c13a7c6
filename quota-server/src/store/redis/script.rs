//! `commit.lua`: its arguments and its answer.

use super::ledger;
use super::node::{Cell, Commit, Kind, Outcome, Value};
use crate::store::ledger::Sums;
use redis::{Cmd, Value as Answer};
use std::borrow::Cow;
use std::collections::HashMap;

/// With `EVAL` and not by its hash: it is short, and a node that has just become the master knows no scripts.
const TEXT: &str = include_str!("commit.lua");

/// Cells of one command: Lua can't hand over more than 8,000 words, and a change has two a cell.
const AT_ONCE: usize = 1_000;

pub(super) fn call(prefix: &str, commit: &Commit) -> Cmd {
    let mut words = Words::default();
    words.number(together(&commit.checks).count());
    together(&commit.checks).for_each(|cells| words.check(cells));
    for key in &commit.drops {
        words.command("UNLINK", key, 0);
    }
    together(&commit.sets).for_each(|cells| words.set(cells));
    commit.sums.iter().for_each(|(key, sums)| words.add(key, *sums));
    let mut call = redis::cmd("EVAL");
    call.arg(TEXT).arg(words.keys.len());
    words.keys.iter().for_each(|key| {
        call.arg(format!("{prefix}{key}"));
    });
    words.words.iter().for_each(|word| {
        call.arg(word.as_ref());
    });
    call
}

/// Cells that one command reads or changes.
fn together(cells: &[(Cell, Value)]) -> impl Iterator<Item = &[(Cell, Value)]> {
    let alike = |(a, one): &(Cell, Value), (b, other): &(Cell, Value)| {
        a.kind == b.kind && a.key == b.key && one.is_some() == other.is_some()
    };
    cells.chunk_by(alike).flat_map(|cells| cells.chunks(AT_ONCE))
}

#[derive(Default)]
struct Words<'c> {
    words: Vec<Cow<'c, [u8]>>,
    keys: Vec<&'c str>,
    /// Of keys among them, from 1.
    places: HashMap<&'c str, usize>,
}

impl<'c> Words<'c> {
    fn text(&mut self, text: &'c str) {
        self.words.push(Cow::Borrowed(text.as_bytes()));
    }

    fn own(&mut self, text: impl Into<Vec<u8>>) {
        self.words.push(Cow::Owned(text.into()));
    }

    fn number(&mut self, number: usize) {
        self.own(number.to_string());
    }

    /// Begins a command with so many words beside its key.
    fn command(&mut self, command: &'c str, key: &'c str, words: usize) {
        let next = self.keys.len() + 1;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.keys.push(key);
        }
        self.text(command);
        self.number(place);
        self.number(words);
    }

    fn check(&mut self, cells: &'c [(Cell, Value)]) {
        let Some((first, value)) = cells.first() else { return };
        let (read, names) = match first.kind {
            Kind::Score => ("ZMSCORE", cells),
            Kind::Field | Kind::Member => ("HMGET", cells),
            Kind::Text => ("MGET", [].as_slice()),
        };
        self.command(read, &first.key, names.len());
        names.iter().for_each(|(cell, _)| self.text(&cell.name));
        self.number(cells.len());
        self.text(if value.is_some() { "is" } else { "none" });
        self.words.extend(cells.iter().filter_map(|(_, value)| value.as_deref()).map(Cow::Borrowed));
    }

    fn set(&mut self, cells: &'c [(Cell, Value)]) {
        let Some((first, value)) = cells.first() else { return };
        let command = match (first.kind, value.is_some()) {
            (Kind::Field, true) => "HSET",
            (Kind::Field, false) => "HDEL",
            (Kind::Score, true) => "ZADD",
            (Kind::Score, false) => "ZREM",
            (Kind::Member, true) => "SADD",
            (Kind::Member, false) => "SREM",
            // Rows are only added to, and dropped.
            (Kind::Text, _) => return,
        };
        let words = cells.iter().flat_map(|(cell, value)| {
            let (name, value) = (Some(cell.name.as_bytes()), value.as_deref());
            match cell.kind {
                Kind::Field => [name, value],
                Kind::Score => [value, name],
                Kind::Member | Kind::Text => [name, None],
            }
        });
        let words: Vec<&[u8]> = words.flatten().collect();
        self.command(command, &first.key, words.len());
        self.words.extend(words.into_iter().map(Cow::Borrowed));
    }

    fn add(&mut self, key: &'c str, sums: Sums) {
        let additions = ledger::additions(sums);
        self.command("BITFIELD", key, 2 * additions.len());
        for (place, amount) in additions {
            self.own(format!("#{place}"));
            self.own(amount.to_string());
        }
    }
}

/// `None` where the answer makes no sense.
pub(super) fn outcome(answer: Answer) -> Option<Outcome> {
    let Answer::Array(words) = answer else { return None };
    if words.is_empty() {
        return Some(Outcome::Done);
    }
    let differs = words.chunks(2).map(|pair| match pair {
        [Answer::Int(check), there] => {
            let place = usize::try_from(*check).ok()?.checked_sub(1)?;
            let there = match there {
                Answer::BulkString(value) => Some(value.clone()),
                Answer::Nil => None,
                _ => return None,
            };
            Some((place, there))
        }
        _ => None,
    });
    differs.collect::<Option<_>>().map(Outcome::Differs)
}
