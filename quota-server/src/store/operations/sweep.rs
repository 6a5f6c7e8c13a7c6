//! What time does: leases lapse, and rows that can't matter any more go.

use super::process::{lapse, may_lapse};
use super::{Forgettable, Rows, Rules, Unused, subject_of_key};
use crate::store::ledger::DAY_MS;
use crate::store::{Swept, rate_of};
use policy::FOR_EVER;
use quota::Bucket;

/// Processes lapsed, and buckets looked at, in one operation: bounds how long others of its batch wait.
const MOST: u32 = 256;

pub(in crate::store) fn sweep<R: Rows>(rows: &mut R, at: Rules<'_>) -> Result<Swept, R::Error> {
    let due = if may_lapse(rows, at)? { rows.due(at.now, MOST)? } else { Vec::new() };
    for (process, term) in &due {
        lapse(rows, at, process, *term)?;
    }
    let lapsed = u64::try_from(due.len()).unwrap_or(u64::MAX);
    let what = forgettable(at, rows.listening_since()?);
    let forgotten = forget_unused(rows, at)?.saturating_add(rows.forget(&what)?);
    Ok(Swept { lapsed, forgotten })
}

/// Of buckets whose window does not end those go that say the same as a new one.
fn forget_unused<R: Rows>(rows: &mut R, at: Rules<'_>) -> Result<u64, R::Error> {
    let mut forgotten = 0_u64;
    for Unused { bucket, budget, subject } in rows.unused(at.now, MOST)? {
        let mut state = rows.state(&bucket)?;
        let subject = subject_of_key(&subject);
        let budget = at.policy.budget(&budget).filter(|budget| budget.per.len() == subject.len());
        let rate =
            budget.and_then(|budget| rate_of(budget, budget.limit_of(subject.iter().map(String::as_str))));
        if let Some(rate) = rate {
            state.drain(rate, at.now);
        }
        let Bucket { drained_at, outstanding, .. } = state;
        if state == (Bucket { drained_at, ..Bucket::default() }) {
            rows.remove(&bucket)?;
            forgotten = forgotten.saturating_add(1);
        } else {
            // What neither drains nor is held changes only when it is used again.
            let changes = drained_at > 0 || outstanding > 0;
            rows.keep(&bucket, if changes { at.now.saturating_add(DAY_MS) } else { FOR_EVER })?;
        }
    }
    Ok(forgotten)
}

/// * Acquires are asked for again within seconds, and withdrawn by the worker's next sync: ten terms or ten minutes
///   is longer than a process that is heard at all can be late. One that was cut off, so that its term lapsed, has a
///   day to say which answers never came, since those are charged as lost.
/// * Buckets say themselves how long late reports may reach them.
/// * A process is forgotten a day after it was last heard, if no bucket remembers it; until then the last syncs of its
///   workers must not be applied again.
fn forgettable(at: Rules<'_>, listening_since: u64) -> Forgettable {
    let before = |age: u64| at.now.saturating_sub(age);
    let late = at.ttl_ms.saturating_mul(10).max(600_000);
    // Before then, nobody may have had the time to say anything.
    let acquires = if at.now < listening_since.saturating_add(late) { 0 } else { before(late) };
    Forgettable { buckets: at.now, acquires, lapsed_acquires: before(DAY_MS), processes: before(DAY_MS) }
}
