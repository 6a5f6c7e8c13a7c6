//! The ledger's rows.

use super::retention::FIRST;
use crate::store::ledger::{CLASSES, Entry, Key, Sums};
use rusqlite::{Connection, OptionalExtension, Result, Row, params};

/// Rows from the hour of `since` (Unix ms) on; from its day or month on where that is all there is.
pub(super) fn since(db: &Connection, since: u64) -> Result<Vec<Entry>> {
    db.prepare_cached(&format!("SELECT * FROM ledger WHERE hour >= {FIRST} ORDER BY hour"))?
        .query_map([since], |row| Ok(Entry { key: key(row)?, sums: sums(row, 7)? }))?
        .collect()
}

pub(super) fn key(row: &Row<'_>) -> Result<Key> {
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

pub(super) fn add(db: &Connection, key: &Key, more: &Sums) -> Result<()> {
    // Maps of strings have no way to fail.
    let dimensions = serde_json::to_string(&key.dimensions).unwrap_or_default();
    let known = db
        .prepare_cached(
            "SELECT requests, uncached_input, cache_read, cache_write_5m, cache_write_1h, audio_in, image_in,
                    output_visible, reasoning, audio_out, cost_pico_usd, duration_ms, unpriced
             FROM ledger WHERE hour = ?1 AND dimensions = ?2 AND model = ?3 AND provider = ?4 AND outcome = ?5
                    AND source = ?6 AND price_version = ?7",
        )?
        .query_row(
            params![
                key.hour,
                dimensions,
                key.model,
                key.provider,
                key.outcome,
                key.source,
                key.price_version
            ],
            |row| sums(row, 0),
        )
        .optional()?;
    let mut sums = known.unwrap_or_default();
    sums.add(more);
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8] = sums.tokens;
    super::rows::change(
        db,
        "INSERT OR REPLACE INTO ledger VALUES
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
        &[
            &key.hour,
            &dimensions,
            &key.model,
            &key.provider,
            &key.outcome,
            &key.source,
            &key.price_version,
            &sums.requests,
            &t0,
            &t1,
            &t2,
            &t3,
            &t4,
            &t5,
            &t6,
            &t7,
            &t8,
            &sums.cost_pico_usd,
            &sums.duration_ms,
            &sums.unpriced,
        ],
    )?;
    Ok(())
}
