//! Leases for one paused request.

use super::rows::{AccountRow, BucketRow, Process, bits, change, subject_key};
use crate::store::{Acquired, Moment, taking_back};
use policy::Budget;
use prost::Message;
use quota::extra;
use quota::proto::{AcquireRequest, AcquireResponse, Exhausted, Grant, SyncRequest, Want};
use rusqlite::{Connection, OptionalExtension, Result, params};

/// When to ask again for what others hold reserved: calls take about a second, and their unused part comes back then.
const RETRY_MS: u64 = 250;

pub(super) fn acquire(
    db: &Connection,
    at: &Moment,
    ttl_ms: u64,
    request: &AcquireRequest,
) -> Result<Acquired> {
    let reporter = request.reporter.clone().unwrap_or_default();
    let process = Process::heard(db, at, ttl_ms, &reporter)?;
    let key = AnswerKey::of(&process, reporter.worker, request.number);
    match key.find(db)? {
        Some(First::Withdrawn) => return Ok(Acquired::Withdrawn),
        Some(First::Answered { mut answer, at: then }) => {
            elapse(&mut answer, at.now.saturating_sub(then));
            answer.term = Some(process.lease_term());
            return Ok(kind(request, answer));
        }
        None => {}
    }
    let answer = decide(db, at, &process, request)?;
    if !request.wants.is_empty() {
        key.save(db, at.now, Some((request, &answer)))?;
    }
    Ok(kind(request, answer))
}

/// How an acquire ended, by its answer.
fn kind(request: &AcquireRequest, answer: AcquireResponse) -> Acquired {
    match &answer.exhausted {
        Some(_) => Acquired::Exhausted(answer),
        None if answer.grants.len() == request.wants.len() => Acquired::Granted(answer),
        None => Acquired::Stale(answer),
    }
}

fn decide(
    db: &Connection,
    at: &Moment,
    process: &Process,
    request: &AcquireRequest,
) -> Result<AcquireResponse> {
    let mut answer = AcquireResponse { term: Some(process.lease_term()), ..AcquireResponse::default() };
    let budgets: Option<Vec<&Budget>> = request.wants.iter().map(|want| budget_of(at, want)).collect();
    let Some(budgets) = budgets else { return Ok(answer) };

    let mut rows = Vec::with_capacity(budgets.len());
    for (index, (want, budget)) in request.wants.iter().zip(&budgets).enumerate() {
        let subject = subject_of(want);
        let row = BucketRow::open(db, budget, &subject, at.now)?;
        if let Err(short) = row.state.fits(row.limit(budget), want.need) {
            let (start, end) = budget.window.at(at.now);
            let resets_in_ms = end.saturating_sub(at.now);
            let needed = want.need.saturating_add(want.held);
            let retry_in_ms = if needed <= budget.limit.saturating_sub(row.counted().used) {
                RETRY_MS.min(resets_in_ms)
            } else if budget.window.lingers_ms() > 0 {
                BucketRow::frees_in(db, budget, &subject, needed, at.now)?
            } else {
                resets_in_ms
            };
            answer.exhausted = Some(Exhausted {
                want: u32::try_from(index).unwrap_or(u32::MAX),
                limit: budget.limit,
                remaining: short.remaining,
                resets_in_ms,
                retry_in_ms,
                window: start,
            });
            return Ok(answer);
        }
        rows.push(row);
    }
    for ((want, budget), row) in request.wants.iter().zip(budgets).zip(rows) {
        answer.grants.push(grant(db, at, process, budget, row, want)?);
    }
    Ok(answer)
}

/// Grants a need that fits (or, where it does not, none of it) and what sizing adds.
pub(super) fn grant(
    db: &Connection,
    at: &Moment,
    process: &Process,
    budget: &Budget,
    mut row: BucketRow,
    want: &Want,
) -> Result<Grant> {
    let (start, end) = budget.window.at(at.now);
    let limit = row.limit(budget);
    let remaining = row.state.remaining(limit);
    let need = if want.need <= remaining { want.need } else { 0 };
    let amount = need + extra(remaining - need, want.demand, row.holders(db, process.id)?);
    if amount > 0 {
        let mut account = AccountRow::load(db, row.id, process.id, process.term.generation)?;
        if row.state.grant(&mut account.state, limit, amount).is_ok() {
            row.save(db)?;
            account.save(db)?;
        }
    }
    Ok(Grant {
        amount,
        window: start,
        resets_in_ms: end.saturating_sub(at.now),
        limit: budget.limit,
        remaining: row.state.remaining(limit),
        generation: process.term.generation,
    })
}

/// The budget a want means, if the policy has it in that form.
pub(super) fn budget_of<'p>(at: &'p Moment, want: &Want) -> Option<&'p Budget> {
    let bucket = want.bucket.as_ref()?;
    at.policy.budget(&bucket.budget).filter(|budget| budget.per.len() == bucket.subject.len())
}

pub(super) fn subject_of(want: &Want) -> String {
    subject_key(want.bucket.as_ref().map_or(&[], |bucket| &bucket.subject))
}

/// An answer that is given again, `elapsed` ms after the first time.
fn elapse(answer: &mut AcquireResponse, elapsed: u64) {
    elapse_grants(&mut answer.grants, elapsed);
    if let Some(exhausted) = &mut answer.exhausted {
        exhausted.resets_in_ms = exhausted.resets_in_ms.saturating_sub(elapsed);
        exhausted.retry_in_ms = exhausted.retry_in_ms.saturating_sub(elapsed);
    }
}

pub(super) fn elapse_grants(grants: &mut [Grant], elapsed: u64) {
    grants.iter_mut().for_each(|grant| grant.resets_in_ms = grant.resets_in_ms.saturating_sub(elapsed));
}

/// Names one acquire of one worker.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnswerKey {
    process: i64,
    worker: i64,
    number: i64,
    /// Of the process when it was asked.
    generation: u32,
}

enum First {
    Answered { answer: AcquireResponse, at: u64 },
    Withdrawn,
}

impl AnswerKey {
    pub(super) fn of(process: &Process, worker: u64, number: u64) -> AnswerKey {
        let generation = process.term.generation;
        AnswerKey { process: process.id, worker: bits(worker), number: bits(number), generation }
    }

    fn find(self, db: &Connection) -> Result<Option<First>> {
        let row: Option<(u64, Option<Vec<u8>>)> = db
            .prepare_cached(
                "SELECT at, answer FROM acquired WHERE process = ?1 AND worker = ?2 AND number = ?3",
            )?
            .query_row(params![self.process, self.worker, self.number], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        row.map(|(at, answer)| match answer {
            Some(bytes) => Ok(First::Answered { answer: decode(&bytes)?, at }),
            None => Ok(First::Withdrawn),
        })
        .transpose()
    }

    /// What undoing it means, if it was answered with grants.
    pub(super) fn undo(self, db: &Connection) -> Result<Option<SyncRequest>> {
        let undo: Option<Option<Vec<u8>>> = db
            .prepare_cached("SELECT undo FROM acquired WHERE process = ?1 AND worker = ?2 AND number = ?3")?
            .query_row(params![self.process, self.worker, self.number], |row| row.get(0))
            .optional()?;
        undo.flatten().map(|bytes| decode(&bytes)).transpose()
    }

    /// Keeps what was answered, or, without an answer, that none will be given any more.
    pub(super) fn save(
        self,
        db: &Connection,
        now: u64,
        answered: Option<(&AcquireRequest, &AcquireResponse)>,
    ) -> Result<()> {
        let answer = answered.map(|(_, answer)| answer.encode_to_vec());
        let undo = answered.map(|(request, answer)| {
            SyncRequest { settled: taking_back(&request.wants, &answer.grants), ..SyncRequest::default() }
                .encode_to_vec()
        });
        change(
            db,
            "INSERT INTO acquired (process, worker, number, at, generation, answer, undo)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET at = excluded.at, generation = excluded.generation,
                 answer = excluded.answer, undo = excluded.undo",
            &[&self.process, &self.worker, &self.number, &now, &self.generation, &answer, &undo],
        )?;
        Ok(())
    }
}

/// A message kept in a row.
pub(super) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M> {
    M::decode(bytes).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Blob, Box::new(error))
    })
}
