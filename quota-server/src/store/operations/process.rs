//! Processes, and what becomes of what they hold when they fall silent.

use super::{Rows, Rules};
use policy::LostLease;
use quota::proto::{LeaseTerm, Reporter};
use quota::{Lapse, Term};

/// A process that was heard, with its renewed term.
pub(super) struct Heard<P> {
    pub(super) process: P,
    pub(super) term: Term,
    ttl_ms: u64,
}

impl<P> Heard<P> {
    pub(super) fn lease_term(&self) -> LeaseTerm {
        LeaseTerm { generation: self.term.generation, ttl_ms: u32::try_from(self.ttl_ms).unwrap_or(u32::MAX) }
    }
}

/// A message of the process has come: what it held lapses if its term is over, and a term begins or is renewed.
pub(super) fn heard<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    reporter: &Reporter,
) -> Result<Heard<R::Process>, R::Error> {
    let Rules { now, ttl_ms, .. } = at;
    let Some((process, mut term)) = rows.process(&reporter.node, reporter.epoch)? else {
        let term = Term::begin(now, ttl_ms);
        let process = rows.new_process(&reporter.node, reporter.epoch, term, now)?;
        return Ok(Heard { process, term, ttl_ms });
    };
    if term.is_due(now) && may_lapse(rows, at)? {
        term = lapse(rows, at, &process, term)?;
    }
    term = term.renewed(now, ttl_ms);
    rows.renew(&process, term, now)?;
    Ok(Heard { process, term, ttl_ms })
}

/// No term ends before a whole one has passed in which processes could be heard.
pub(super) fn may_lapse<R: Rows>(rows: &mut R, at: Rules<'_>) -> Result<bool, R::Error> {
    Ok(at.now >= rows.listening_since()?.saturating_add(at.ttl_ms))
}

/// Closes all accounts of a process whose term is over.
pub(super) fn lapse<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    process: &R::Process,
    term: Term,
) -> Result<Term, R::Error> {
    for held in rows.holdings(process)? {
        // A budget that the policy no longer has: keep on the safe side.
        let rule = at.policy.budget(&held.budget).map_or(LostLease::Spent, |budget| budget.lost_lease);
        let mut state = rows.state(&held.bucket)?;
        let mut account = rows.account(&held.bucket, process, held.generation)?;
        state.keep_from_draining(at.now);
        state.lapse(
            &mut account,
            match rule {
                LostLease::Spent => Lapse::Spend,
                LostLease::Released => Lapse::Release,
            },
        );
        rows.set_state(&held.bucket, state)?;
        rows.set_account(&held.bucket, process, held.generation, account)?;
    }
    let lapsed = term.lapsed();
    rows.lapse(process, lapsed)?;
    Ok(lapsed)
}
