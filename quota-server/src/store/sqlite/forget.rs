//! Rows that can't matter any more.

use super::rows::change;
use crate::store::operations::Forgettable;
use policy::FOR_EVER;
use rusqlite::{Connection, Result, ToSql};

/// Rows forgotten in one operation, of each kind: bounds how long others of its batch wait.
const MOST: u32 = 4096;

pub(super) fn forget(db: &Connection, what: &Forgettable) -> Result<u64> {
    let gone: [(&str, &[&dyn ToSql]); 5] = [
        (
            "DELETE FROM acquired WHERE (process, worker, number) IN
             (SELECT process, worker, number FROM acquired
              WHERE at < ?1 AND (at < ?2 OR generation =
                  (SELECT process.generation FROM process WHERE process.id = acquired.process))
              LIMIT ?3)",
            &[&what.acquires, &what.lapsed_acquires, &MOST],
        ),
        (
            "DELETE FROM account WHERE bucket IN
             (SELECT id FROM bucket WHERE keep_until < ?1 AND window_end < ?2 ORDER BY keep_until LIMIT ?3)",
            &[&what.buckets, &FOR_EVER, &MOST],
        ),
        (
            "DELETE FROM bucket WHERE id IN
             (SELECT id FROM bucket WHERE keep_until < ?1 AND window_end < ?2 ORDER BY keep_until LIMIT ?3)",
            &[&what.buckets, &FOR_EVER, &MOST],
        ),
        (
            "DELETE FROM process WHERE id IN
             (SELECT id FROM process WHERE expires_at IS NULL AND seen_at < ?1
              AND NOT EXISTS (SELECT 1 FROM account WHERE account.process = process.id) LIMIT ?2)",
            &[&what.processes, &MOST],
        ),
        (
            "DELETE FROM worker WHERE (process, worker) IN
             (SELECT process, worker FROM worker WHERE process NOT IN (SELECT id FROM process) LIMIT ?1)",
            &[&MOST],
        ),
    ];
    let mut forgotten = 0;
    for (sql, values) in gone {
        forgotten += u64::try_from(change(db, sql, values)?).unwrap_or(0);
    }
    Ok(forgotten)
}
