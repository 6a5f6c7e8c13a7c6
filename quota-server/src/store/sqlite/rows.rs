//! [`Rows`] inside one transaction of the file.

use super::{adjustments, forget, ledger};
use crate::store::audit;
use crate::store::ledger::{Key, Sums};
use crate::store::operations::{Answered, Forgettable, Given, Holding, LastSync, Rows, Slot, Unused};
use policy::{Budget, FOR_EVER};
use prost::Message;
use quota::{Account, Bucket, Term};
use rusqlite::{Connection, OptionalExtension, Result, Row, ToSql, params};

pub(super) struct SqlRows<'c> {
    pub(super) db: &'c Connection,
    pub(super) listening_since: u64,
}

impl SqlRows<'_> {
    /// A row read in full or not at all.
    fn find<T>(
        &self,
        sql: &str,
        keys: &[&dyn ToSql],
        read: impl FnOnce(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        self.db.prepare_cached(sql)?.query_row(keys, read).optional()
    }

    fn change(&self, sql: &str, values: &[&dyn ToSql]) -> Result<()> {
        change(self.db, sql, values).map(|_| ())
    }
}

pub(super) fn change(db: &Connection, sql: &str, values: &[&dyn ToSql]) -> Result<usize> {
    db.prepare_cached(sql)?.execute(values)
}

/// An unsigned identity as the signed integer with the same bits.
const fn bits(identity: u64) -> i64 {
    identity.cast_signed()
}

/// An amount as a column can hold it. Sums that large are a broken client's; they must not make its reports fail for ever.
pub(super) fn amount(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

/// A message kept in a row.
fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })
}

impl Rows for SqlRows<'_> {
    type Process = i64;
    type Bucket = i64;
    type Error = rusqlite::Error;

    fn listening_since(&mut self) -> Result<u64> {
        Ok(self.listening_since)
    }

    fn process(&mut self, node: &str, epoch: u64) -> Result<Option<(i64, Term)>> {
        self.find(
            "SELECT id, generation, expires_at FROM process WHERE node = ?1 AND epoch = ?2",
            &[&node, &bits(epoch)],
            process_and_term,
        )
    }

    fn new_process(&mut self, node: &str, epoch: u64, term: Term, seen_at: u64) -> Result<i64> {
        self.change(
            "INSERT INTO process (node, epoch, generation, expires_at, seen_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[&node, &bits(epoch), &term.generation, &term.expires_at, &seen_at],
        )?;
        Ok(self.db.last_insert_rowid())
    }

    fn renew(&mut self, process: &i64, term: Term, seen_at: u64) -> Result<()> {
        self.change(
            "UPDATE process SET generation = ?2, expires_at = ?3, seen_at = ?4 WHERE id = ?1",
            &[process, &term.generation, &term.expires_at, &seen_at],
        )
    }

    fn lapse(&mut self, process: &i64, lapsed: Term) -> Result<()> {
        self.change(
            "UPDATE process SET generation = ?2, expires_at = ?3 WHERE id = ?1",
            &[process, &lapsed.generation, &lapsed.expires_at],
        )
    }

    fn due(&mut self, now: u64, most: u32) -> Result<Vec<(i64, Term)>> {
        self.db
            .prepare_cached("SELECT id, generation, expires_at FROM process WHERE expires_at <= ?1 LIMIT ?2")?
            .query_map(params![now, most], process_and_term)?
            .collect()
    }

    fn holdings(&mut self, process: &i64) -> Result<Vec<Holding<i64>>> {
        self.db
            .prepare_cached(
                "SELECT account.bucket, bucket.budget, account.generation
                 FROM account JOIN bucket ON bucket.id = account.bucket
                 WHERE account.process = ?1 AND account.outstanding > 0",
            )?
            .query_map([process], |row| {
                Ok(Holding { bucket: row.get(0)?, budget: row.get(1)?, generation: row.get(2)? })
            })?
            .collect()
    }

    fn bucket(
        &mut self,
        budget: &str,
        subject: &str,
        window: (u64, u64),
        keep_until: u64,
    ) -> Result<(i64, Bucket)> {
        let known = self.find(
            "SELECT id, keep_until, used, outstanding, drained_at, raised, forgiven FROM bucket
             WHERE budget = ?1 AND subject = ?2 AND window_start = ?3",
            &[&budget, &subject, &window.0],
            |row| Ok((row.get(0)?, row.get::<_, u64>(1)?, state(row, 2)?)),
        )?;
        if let Some((id, kept_until, state)) = known {
            if kept_until < keep_until {
                self.change(
                    "UPDATE bucket SET keep_until = ?2, window_end = max(window_end, ?3) WHERE id = ?1",
                    &[&id, &keep_until, &window.1],
                )?;
            }
            return Ok((id, state));
        }
        self.change(
            "INSERT INTO bucket (budget, subject, window_start, window_end, keep_until, used, outstanding)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)",
            &[&budget, &subject, &window.0, &window.1, &keep_until],
        )?;
        Ok((self.db.last_insert_rowid(), Bucket::default()))
    }

    fn state(&mut self, bucket: &i64) -> Result<Bucket> {
        self.db
            .prepare_cached(
                "SELECT used, outstanding, drained_at, raised, forgiven FROM bucket WHERE id = ?1",
            )?
            .query_row([bucket], |row| state(row, 0))
    }

    fn set_state(&mut self, bucket: &i64, state: Bucket) -> Result<()> {
        self.change(
            "UPDATE bucket SET used = ?2, outstanding = ?3, drained_at = ?4, raised = ?5, forgiven = ?6 WHERE id = ?1",
            &[
                bucket,
                &amount(state.used),
                &amount(state.outstanding),
                &amount(state.drained_at),
                &amount(state.raised),
                &amount(state.forgiven),
            ],
        )
    }

    fn unused(&mut self, now: u64, most: u32) -> Result<Vec<Unused<i64>>> {
        self.db
            .prepare_cached(
                "SELECT id, budget, subject FROM bucket
                 WHERE keep_until < ?1 AND window_end >= ?2 ORDER BY keep_until LIMIT ?3",
            )?
            .query_map(params![now, FOR_EVER, most], |row| {
                Ok(Unused { bucket: row.get(0)?, budget: row.get(1)?, subject: row.get(2)? })
            })?
            .collect()
    }

    fn keep(&mut self, bucket: &i64, until: u64) -> Result<()> {
        self.change("UPDATE bucket SET keep_until = ?2 WHERE id = ?1", &[bucket, &until])
    }

    fn remove(&mut self, bucket: &i64) -> Result<()> {
        self.change("DELETE FROM account WHERE bucket = ?1", &[bucket])?;
        self.change("DELETE FROM bucket WHERE id = ?1", &[bucket])
    }

    fn slots(&mut self, budget: &Budget, subject: &str, before: u64, since: u64) -> Result<Vec<Slot<i64>>> {
        self.db
            .prepare_cached(
                "SELECT id, window_end, used, outstanding, drained_at, raised, forgiven FROM bucket
                 WHERE budget = ?1 AND subject = ?2 AND window_start < ?3 AND window_end > ?4
                 ORDER BY window_start",
            )?
            .query_map(params![budget.name, subject, before, since], |row| {
                Ok(Slot { bucket: row.get(0)?, end: row.get(1)?, state: state(row, 2)? })
            })?
            .collect()
    }

    fn other_holders(&mut self, bucket: &i64, process: &i64) -> Result<u64> {
        self.db
            .prepare_cached(
                "SELECT COUNT(DISTINCT process) FROM account
                 WHERE bucket = ?1 AND process <> ?2 AND outstanding > 0",
            )?
            .query_row([bucket, process], |row| row.get(0))
    }

    fn account(&mut self, bucket: &i64, process: &i64, generation: u32) -> Result<Account> {
        let known = self.find(
            "SELECT outstanding, written_off FROM account
             WHERE bucket = ?1 AND process = ?2 AND generation = ?3",
            &[bucket, process, &generation],
            |row| Ok(Account { outstanding: row.get(0)?, written_off: row.get(1)? }),
        )?;
        Ok(known.unwrap_or_default())
    }

    /// A row only while there is something to say.
    fn set_account(&mut self, bucket: &i64, process: &i64, generation: u32, account: Account) -> Result<()> {
        if account == Account::default() {
            return self.change(
                "DELETE FROM account WHERE bucket = ?1 AND process = ?2 AND generation = ?3",
                &[bucket, process, &generation],
            );
        }
        self.change(
            "INSERT INTO account (bucket, process, generation, outstanding, written_off)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET outstanding = excluded.outstanding, written_off = excluded.written_off",
            &[bucket, process, &generation, &account.outstanding, &account.written_off],
        )
    }

    fn answered(&mut self, process: &i64, worker: u64, number: u64) -> Result<Option<Answered>> {
        self.find(
            "SELECT at, generation, answer, undo FROM acquired
             WHERE process = ?1 AND worker = ?2 AND number = ?3",
            &[process, &bits(worker), &bits(number)],
            |row| {
                let (answer, undo): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
                let given = match (answer, undo) {
                    (Some(answer), Some(undo)) => {
                        Some(Given { answer: decode(&answer)?, undo: decode(&undo)? })
                    }
                    _ => None,
                };
                Ok(Answered { at: row.get(0)?, generation: row.get(1)?, given })
            },
        )
    }

    fn set_answered(&mut self, process: &i64, worker: u64, number: u64, answered: &Answered) -> Result<()> {
        let answer = answered.given.as_ref().map(|given| given.answer.encode_to_vec());
        let undo = answered.given.as_ref().map(|given| given.undo.encode_to_vec());
        self.change(
            "INSERT INTO acquired (process, worker, number, at, generation, answer, undo)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET at = excluded.at, generation = excluded.generation,
                 answer = excluded.answer, undo = excluded.undo",
            &[process, &bits(worker), &bits(number), &answered.at, &answered.generation, &answer, &undo],
        )
    }

    fn last_sync(&mut self, process: &i64, worker: u64) -> Result<Option<LastSync>> {
        self.find(
            "SELECT sequence, at, answer FROM worker WHERE process = ?1 AND worker = ?2",
            &[process, &bits(worker)],
            |row| {
                let (sequence, answer): (i64, Vec<u8>) = (row.get(0)?, row.get(2)?);
                let sequence = sequence.cast_unsigned();
                Ok(LastSync { sequence, at: row.get(1)?, answer: decode(&answer)? })
            },
        )
    }

    fn set_last_sync(&mut self, process: &i64, worker: u64, last: &LastSync) -> Result<()> {
        self.change(
            "INSERT INTO worker (process, worker, sequence, at, answer) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET sequence = excluded.sequence, at = excluded.at,
                 answer = excluded.answer",
            &[process, &bits(worker), &bits(last.sequence), &last.at, &last.answer.encode_to_vec()],
        )
    }

    fn dimension_names(&mut self, version: &str) -> Result<Option<Vec<String>>> {
        let names: Option<String> =
            self.find("SELECT dimensions FROM policy WHERE version = ?1", &[&version], |row| row.get(0))?;
        Ok(names.and_then(|json| serde_json::from_str(&json).ok()))
    }

    fn set_dimension_names(&mut self, version: &str, names: &[&str]) -> Result<()> {
        // A list of strings has no way to fail.
        let names = serde_json::to_string(names).unwrap_or_default();
        self.change("INSERT OR REPLACE INTO policy VALUES (?1, ?2)", &[&version, &names])
    }

    fn add_to_ledger(&mut self, key: &Key, sums: &Sums) -> Result<()> {
        ledger::add(self.db, key, sums)
    }

    fn adjusted(&mut self, key: &str) -> Result<Option<audit::Entry>> {
        adjustments::by_key(self.db, key)
    }

    fn last_adjustment(&mut self) -> Result<u64> {
        adjustments::last(self.db)
    }

    fn adjustments(&mut self, from: u64, to: u64) -> Result<Vec<audit::Entry>> {
        adjustments::between(self.db, from, to)
    }

    fn add_adjustment(&mut self, entry: &audit::Entry) -> Result<()> {
        adjustments::add(self.db, entry)
    }

    fn forget(&mut self, what: &Forgettable) -> Result<u64> {
        forget::forget(self.db, what)
    }
}

fn process_and_term(row: &Row<'_>) -> Result<(i64, Term)> {
    Ok((row.get(0)?, Term { generation: row.get(1)?, expires_at: row.get(2)? }))
}

/// The columns `used`, `outstanding`, `drained_at`, `raised` and `forgiven`, which begin at `first`.
pub(super) fn state(row: &Row<'_>, first: usize) -> Result<Bucket> {
    Ok(Bucket {
        used: row.get(first)?,
        outstanding: row.get(first + 1)?,
        drained_at: row.get(first + 2)?,
        raised: row.get(first + 3)?,
        forgiven: row.get(first + 4)?,
    })
}
