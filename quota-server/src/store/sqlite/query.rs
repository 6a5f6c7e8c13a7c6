//! Reading beside the writer: sees what is committed, and holds nobody up.

use super::rows::state;
use crate::store::OpenBucket;
use rusqlite::{Connection, Result};

pub(super) fn buckets(db: &Connection, now: u64) -> Result<Vec<OpenBucket>> {
    db.prepare_cached(
        "SELECT budget, subject, window_start, window_end,
                (SELECT COALESCE(SUM(written_off), 0) FROM account WHERE account.bucket = bucket.id),
                used, outstanding, drained_at, raised, forgiven
         FROM bucket WHERE window_end > ?1 ORDER BY budget, subject, window_start",
    )?
    .query_map([now], |row| {
        let subject: String = row.get(1)?;
        Ok(OpenBucket {
            budget: row.get(0)?,
            subject: serde_json::from_str(&subject).unwrap_or_default(),
            window_start: row.get(2)?,
            window_end: row.get(3)?,
            lost: row.get(4)?,
            bucket: state(row, 5)?,
        })
    })?
    .collect()
}
