//! What time does: leases lapse, and rows that can't matter any more go.

use super::rows::{change, due, lapse};
use crate::store::{Moment, Swept};
use rusqlite::{Connection, Result, ToSql};

/// Processes lapsed in one operation: bounds how long others of its batch wait.
const MOST: u32 = 256;

/// Rows forgotten in one operation, of each kind.
const MOST_ROWS: u32 = 4096;

const DAY_MS: u64 = 86_400_000;

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
/// * Buckets keep taking late settlements for a day, or two more windows where that is longer.
/// * A process is forgotten a day after it was last heard; until then its last syncs must not be applied again.
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
             (SELECT id FROM bucket WHERE window_end < ?1 AND window_end + 2 * (window_end - window_start) < ?2
              ORDER BY window_end LIMIT ?3)",
            &[&day, &now, &MOST_ROWS],
        ),
        (
            "DELETE FROM bucket WHERE id IN
             (SELECT id FROM bucket WHERE window_end < ?1 AND window_end + 2 * (window_end - window_start) < ?2
              ORDER BY window_end LIMIT ?3)",
            &[&day, &now, &MOST_ROWS],
        ),
        (
            "DELETE FROM worker WHERE process IN
             (SELECT id FROM process WHERE expires_at IS NULL AND seen_at < ?1 ORDER BY id LIMIT ?2)",
            &[&day, &MOST_ROWS],
        ),
        (
            "DELETE FROM process WHERE id IN
             (SELECT id FROM process WHERE expires_at IS NULL AND seen_at < ?1 ORDER BY id LIMIT ?2)
             AND NOT EXISTS (SELECT 1 FROM account WHERE account.process = process.id)",
            &[&day, &MOST_ROWS],
        ),
    ];
    let mut forgotten = 0;
    for (sql, values) in gone {
        forgotten += u64::try_from(change(db, sql, values)?).unwrap_or(0);
    }
    Ok(forgotten)
}
