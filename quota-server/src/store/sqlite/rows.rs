//! Processes, buckets and accounts as rows.

use crate::store::Moment;
use policy::{Budget, LostLease, Policy, Window};
use quota::proto::{LeaseTerm, Reporter};
use quota::{Account, Bucket, Lapse, Term};
use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params};

pub(super) const DAY_MS: u64 = 86_400_000;

/// A row read in full or not at all.
fn find<T>(
    db: &Connection,
    sql: &str,
    keys: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    db.prepare_cached(sql)?.query_row(keys, read).optional()
}

pub(super) fn change(db: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<usize> {
    db.prepare_cached(sql)?.execute(values)
}

/// An unsigned identity as the signed integer with the same bits.
pub(super) const fn bits(identity: u64) -> i64 {
    identity.cast_signed()
}

/// An amount as a column can hold it. Sums that large are a broken client's; they must not make its reports fail for ever.
fn amount(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// A process that was heard, with its renewed term.
#[derive(Clone, Copy, Debug)]
pub(super) struct Process {
    pub(super) id: i64,
    pub(super) term: Term,
    ttl_ms: u64,
}

impl Process {
    /// A message of the process has come: what it held lapses if its term is over, and a term begins or is renewed.
    pub(super) fn heard(db: &Connection, at: &Moment, ttl_ms: u64, reporter: &Reporter) -> Result<Process> {
        let (node, epoch) = (&reporter.node, bits(reporter.epoch));
        let known = find(
            db,
            "SELECT id, generation, expires_at FROM process WHERE node = ?1 AND epoch = ?2",
            &[node, &epoch],
            |row| Ok((row.get(0)?, Term { generation: row.get(1)?, expires_at: row.get(2)? })),
        )?;
        let Some((id, mut term)) = known else {
            let term = Term::begin(at.now, ttl_ms);
            change(
                db,
                "INSERT INTO process (node, epoch, generation, expires_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[node, &epoch, &term.generation, &term.expires_at, &at.now],
            )?;
            return Ok(Process { id: db.last_insert_rowid(), term, ttl_ms });
        };
        if term.is_due(at.now) {
            term = lapse(db, &at.policy, id, term)?;
        }
        term = term.renewed(at.now, ttl_ms);
        save_term(db, id, term, at.now)?;
        Ok(Process { id, term, ttl_ms })
    }

    pub(super) fn lease_term(&self) -> LeaseTerm {
        LeaseTerm { generation: self.term.generation, ttl_ms: u32::try_from(self.ttl_ms).unwrap_or(u32::MAX) }
    }
}

fn save_term(db: &Connection, process: i64, term: Term, seen_at: u64) -> Result<()> {
    let sql = "UPDATE process SET generation = ?2, expires_at = ?3, seen_at = ?4 WHERE id = ?1";
    change(db, sql, &[&process, &term.generation, &term.expires_at, &seen_at])?;
    Ok(())
}

/// No term ends before `earliest` (Unix ms).
pub(super) fn spare(db: &Connection, earliest: u64) -> Result<()> {
    change(db, "UPDATE process SET expires_at = ?1 WHERE expires_at < ?1", &[&earliest])?;
    Ok(())
}

/// Processes whose term is over, at most `most` of them.
pub(super) fn due(db: &Connection, now: u64, most: u32) -> Result<Vec<(i64, Term)>> {
    db.prepare_cached("SELECT id, generation, expires_at FROM process WHERE expires_at <= ?1 LIMIT ?2")?
        .query_map(params![now, most], |row| {
            Ok((row.get(0)?, Term { generation: row.get(1)?, expires_at: row.get(2)? }))
        })?
        .collect()
}

/// Closes all accounts of a process whose term is over.
pub(super) fn lapse(db: &Connection, policy: &Policy, process: i64, term: Term) -> Result<Term> {
    let held: Vec<(i64, u32, String)> = db
        .prepare_cached(
            "SELECT account.bucket, account.generation, bucket.budget
             FROM account JOIN bucket ON bucket.id = account.bucket
             WHERE account.process = ?1 AND account.outstanding > 0",
        )?
        .query_map([process], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_>>()?;
    for (bucket, generation, budget) in held {
        // A budget that the policy no longer has: keep on the safe side.
        let rule = policy.budget(&budget).map_or(LostLease::Spent, |budget| budget.lost_lease);
        let mut bucket = BucketRow::load(db, bucket)?;
        let mut account = AccountRow::load(db, bucket.id, process, generation)?;
        bucket.state.lapse(
            &mut account.state,
            match rule {
                LostLease::Spent => Lapse::Spend,
                LostLease::Released => Lapse::Release,
            },
        );
        bucket.save(db)?;
        account.save(db)?;
    }
    let lapsed = term.lapsed();
    let sql = "UPDATE process SET generation = ?2, expires_at = NULL WHERE id = ?1";
    change(db, sql, &[&process, &lapsed.generation])?;
    Ok(lapsed)
}

/// A bucket that exists in the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct BucketRow {
    pub(super) id: i64,
    pub(super) state: Bucket,
    /// What earlier slots of a rolling window hold that still counts.
    pub(super) earlier: Bucket,
}

impl BucketRow {
    /// The bucket of a subject (as [`subject_key`]) that is open now.
    pub(super) fn open(db: &Connection, budget: &Budget, subject: &str, now: u64) -> Result<BucketRow> {
        let window = budget.window.at(now);
        let keep = keep_until(Some(&budget.window), window);
        let mut row = BucketRow::of(db, &budget.name, subject, window, keep)?;
        let lingers = budget.window.lingers_ms();
        if lingers > 0 {
            row.earlier = db
                .prepare_cached(
                    "SELECT COALESCE(SUM(used), 0), COALESCE(SUM(outstanding), 0) FROM bucket
                     WHERE budget = ?1 AND subject = ?2 AND window_start < ?3 AND window_end > ?4",
                )?
                .query_row(params![budget.name, subject, window.0, now.saturating_sub(lingers)], |row| {
                    Ok(Bucket { used: row.get(0)?, outstanding: row.get(1)? })
                })?;
        }
        Ok(row)
    }

    /// What of the limit is this row's to grant, used and outstanding amounts of its own included.
    pub(super) fn limit(&self, budget: &Budget) -> u64 {
        self.earlier.remaining(budget.limit)
    }

    /// All that counts against the limit.
    pub(super) fn counted(&self) -> Bucket {
        Bucket {
            used: self.earlier.used.saturating_add(self.state.used),
            outstanding: self.earlier.outstanding.saturating_add(self.state.outstanding),
        }
    }

    /// When so much of a rolling budget will have ceased to count that `need` fits, if all that is only held comes back:
    /// ms from now.
    pub(super) fn frees_in(
        db: &Connection,
        budget: &Budget,
        subject: &str,
        need: u64,
        now: u64,
    ) -> Result<u64> {
        let lingers = budget.window.lingers_ms();
        let rows: Vec<(u64, u64)> = db
            .prepare_cached(
                "SELECT window_end, used FROM bucket
                 WHERE budget = ?1 AND subject = ?2 AND window_end > ?3 ORDER BY window_end",
            )?
            .query_map(params![budget.name, subject, now.saturating_sub(lingers)], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .collect::<Result<_>>()?;
        let mut used: u64 = rows.iter().map(|(_, used)| used).sum();
        for (end, of_slot) in rows {
            used = used.saturating_sub(of_slot);
            if used.saturating_add(need) <= budget.limit {
                return Ok(end.saturating_add(lingers).saturating_sub(now));
            }
        }
        Ok(lingers)
    }

    /// The bucket of a subject and window, made where there is none.
    pub(super) fn of(
        db: &Connection,
        budget: &str,
        subject: &str,
        window: (u64, u64),
        keep_until: u64,
    ) -> Result<BucketRow> {
        if let Some(row) = BucketRow::find(db, budget, subject, window.0)? {
            return Ok(row);
        }
        change(
            db,
            "INSERT INTO bucket (budget, subject, window_start, window_end, keep_until, used, outstanding)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)",
            &[&budget, &subject, &window.0, &window.1, &keep_until],
        )?;
        Ok(BucketRow { id: db.last_insert_rowid(), state: Bucket::default(), earlier: Bucket::default() })
    }

    fn find(db: &Connection, budget: &str, subject: &str, start: u64) -> Result<Option<BucketRow>> {
        find(
            db,
            "SELECT id, used, outstanding FROM bucket WHERE budget = ?1 AND subject = ?2 AND window_start = ?3",
            &[&budget, &subject, &start],
            BucketRow::read,
        )
    }

    pub(super) fn load(db: &Connection, id: i64) -> Result<BucketRow> {
        db.prepare_cached("SELECT id, used, outstanding FROM bucket WHERE id = ?1")?
            .query_row([id], BucketRow::read)
    }

    fn read(row: &Row<'_>) -> Result<BucketRow> {
        let state = Bucket { used: row.get(1)?, outstanding: row.get(2)? };
        Ok(BucketRow { id: row.get(0)?, state, earlier: Bucket::default() })
    }

    pub(super) fn save(&self, db: &Connection) -> Result<()> {
        let sql = "UPDATE bucket SET used = ?2, outstanding = ?3 WHERE id = ?1";
        change(db, sql, &[&self.id, &amount(self.state.used), &amount(self.state.outstanding)])?;
        Ok(())
    }

    /// How many processes hold some of it, `process` counted whether it does or not.
    pub(super) fn holders(&self, db: &Connection, process: i64) -> Result<u64> {
        db.prepare_cached(
            "SELECT 1 + COUNT(DISTINCT process) FROM account
             WHERE bucket = ?1 AND process <> ?2 AND outstanding > 0",
        )?
        .query_row([self.id, process], |row| row.get(0))
    }
}

/// Late reports reach a bucket for a day after its window, or two windows where that is longer. Slots of rolling windows
/// are many: what comes ten minutes after they have ceased to count finds only the ledger.
pub(super) fn keep_until(kind: Option<&Window>, (start, end): (u64, u64)) -> u64 {
    let lingers = kind.map_or(0, Window::lingers_ms);
    if lingers > 0 {
        return end.saturating_add(lingers).saturating_add(600_000);
    }
    end.saturating_add(end.saturating_sub(start).saturating_mul(2).max(DAY_MS))
}

/// What a process holds of a bucket; a row only while there is something to say.
#[derive(Clone, Copy, Debug)]
pub(super) struct AccountRow {
    key: (i64, i64, u32),
    pub(super) state: Account,
}

impl AccountRow {
    pub(super) fn load(db: &Connection, bucket: i64, process: i64, generation: u32) -> Result<AccountRow> {
        let state = find(
            db,
            "SELECT outstanding, written_off FROM account
             WHERE bucket = ?1 AND process = ?2 AND generation = ?3",
            &[&bucket, &process, &generation],
            |row| Ok(Account { outstanding: row.get(0)?, written_off: row.get(1)? }),
        )?;
        Ok(AccountRow { key: (bucket, process, generation), state: state.unwrap_or_default() })
    }

    pub(super) fn save(&self, db: &Connection) -> Result<()> {
        let (bucket, process, generation) = self.key;
        if self.state == Account::default() {
            let sql = "DELETE FROM account WHERE bucket = ?1 AND process = ?2 AND generation = ?3";
            change(db, sql, &[&bucket, &process, &generation])?;
            return Ok(());
        }
        change(
            db,
            "INSERT INTO account (bucket, process, generation, outstanding, written_off)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET outstanding = excluded.outstanding, written_off = excluded.written_off",
            &[&bucket, &process, &generation, &self.state.outstanding, &self.state.written_off],
        )?;
        Ok(())
    }
}

/// A subject as one text.
pub(super) fn subject_key(subject: &[String]) -> String {
    // A list of strings has no way to fail.
    serde_json::to_string(subject).unwrap_or_default()
}
