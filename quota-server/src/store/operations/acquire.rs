//! Leases for one paused request.

use super::bucket::Open;
use super::process::{Heard, heard};
use super::rows::{Answered, Given};
use super::{Rows, Rules};
use crate::store::{Acquired, taking_back};
use policy::Budget;
use quota::proto::{AcquireRequest, AcquireResponse, Exhausted, Grant, SyncRequest, Want};
use quota::{Short, extra};

/// When to ask again for what others hold reserved: calls take about a second, and their unused part comes back then.
const RETRY_MS: u64 = 250;

pub(in crate::store) fn acquire<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    request: &AcquireRequest,
) -> Result<Acquired, R::Error> {
    let reporter = request.reporter.clone().unwrap_or_default();
    let heard = heard(rows, at, &reporter)?;
    if let Some(first) = rows.answered(&heard.process, reporter.worker, request.number)? {
        let Some(Given { mut answer, .. }) = first.given else { return Ok(Acquired::Withdrawn) };
        elapse(&mut answer, at.now.saturating_sub(first.at));
        answer.term = Some(heard.lease_term());
        return Ok(kind(request, answer));
    }
    let answer = decide(rows, at, &heard, request)?;
    if !request.wants.is_empty() {
        let undo =
            SyncRequest { settled: taking_back(&request.wants, &answer.grants), ..SyncRequest::default() };
        let answered = Answered {
            at: at.now,
            generation: heard.term.generation,
            given: Some(Given { answer: answer.clone(), undo }),
        };
        rows.set_answered(&heard.process, reporter.worker, request.number, &answered)?;
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

fn decide<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    heard: &Heard<R::Process>,
    request: &AcquireRequest,
) -> Result<AcquireResponse, R::Error> {
    let mut answer = AcquireResponse { term: Some(heard.lease_term()), ..AcquireResponse::default() };
    let budgets: Option<Vec<&Budget>> = request.wants.iter().map(|want| budget_of(at, want)).collect();
    let Some(budgets) = budgets else { return Ok(answer) };

    let mut opened = Vec::with_capacity(budgets.len());
    for (index, (want, budget)) in request.wants.iter().zip(&budgets).enumerate() {
        let open = Open::of(rows, at, budget, subject_of(want))?;
        if let Err(short) = open.state.fits(open.limit(), want.need.saturating_add(kept(want))) {
            let adjustments = rows.last_adjustment()?;
            answer.exhausted = Some(exhausted(index, want, budget, open, short, at.now, adjustments));
            return Ok(answer);
        }
        opened.push(open);
    }
    for ((want, budget), open) in request.wants.iter().zip(budgets).zip(opened) {
        answer.grants.push(grant(rows, at, heard, budget, open, want)?);
    }
    Ok(answer)
}

/// Why the want at this place can't be met, and when asking again can help.
fn exhausted<B: Clone>(
    index: usize,
    want: &Want,
    budget: &Budget,
    mut open: Open<B>,
    short: Short,
    now: u64,
    adjustments: u64,
) -> Exhausted {
    let gives_way = want.keep > 0 && open.state.fits(open.limit(), want.need).is_ok();
    let whole = open.whole();
    // Where nothing comes back before the window ends, the answer is believed until then: too long for what may be counted
    // twice, if the worker's report has overtaken its question.
    if open.rate.is_some() || budget.window.lingers_ms() > 0 {
        open.state.used = open.state.used.saturating_add(want.spent);
    }
    let (start, end) = budget.window.at(now);
    let resets_in_ms = end.saturating_sub(now);
    let needed = want.need.saturating_add(want.held).saturating_add(want.keep);
    let mut unused = whole.saturating_sub(open.counted().used);
    let retry_in_ms = if needed <= unused {
        RETRY_MS.min(resets_in_ms)
    } else if let Some(rate) = open.rate {
        match open.state.refills_in(rate, whole, needed, now) {
            Some(ms) => ms.max(1),
            None => {
                // The window does not end, and all of it will come back.
                unused = whole;
                resets_in_ms
            }
        }
    } else if budget.window.lingers_ms() > 0 {
        open.frees_in(budget, needed, now)
    } else {
        resets_in_ms
    };
    Exhausted {
        want: u32::try_from(index).unwrap_or(u32::MAX),
        limit: open.limit_said(),
        remaining: short.remaining,
        resets_in_ms,
        retry_in_ms,
        window: start,
        unused,
        gives_way,
        adjustments,
    }
}

/// Grants a need that fits (or, where it does not, none of it) and what sizing adds.
pub(super) fn grant<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    heard: &Heard<R::Process>,
    budget: &Budget,
    mut open: Open<R::Bucket>,
    want: &Want,
) -> Result<Grant, R::Error> {
    let (start, end) = budget.window.at(at.now);
    let generation = heard.term.generation;
    let limit = open.limit();
    let remaining = open.state.remaining(limit);
    let need = if want.need <= remaining { want.need } else { 0 };
    let holders = rows.other_holders(&open.bucket, &heard.process)?.saturating_add(1);
    // Of calls in flight each takes one, and one comes back: what is kept for later ones would only be missing elsewhere.
    let extra = if budget.limits_flights() {
        0
    } else {
        extra((remaining - need).saturating_sub(kept(want)), want.demand, holders)
    };
    let amount = need + extra;
    if amount > 0 {
        let mut account = rows.account(&open.bucket, &heard.process, generation)?;
        if open.state.grant(&mut account, limit, amount).is_ok() {
            rows.set_state(&open.bucket, open.state)?;
            rows.set_account(&open.bucket, &heard.process, generation, account)?;
        }
    }
    Ok(Grant {
        amount,
        window: start,
        resets_in_ms: end.saturating_sub(at.now),
        limit: open.limit_said(),
        remaining: open.state.remaining(limit),
        generation,
    })
}

/// What has to be left here after a want is met.
fn kept(want: &Want) -> u64 {
    want.keep.saturating_sub(want.in_hand)
}

/// The budget a want means, if the policy has it in that form.
pub(super) fn budget_of<'p>(at: Rules<'p>, want: &Want) -> Option<&'p Budget> {
    let bucket = want.bucket.as_ref()?;
    at.policy.budget(&bucket.budget).filter(|budget| budget.per.len() == bucket.subject.len())
}

pub(super) fn subject_of(want: &Want) -> &[String] {
    want.bucket.as_ref().map_or(&[], |bucket| &bucket.subject)
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
