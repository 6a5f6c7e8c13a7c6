//! A worker's tick: settlements, the ledger, refills.

use super::acquire::{AnswerKey, budget_of, decode, elapse_grants, grant, subject_of};
use super::rows::{AccountRow, BucketRow, Process, bits, change, keep_until, subject_key};
use crate::store::ledger::{Key, Sums};
use crate::store::{Moment, Overshoot, Synced};
use prost::Message;
use quota::proto::{Grant, LedgerEntry, Settled, SyncRequest, SyncResponse};
use rusqlite::{Connection, OptionalExtension, Result, params};

pub(super) fn sync(db: &Connection, at: &Moment, ttl_ms: u64, request: &SyncRequest) -> Result<Synced> {
    let reporter = request.reporter.clone().unwrap_or_default();
    let process = Process::heard(db, at, ttl_ms, &reporter)?;
    let worker = bits(reporter.worker);

    let last = last_answer(db, process.id, worker)?;
    let skipped = match last {
        // A new worker, or one whose last message nobody remembers: it may begin anywhere.
        None => 0,
        Some(last) if request.sequence == last.sequence => {
            return Ok(Synced::Repeated(repeat(at, &process, last)));
        }
        Some(last) if request.sequence < last.sequence => return Ok(Synced::Past(last.sequence)),
        Some(last) => request.sequence - last.sequence - 1,
    };

    let mut overshoots = Vec::new();
    for &number in &request.unanswered {
        let key = AnswerKey::of(&process, reporter.worker, number);
        take_back(db, at, &process, key)?;
        key.save(db, at.now, None)?;
    }
    for settled in &request.settled {
        let amount = settle(db, at, process.id, settled)?;
        if amount > 0 {
            let budget = settled.bucket.as_ref().map_or_else(String::new, |bucket| bucket.budget.clone());
            overshoots.push(Overshoot { budget, amount });
        }
    }
    record(db, at, request)?;

    let mut answer = SyncResponse { term: Some(process.lease_term()), ..SyncResponse::default() };
    for want in &request.refills {
        answer.refills.push(match budget_of(at, want) {
            None => Grant::default(),
            Some(budget) => {
                let row = BucketRow::open(db, budget, &subject_of(want), at.now)?;
                grant(db, at, &process, budget, row, want)?
            }
        });
    }
    save_answer(db, at, &process, request, &answer)?;
    Ok(Synced::Applied { answer, overshoots, skipped })
}

struct Last {
    sequence: u64,
    at: u64,
    answer: SyncResponse,
}

fn last_answer(db: &Connection, process: i64, worker: i64) -> Result<Option<Last>> {
    let row: Option<(i64, u64, Vec<u8>)> = db
        .prepare_cached("SELECT sequence, at, answer FROM worker WHERE process = ?1 AND worker = ?2")?
        .query_row(params![process, worker], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    row.map(|(sequence, at, answer)| {
        Ok(Last { sequence: sequence.cast_unsigned(), at, answer: decode(&answer)? })
    })
    .transpose()
}

fn save_answer(
    db: &Connection,
    at: &Moment,
    process: &Process,
    request: &SyncRequest,
    answer: &SyncResponse,
) -> Result<()> {
    let worker = request.reporter.as_ref().map_or(0, |reporter| reporter.worker);
    change(
        db,
        "INSERT INTO worker (process, worker, sequence, at, answer) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET sequence = excluded.sequence, at = excluded.at, answer = excluded.answer",
        &[&process.id, &bits(worker), &bits(request.sequence), &at.now, &answer.encode_to_vec()],
    )?;
    Ok(())
}

/// The first answer again, with less time to the reset. What it granted may have lapsed since: its worker sees that by the
/// generation, and returns it.
fn repeat(at: &Moment, process: &Process, last: Last) -> SyncResponse {
    let mut answer = last.answer;
    elapse_grants(&mut answer.refills, at.now.saturating_sub(last.at));
    answer.term = Some(process.lease_term());
    answer
}

/// What an acquire granted returns unspent, if it granted anything.
pub(super) fn take_back(db: &Connection, at: &Moment, process: &Process, key: AnswerKey) -> Result<()> {
    let undo = key.undo(db)?.unwrap_or_default();
    undo.settled.iter().try_for_each(|settled| settle(db, at, process.id, settled).map(|_| ()))
}

/// Applies one settlement to its own window's bucket, ended or not. Answers the overshoot.
fn settle(db: &Connection, at: &Moment, process: i64, settled: &Settled) -> Result<u64> {
    let bucket = settled.bucket.clone().unwrap_or_default();
    let budget = at.policy.budget(&bucket.budget);
    let window = match budget {
        // Spent without a lease: it has no window yet.
        Some(budget) if settled.window == 0 => budget.window.at(at.now),
        Some(budget) => (settled.window, budget.window.at(settled.window).1),
        None => (settled.window, settled.window),
    };
    let keep = keep_until(budget.map(|budget| &budget.window), window);
    let mut row = BucketRow::of(db, &bucket.budget, &subject_key(&bucket.subject), window, keep)?;
    let mut account = AccountRow::load(db, row.id, process, settled.generation)?;
    let (bucket_was, account_was) = (row.state, account.state);
    let overshoot = row.state.settle(&mut account.state, settled.spent, settled.returned);
    if row.state != bucket_was {
        row.save(db)?;
    }
    if account.state != account_was {
        account.save(db)?;
    }
    Ok(overshoot)
}

fn record(db: &Connection, at: &Moment, request: &SyncRequest) -> Result<()> {
    if request.ledger.is_empty() {
        return Ok(());
    }
    let names: Option<String> = db
        .prepare_cached("SELECT dimensions FROM policy WHERE version = ?1")?
        .query_row([&request.policy_version], |row| row.get(0))
        .optional()?;
    let names: Vec<String> = names.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    request.ledger.iter().try_for_each(|entry| add(db, &Key::of(entry, &names, at.now), entry))
}

fn add(db: &Connection, key: &Key, entry: &LedgerEntry) -> Result<()> {
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
            |row| super::query::sums(row, 0),
        )
        .optional()?;
    let mut sums = known.unwrap_or_default();
    sums.add(&Sums::of(entry));
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8] = sums.tokens;
    change(
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
