//! Changes of a bucket by hand: made once, and never without an entry that says so.

use super::bucket::Open;
use super::{Rows, Rules};
use crate::store::audit::{Action, Adjusted, Adjustment, Entry, Standing};
use quota::{LARGEST_AMOUNT, proto};

/// Buckets named in one answer; of more a worker is told that it may be any.
const MOST_NAMED: u32 = 256;

/// `None`: the policy has no such budget.
pub(in crate::store) fn adjust<R: Rows>(
    rows: &mut R,
    at: Rules<'_>,
    asked: &Adjustment,
) -> Result<Option<Adjusted>, R::Error> {
    let Some(budget) = at.policy.budgets.get(asked.budget) else { return Ok(None) };
    if let Some(known) = rows.adjusted(&asked.key)? {
        let same = known.is(&budget.name, asked);
        return Ok(Some(if same { Adjusted::Repeated(known) } else { Adjusted::KeyTaken(known) }));
    }
    let mut open = Open::of(rows, at, budget, &asked.subject)?;
    let before = standing(&open);
    match asked.action {
        Action::TopUp(amount) => {
            open.state.raise(amount);
            open.state.raised = open.state.raised.min(LARGEST_AMOUNT);
        }
        Action::Reset => open.forgive(),
    }
    for (bucket, state) in open.all() {
        rows.set_state(bucket, state)?;
    }
    let entry = Entry {
        number: rows.last_adjustment()?.saturating_add(1),
        at: at.now,
        by: asked.by.clone(),
        action: asked.action,
        budget: budget.name.clone(),
        per: budget.per.clone(),
        subject: asked.subject.clone(),
        window: budget.window.at(at.now).0,
        unit: budget.unit.base(),
        before,
        after: standing(&open),
        reason: asked.reason.clone(),
        key: asked.key.clone(),
    };
    rows.add_adjustment(&entry)?;
    Ok(Some(Adjusted::Made(entry)))
}

fn standing<B: Clone>(open: &Open<B>) -> Standing {
    Standing { limit: open.limit_said(), used: open.counting(), outstanding: open.counted().outstanding }
}

/// What a worker is told that has heard of adjustments up to `heard`.
pub(super) struct News {
    pub(super) last: u64,
    pub(super) buckets: Vec<proto::Bucket>,
    /// Perhaps others, too.
    pub(super) any: bool,
}

pub(super) fn news<R: Rows>(rows: &mut R, heard: u64) -> Result<News, R::Error> {
    let last = rows.last_adjustment()?;
    if last <= heard {
        return Ok(News { last, buckets: Vec::new(), any: false });
    }
    // A worker that has heard of none is new: what others of its process remember may be of any age.
    if heard == 0 || last - heard > u64::from(MOST_NAMED) {
        return Ok(News { last, buckets: Vec::new(), any: true });
    }
    let entries = rows.adjustments(heard + 1, last)?;
    let buckets =
        entries.into_iter().map(|entry| proto::Bucket { budget: entry.budget, subject: entry.subject });
    Ok(News { last, buckets: buckets.collect(), any: false })
}
