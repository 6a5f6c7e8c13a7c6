//! Old rows of the ledger: hours become days, days months, and months go.

use super::ledger::{add, key, sums};
use super::rows::change;
use crate::store::ledger::{Due, Entry, Key, Retention};
use rusqlite::{Connection, Result};

/// Rows folded or dropped in one operation, and pages given back: bounds how long others of its batch wait.
const MOST: u32 = 2_000;
const PAGES: u32 = 256;

/// The start of the UTC month of Unix ms.
macro_rules! month {
    ($ms:literal) => {
        concat!("(CAST(strftime('%s', ", $ms, " / 1000, 'unixepoch', 'start of month') AS INTEGER) * 1000)")
    };
}

/// What the row of this hour is part of, once it was folded: `?1` is since when there are days, `?2` hours.
const WHOLE: &str = concat!(
    "CASE WHEN hour < ?1 THEN ",
    month!("hour"),
    " WHEN hour < ?2 THEN hour - hour % 86400000 ELSE hour END"
);

/// From which row on the ledger tells of `?1` and what came after.
pub(super) const FIRST: &str = concat!(
    "(SELECT CASE WHEN ?1 < days_since THEN ",
    month!("?1"),
    " WHEN ?1 < hours_since THEN ?1 - ?1 % 86400000 ELSE ?1 - ?1 % 3600000 END FROM folded)"
);

/// Does some of what is due at `now` (Unix ms). Answers how many rows were due; 0: it is all done.
pub(super) fn retain(db: &Connection, keep: Retention, now: u64) -> Result<u64> {
    let Due { hours_before: hours_since, days_before: days_since, gone_before } = keep.due(now);
    change(
        db,
        "UPDATE folded SET days_since = max(days_since, ?1), hours_since = max(hours_since, ?2)",
        &[&days_since, &hours_since],
    )?;
    let dropped = change(
        db,
        "DELETE FROM ledger WHERE (hour, dimensions, model, provider, outcome, source, price_version) IN
         (SELECT hour, dimensions, model, provider, outcome, source, price_version FROM ledger
          WHERE hour < ?1 LIMIT ?2)",
        &[&gone_before, &MOST],
    )?;
    let due: Vec<(Entry, u64)> = db
        .prepare_cached(&format!(
            "SELECT *, {WHOLE} AS whole FROM ledger WHERE hour < ?2 AND hour <> whole ORDER BY hour LIMIT ?3"
        ))?
        .query_map([days_since, hours_since, MOST.into()], |row| {
            Ok((Entry { key: key(row)?, sums: sums(row, 7)? }, row.get("whole")?))
        })?
        .collect::<Result<_>>()?;
    for (entry, whole) in &due {
        remove(db, &entry.key)?;
        add(db, &Key { hour: *whole, ..entry.key.clone() }, &entry.sums)?;
    }
    // Gives what is free at the file's end back to the disk.
    let mut vacuum = db.prepare_cached(&format!("PRAGMA incremental_vacuum({PAGES})"))?;
    let mut pages = vacuum.query([])?;
    while pages.next()?.is_some() {}
    Ok(u64::try_from(dropped.saturating_add(due.len())).unwrap_or(u64::MAX))
}

fn remove(db: &Connection, key: &Key) -> Result<usize> {
    // Maps of strings have no way to fail.
    let dimensions = serde_json::to_string(&key.dimensions).unwrap_or_default();
    change(
        db,
        "DELETE FROM ledger WHERE hour = ?1 AND dimensions = ?2 AND model = ?3 AND provider = ?4 AND outcome = ?5
                AND source = ?6 AND price_version = ?7",
        &[&key.hour, &dimensions, &key.model, &key.provider, &key.outcome, &key.source, &key.price_version],
    )
}
