//! Since when processes could be heard: by any server, so every sweep of any server says that it was there.
//!
//! Times are those of the servers' own clocks. Where these differ by more than a [`gap`], it looks as if servers were
//! away all the time, and no term ends: amounts stay held, and nothing is overspent.

use super::copy::WorkingCopy;
use super::names;
use crate::store::Error;

/// Between two sweeps, if no server was there. A process is heard every second or so: after a pause shorter than half a
/// term there is time enough for it to come before its term ends.
fn gap(ttl_ms: u64) -> u64 {
    (ttl_ms / 2).saturating_add(3_000)
}

/// Unix ms.
pub(super) fn since(copy: &mut WorkingCopy, now: u64, ttl_ms: u64) -> Result<u64, Error> {
    let swept_at = copy.number(&names::swept_at())?;
    let since = copy.number(&names::listening_since())?;
    let away = |swept_at: u64| swept_at.abs_diff(now) > gap(ttl_ms);
    match (since, swept_at) {
        (Some(since), Some(swept_at)) if !away(swept_at) => Ok(since),
        _ => {
            copy.set_number(names::listening_since(), now);
            copy.set_number(names::swept_at(), now);
            Ok(now)
        }
    }
}

/// A server is there.
pub(super) fn sweeps(copy: &mut WorkingCopy, now: u64, ttl_ms: u64) -> Result<(), Error> {
    since(copy, now, ttl_ms)?;
    if copy.number(&names::swept_at())?.is_none_or(|swept_at| swept_at < now) {
        copy.set_number(names::swept_at(), now);
    }
    Ok(())
}
