//! The table of what people have changed: written once, never changed.

use super::rows::{amount, change};
use crate::store::audit::{Action, Entry, Standing, Which};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

const COLUMNS: &str = "number, at, who, added, budget, per, subject, window_start, unit,
    limit_before, used_before, outstanding_before, limit_after, used_after, outstanding_after, reason, key";

pub(super) fn last(db: &Connection) -> Result<u64> {
    db.prepare_cached("SELECT COALESCE(MAX(number), 0) FROM adjustment")?.query_row([], |row| row.get(0))
}

pub(super) fn by_key(db: &Connection, key: &str) -> Result<Option<Entry>> {
    let sql = format!("SELECT {COLUMNS} FROM adjustment WHERE key = ?1");
    db.prepare_cached(&sql)?.query_row([key], entry).optional()
}

pub(super) fn between(db: &Connection, from: u64, to: u64) -> Result<Vec<Entry>> {
    let sql = format!("SELECT {COLUMNS} FROM adjustment WHERE number BETWEEN ?1 AND ?2 ORDER BY number");
    db.prepare_cached(&sql)?.query_map([from, to], entry)?.collect()
}

pub(super) fn newest(db: &Connection, which: &Which) -> Result<Vec<Entry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM adjustment WHERE number < ?1 AND (?2 IS NULL OR budget = ?2)
         ORDER BY number DESC LIMIT ?3"
    );
    let before = amount(which.before.unwrap_or(u64::MAX));
    db.prepare_cached(&sql)?.query_map(params![before, which.budget, which.most], entry)?.collect()
}

pub(super) fn add(db: &Connection, entry: &Entry) -> Result<()> {
    let sql = format!(
        "INSERT INTO adjustment ({COLUMNS})
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)"
    );
    let added = match entry.action {
        Action::TopUp(added) => Some(amount(added)),
        Action::Reset => None,
    };
    let Entry { before, after, .. } = entry;
    let values = params![
        entry.number,
        entry.at,
        entry.by,
        added,
        entry.budget,
        json(&entry.per),
        json(&entry.subject),
        entry.window,
        entry.unit,
        amount(before.limit),
        amount(before.used),
        amount(before.outstanding),
        amount(after.limit),
        amount(after.used),
        amount(after.outstanding),
        entry.reason,
        entry.key,
    ];
    change(db, &sql, values).map(|_| ())
}

/// A list of strings has no way to fail.
fn json(texts: &[String]) -> String {
    serde_json::to_string(texts).unwrap_or_default()
}

fn entry(row: &Row<'_>) -> Result<Entry> {
    let texts = |at: usize| -> Result<Vec<String>> {
        let json: String = row.get(at)?;
        Ok(serde_json::from_str(&json).unwrap_or_default())
    };
    let standing = |at: usize| -> Result<Standing> {
        Ok(Standing { limit: row.get(at)?, used: row.get(at + 1)?, outstanding: row.get(at + 2)? })
    };
    Ok(Entry {
        number: row.get(0)?,
        at: row.get(1)?,
        by: row.get(2)?,
        action: row.get::<_, Option<u64>>(3)?.map_or(Action::Reset, Action::TopUp),
        budget: row.get(4)?,
        per: texts(5)?,
        subject: texts(6)?,
        window: row.get(7)?,
        unit: row.get(8)?,
        before: standing(9)?,
        after: standing(12)?,
        reason: row.get(15)?,
        key: row.get(16)?,
    })
}
