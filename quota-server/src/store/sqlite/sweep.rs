//! What time does: leases lapse, and rows that can't matter any more go.

use super::rows::{DAY_MS, change, due, lapse};
use crate::store::{Moment, Swept};
use rusqlite::{Connection, Result, ToSql};

/// Processes lapsed in one operation: bounds how long others of its batch wait.
const MOST: u32 = 256;

/// Rows forgotten in one operation, of each kind.
const MOST_ROWS: u32 = 4096;

/// `opened` is when this server began to listen (Unix ms).
pub(super) fn sweep(db: &Connection, at: &Moment, ttl_ms: u64, opened: u64) -> Result<Swept> {
    let due = due(db, at.now, MOST)?;
    for &(process, term) in &due {
        lapse(db, &at.policy, process, term)?;
    }
    let lapsed = u64::try_from(due.len()).unwrap_or(u64::MAX);
    Ok(Swept { lapsed, forgotten: forget(db, at.now, ttl_ms, opened)? })
}

/// * Acquires are asked for again within seconds, and withdrawn by the worker's next sync: ten terms or ten minutes
///   is longer than a process that is heard at all can be late. One that was cut off, so that its term lapsed, has a
///   day to say which answers never came, since those are charged as lost.
/// * Buckets say themselves how long late reports may reach them.
/// * A process is forgotten a day after it was last heard, if no bucket remembers it; until then the last syncs of its
///   workers must not be applied again.
fn forget(db: &Connection, now: u64, ttl_ms: u64, opened: u64) -> Result<u64> {
    let before = |age: u64| now.saturating_sub(age);
    let late = ttl_ms.saturating_mul(10).max(600_000);
    // Before then, nobody may have had the time to say anything.
    let acquires = if now < opened.saturating_add(late) { 0 } else { before(late) };
    let day = before(DAY_MS);
    let gone: [(&str, &[&dyn ToSql]); 5] = [
        (
            "DELETE FROM acquired WHERE (process, worker, number) IN
             (SELECT process, worker, number FROM acquired
              WHERE at < ?1 AND (at < ?2 OR generation =
                  (SELECT process.generation FROM process WHERE process.id = acquired.process))
              LIMIT ?3)",
            &[&acquires, &day, &MOST_ROWS],
        ),
        (
            "DELETE FROM account WHERE bucket IN
             (SELECT id FROM bucket WHERE keep_until < ?1 ORDER BY keep_until LIMIT ?2)",
            &[&now, &MOST_ROWS],
        ),
        (
            "DELETE FROM bucket WHERE id IN
             (SELECT id FROM bucket WHERE keep_until < ?1 ORDER BY keep_until LIMIT ?2)",
            &[&now, &MOST_ROWS],
        ),
        (
            "DELETE FROM process WHERE id IN
             (SELECT id FROM process WHERE expires_at IS NULL AND seen_at < ?1
              AND NOT EXISTS (SELECT 1 FROM account WHERE account.process = process.id) LIMIT ?2)",
            &[&day, &MOST_ROWS],
        ),
        (
            "DELETE FROM worker WHERE (process, worker) IN
             (SELECT process, worker FROM worker WHERE process NOT IN (SELECT id FROM process) LIMIT ?1)",
            &[&MOST_ROWS],
        ),
    ];
    let mut forgotten = 0;
    for (sql, values) in gone {
        forgotten += u64::try_from(change(db, sql, values)?).unwrap_or(0);
    }
    Ok(forgotten)
}
