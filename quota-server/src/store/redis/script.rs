//! `commit.lua`: its arguments and its answer.

use super::node::{Cell, Change, Commit, Kind, Outcome, Value};
use redis::{Cmd, Value as Answer};
use std::collections::HashMap;

/// With `EVAL` and not by its hash: it is short, and a node that has just become the master knows no scripts.
const TEXT: &str = include_str!("commit.lua");

pub(super) fn call(prefix: &str, commit: &Commit) -> Cmd {
    let mut keys = Keys::default();
    let mut words = vec![number(commit.checks.len())];
    for (cell, expected) in &commit.checks {
        let read = match cell.kind {
            Kind::Score => "ZSCORE",
            Kind::Field | Kind::Member => "HGET",
        };
        words.extend([read.into(), keys.place(&cell.key), cell.name.clone().into(), marked(expected)]);
    }
    for change in &commit.changes {
        let command = command(change, &mut keys);
        words.push(number(command.len()));
        words.extend(command);
    }
    let mut call = redis::cmd("EVAL");
    call.arg(TEXT).arg(keys.names.len());
    keys.names.iter().for_each(|key| {
        call.arg(format!("{prefix}{key}"));
    });
    words.iter().for_each(|word| {
        call.arg(word.as_slice());
    });
    call
}

type Word = Vec<u8>;

/// Keys by their places, from 1.
#[derive(Default)]
struct Keys<'c> {
    names: Vec<&'c str>,
    places: HashMap<&'c str, usize>,
}

impl<'c> Keys<'c> {
    fn place(&mut self, key: &'c str) -> Word {
        let next = self.names.len() + 1;
        let place = *self.places.entry(key).or_insert(next);
        if place == next {
            self.names.push(key);
        }
        number(place)
    }
}

fn command<'c>(change: &'c Change, keys: &mut Keys<'c>) -> Vec<Word> {
    let text = |text: &str| text.as_bytes().to_vec();
    match change {
        Change::Set(Cell { kind, key, name }, value) => {
            let key = keys.place(key);
            match (kind, value) {
                (Kind::Field, Some(value)) => vec![text("HSET"), key, text(name), value.clone()],
                (Kind::Field, None) => vec![text("HDEL"), key, text(name)],
                (Kind::Score, Some(score)) => vec![text("ZADD"), key, score.clone(), text(name)],
                (Kind::Score, None) => vec![text("ZREM"), key, text(name)],
                (Kind::Member, Some(_)) => vec![text("SADD"), key, text(name)],
                (Kind::Member, None) => vec![text("SREM"), key, text(name)],
            }
        }
        Change::Add { key, field, amount } => {
            let most = i64::MAX.unsigned_abs();
            vec![text("HINCRBY"), keys.place(key), text(field), text(&amount.min(&most).to_string())]
        }
        Change::Drop { key } => vec![text("UNLINK"), keys.place(key)],
    }
}

fn number(number: usize) -> Word {
    number.to_string().into_bytes()
}

fn marked(value: &Value) -> Word {
    match value {
        None => Vec::new(),
        Some(value) => [b"=", value.as_slice()].concat(),
    }
}

/// `None` where the answer makes no sense.
pub(super) fn outcome(answer: Answer) -> Option<Outcome> {
    let Answer::Array(words) = answer else { return None };
    if words.is_empty() {
        return Some(Outcome::Done);
    }
    let differs = words.chunks(2).map(|pair| match pair {
        [Answer::Int(check), Answer::BulkString(there)] => {
            let place = usize::try_from(*check).ok()?.checked_sub(1)?;
            Some((place, there.split_first().map(|(_, value)| value.to_vec())))
        }
        _ => None,
    });
    differs.collect::<Option<_>>().map(Outcome::Differs)
}
