//! Reading for people: what is committed, not one moment's picture where others are writing.

use super::names::{self, BucketName, WindowName};
use super::node::{Cell, Fields, List, Node, Value, number};
use super::records::{AccountsRecord, AdjustmentRecord, BucketRecord};
use super::{ledger, names::LATEST};
use crate::store::audit;
use crate::store::ledger::{DAY_MS, Entry, HOUR_MS, month_of};
use crate::store::{Error, OpenBucket};
use prost::Message;
use std::collections::{BTreeSet, HashMap};

async fn ranked(node: &dyn Node, key: &str, from: u64) -> Result<Vec<String>, Error> {
    let list = List::Ranked { key: key.to_owned(), from, to: LATEST, most: u32::MAX };
    Ok(node.lists(&[list]).await?.into_iter().flatten().collect())
}

/// Times that the ledger is read until no row was moved meanwhile: servers move some each second at most.
const READS: u32 = 8;

pub(super) async fn ledger(node: &dyn Node, since: u64) -> Result<Vec<Entry>, Error> {
    for _ in 0..READS {
        let folds = node.cells(&[names::folds()]).await?;
        let entries = rows_since(node, since).await?;
        if node.cells(&[names::folds()]).await? == folds {
            return Ok(entries);
        }
    }
    Err(Error::Failed(
        "old rows of the ledger are being folded: ask again in a while, or for less of it".to_owned(),
    ))
}

/// From the hour on; from its day or month on where that is all there is.
async fn rows_since(node: &dyn Node, since: u64) -> Result<Vec<Entry>, Error> {
    let mut rows = BTreeSet::new();
    for (list, from) in [
        (names::HOURS, since - since % HOUR_MS),
        (names::DAYS, since - since % DAY_MS),
        (names::MONTHS, month_of(since)),
    ] {
        rows.extend(ranked(node, list, from).await?);
    }
    let cells: Vec<Cell> = rows.iter().map(names::text).collect();
    let sums = node.cells(&cells).await?;
    let entry = |(row, sums): (&String, Value)| {
        Some(Entry { key: names::of_ledger(row)?, sums: ledger::sums(&sums.unwrap_or_default()) })
    };
    let mut entries: Vec<Entry> = rows.iter().zip(sums).filter_map(entry).collect();
    entries.sort_by_key(|entry| entry.key.hour);
    Ok(entries)
}

pub(super) async fn buckets(node: &dyn Node, now: u64) -> Result<Vec<OpenBucket>, Error> {
    let mut open = Vec::new();
    for window in ranked(node, names::ENDS, now.saturating_add(1)).await?.into_iter().map(WindowName) {
        let Some((start, budget)) = window.parts() else { continue };
        let [buckets, accounts] = of_window(node, &window).await?;
        let mut lost: HashMap<String, u64> = HashMap::new();
        for (name, value) in accounts {
            let Some(subject) = BucketName::subject_of_account(&name) else { continue };
            let sum = lost.entry(subject.to_owned()).or_default();
            *sum = sum.saturating_add(read::<AccountsRecord>(&name, &value)?.written_off());
        }
        for (subject, value) in buckets {
            let record: BucketRecord = read(&subject, &value)?;
            if record.window_end > now {
                open.push(OpenBucket {
                    budget: budget.to_owned(),
                    subject: serde_json::from_str(&subject).unwrap_or_default(),
                    window_start: start,
                    window_end: record.window_end,
                    bucket: record.state(),
                    lost: lost.remove(&subject).unwrap_or(0),
                });
            }
        }
    }
    open.sort_by(|a, b| {
        (&a.budget, &a.subject, a.window_start).cmp(&(&b.budget, &b.subject, b.window_start))
    });
    Ok(open)
}

/// Entries read at a time.
const PAGE: u64 = 256;

pub(super) async fn audit(node: &dyn Node, which: audit::Which) -> Result<Vec<audit::Entry>, Error> {
    let last = node.cells(&[names::last_adjustment()]).await?.into_iter().flatten().next();
    let last = last.and_then(|text| number(&text)).unwrap_or(0);
    let mut to = which.before.map_or(last, |before| last.min(before.saturating_sub(1)));
    let most = usize::try_from(which.most).unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    while to > 0 && entries.len() < most {
        let from = to.saturating_sub(PAGE - 1).max(1);
        let cells: Vec<_> = (from..=to).rev().map(names::adjustment).collect();
        for (cell, value) in cells.iter().zip(node.cells(&cells).await?) {
            let Some(bytes) = value else { continue };
            let entry = read::<AdjustmentRecord>(&cell.name, &bytes)?.entry();
            if which.budget.as_ref().is_none_or(|budget| *budget == entry.budget) {
                entries.push(entry);
            }
        }
        to = from - 1;
    }
    entries.truncate(most);
    Ok(entries)
}

async fn of_window(node: &dyn Node, window: &WindowName) -> Result<[Fields; 2], Error> {
    let mut fields = node.fields(&[window.buckets(), window.accounts()]).await?.into_iter();
    Ok([fields.next().unwrap_or_default(), fields.next().unwrap_or_default()])
}

fn read<M: Message + Default>(name: &str, bytes: &[u8]) -> Result<M, Error> {
    M::decode(bytes).map_err(|error| Error::Failed(format!("{name}: {error}")))
}
