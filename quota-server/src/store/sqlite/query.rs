//! Reading beside the writer: sees what is committed, and holds nobody up.

use crate::store::OpenBucket;
use crate::store::ledger::{CLASSES, Entry, HOUR_MS, Key, Sums};
use quota::Bucket;
use rusqlite::{Connection, Result, Row};

pub(super) fn ledger(db: &Connection, since: u64) -> Result<Vec<Entry>> {
    let hour = since - since % HOUR_MS;
    db.prepare_cached("SELECT * FROM ledger WHERE hour >= ?1 ORDER BY hour")?
        .query_map([hour], |row| Ok(Entry { key: key(row)?, sums: sums(row, 7)? }))?
        .collect()
}

fn key(row: &Row<'_>) -> Result<Key> {
    let dimensions: String = row.get(1)?;
    Ok(Key {
        hour: row.get(0)?,
        dimensions: serde_json::from_str(&dimensions).unwrap_or_default(),
        model: row.get(2)?,
        provider: row.get(3)?,
        outcome: row.get(4)?,
        source: row.get(5)?,
        price_version: row.get(6)?,
    })
}

/// Sums from the columns that begin at `first`.
pub(super) fn sums(row: &Row<'_>, first: usize) -> Result<Sums> {
    let mut tokens = [0; CLASSES];
    for (index, sum) in tokens.iter_mut().enumerate() {
        *sum = row.get(first + 1 + index)?;
    }
    let rest = first + 1 + CLASSES;
    Ok(Sums {
        requests: row.get(first)?,
        tokens,
        cost_pico_usd: row.get(rest)?,
        duration_ms: row.get(rest + 1)?,
        unpriced: row.get(rest + 2)?,
    })
}

pub(super) fn buckets(db: &Connection, now: u64) -> Result<Vec<OpenBucket>> {
    db.prepare_cached(
        "SELECT budget, subject, window_start, window_end, used, outstanding,
                (SELECT COALESCE(SUM(written_off), 0) FROM account WHERE account.bucket = bucket.id)
         FROM bucket WHERE window_end > ?1 ORDER BY budget, subject, window_start",
    )?
    .query_map([now], |row| {
        let subject: String = row.get(1)?;
        Ok(OpenBucket {
            budget: row.get(0)?,
            subject: serde_json::from_str(&subject).unwrap_or_default(),
            window_start: row.get(2)?,
            window_end: row.get(3)?,
            bucket: Bucket { used: row.get(4)?, outstanding: row.get(5)? },
            lost: row.get(6)?,
        })
    })?
    .collect()
}
