//! Reading beside the writer: sees what is committed, and holds nobody up.

use crate::store::OpenBucket;
use quota::Bucket;
use rusqlite::{Connection, Result};

pub(super) fn buckets(db: &Connection, now: u64) -> Result<Vec<OpenBucket>> {
    db.prepare_cached(
        "SELECT budget, subject, window_start, window_end, used, outstanding,
                (SELECT COALESCE(SUM(written_off), 0) FROM account WHERE account.bucket = bucket.id), drained_at
         FROM bucket WHERE window_end > ?1 ORDER BY budget, subject, window_start",
    )?
    .query_map([now], |row| {
        let subject: String = row.get(1)?;
        Ok(OpenBucket {
            budget: row.get(0)?,
            subject: serde_json::from_str(&subject).unwrap_or_default(),
            window_start: row.get(2)?,
            window_end: row.get(3)?,
            bucket: Bucket { used: row.get(4)?, outstanding: row.get(5)?, drained_at: row.get(7)? },
            lost: row.get(6)?,
        })
    })?
    .collect()
}
