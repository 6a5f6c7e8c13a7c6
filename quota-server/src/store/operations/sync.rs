//! A worker's tick: settlements, the ledger, refills.

use super::acquire::{budget_of, elapse_grants, grant, subject_of};
use super::adjust::news;
use super::bucket::{Open, keep_until};
use super::process::{Heard, heard};
use super::rows::{Answered, LastSync};
use super::{Rows, Rules, subject_key};
use crate::store::ledger::{Key, Sums};
use crate::store::{Overshoot, Synced, rate_of};
use quota::proto::{Grant, Settled, SyncRequest, SyncResponse};

pub(in crate::store) fn sync<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    request: &SyncRequest,
) -> Result<Synced, R::Error> {
    let reporter = request.reporter.clone().unwrap_or_default();
    let heard = heard(rows, at, &reporter)?;

    let skipped = match rows.last_sync(&heard.process, reporter.worker)? {
        // A new worker, or one whose last message nobody remembers: it may begin anywhere.
        None => 0,
        Some(last) if request.sequence == last.sequence => {
            return Ok(Synced::Repeated(repeat(at, &heard, last)));
        }
        Some(last) if request.sequence < last.sequence => return Ok(Synced::Past(last.sequence)),
        Some(last) => request.sequence - last.sequence - 1,
    };

    for &number in &request.unanswered {
        withdraw(rows, at, &heard, reporter.worker, number)?;
    }
    let mut overshoots = Vec::new();
    for settled in &request.settled {
        let amount = settle(rows, at, &heard.process, settled)?;
        if amount > 0 {
            let budget = settled.bucket.as_ref().map_or_else(String::new, |bucket| bucket.budget.clone());
            overshoots.push(Overshoot { budget, amount });
        }
    }
    record(rows, at, request)?;

    let news = news(rows, request.adjustments)?;
    let mut answer = SyncResponse {
        term: Some(heard.lease_term()),
        adjustments: news.last,
        adjusted: news.buckets,
        any_adjusted: news.any,
        ..SyncResponse::default()
    };
    for want in &request.refills {
        answer.refills.push(match budget_of(at, want) {
            None => Grant::default(),
            Some(budget) => {
                let open = Open::of(rows, at, budget, subject_of(want))?;
                grant(rows, at, &heard, budget, open, want)?
            }
        });
    }
    let last = LastSync { sequence: request.sequence, at: at.now, answer };
    rows.set_last_sync(&heard.process, reporter.worker, &last)?;
    Ok(Synced::Applied { answer: last.answer, overshoots, skipped })
}

/// The first answer again, with less time to the reset. What it granted may have lapsed since: its worker sees that by the
/// generation, and returns it.
fn repeat<P>(at: Rules<'_>, heard: &Heard<P>, last: LastSync) -> SyncResponse {
    let mut answer = last.answer;
    elapse_grants(&mut answer.refills, at.now.saturating_sub(last.at));
    answer.term = Some(heard.lease_term());
    answer
}

/// What an acquire granted returns unspent, if it granted anything; and it will not be answered any more.
fn withdraw<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    heard: &Heard<R::Process>,
    worker: u64,
    number: u64,
) -> Result<(), R::Error> {
    let given = rows.answered(&heard.process, worker, number)?.and_then(|answered| answered.given);
    for settled in given.iter().flat_map(|given| &given.undo.settled) {
        settle(rows, at, &heard.process, settled)?;
    }
    let withdrawn = Answered { at: at.now, generation: heard.term.generation, given: None };
    rows.set_answered(&heard.process, worker, number, &withdrawn)
}

/// Applies one settlement to its own window's bucket, ended or not. Answers the overshoot.
fn settle<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    process: &R::Process,
    settled: &Settled,
) -> Result<u64, R::Error> {
    let named = settled.bucket.clone().unwrap_or_default();
    let budget = at.policy.budget(&named.budget);
    let window = match budget {
        // Spent without a lease: it has no window yet.
        Some(budget) if settled.window == 0 => budget.window.at(at.now),
        Some(budget) => (settled.window, budget.window.at(settled.window).1),
        None => (settled.window, settled.window),
    };
    let keep = keep_until(budget.map(|budget| &budget.window), window, at.now);
    let (bucket, was) = rows.bucket(&named.budget, &subject_key(&named.subject), window, keep)?;
    let account_was = rows.account(&bucket, process, settled.generation)?;
    let (mut state, mut account) = (was, account_was);
    match budget {
        Some(budget) => {
            let limit = budget.limit_of(named.subject.iter().map(String::as_str));
            if let Some(rate) = rate_of(budget, limit) {
                state.drain(rate, at.now);
            }
        }
        None => state.keep_from_draining(at.now),
    }
    let overshoot = state.settle(&mut account, settled.spent, settled.returned);
    if state != was {
        rows.set_state(&bucket, state)?;
    }
    if account != account_was {
        rows.set_account(&bucket, process, settled.generation, account)?;
    }
    Ok(overshoot)
}

fn record<R: Rows>(rows: &mut R, at: Rules<'_>, request: &SyncRequest) -> Result<(), R::Error> {
    if request.ledger.is_empty() {
        return Ok(());
    }
    let names = rows.dimension_names(&request.policy_version)?.unwrap_or_default();
    request
        .ledger
        .iter()
        .try_for_each(|entry| rows.add_to_ledger(&Key::of(entry, &names, at.now), &Sums::of(entry)))
}
