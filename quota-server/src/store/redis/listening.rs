//! Since when processes could be heard: by any server, so every sweep of any server says that it was there.
//!
//! Times are those of the servers' own clocks. Where these differ by more than half a term, it looks as if servers were
//! away all the time, and no term ends: amounts stay held, and nothing is overspent.

use super::copy::WorkingCopy;
use super::names;
use crate::store::Error;
use crate::store::operations::Listening;

/// Unix ms.
pub(super) fn since(copy: &mut WorkingCopy, now: u64, ttl_ms: u64) -> Result<u64, Error> {
    let known = read(copy)?;
    let current = known.map_or(Listening::begin(now), |known| known.at(now, ttl_ms));
    write(copy, known, current);
    Ok(current.since)
}

/// A server is there.
pub(super) fn sweeps(copy: &mut WorkingCopy, now: u64, ttl_ms: u64) -> Result<(), Error> {
    let known = read(copy)?;
    let current = known.map_or(Listening::begin(now), |known| known.swept(now, ttl_ms));
    write(copy, known, current);
    Ok(())
}

fn read(copy: &mut WorkingCopy) -> Result<Option<Listening>, Error> {
    let swept_at = copy.number(&names::swept_at())?;
    let since = copy.number(&names::listening_since())?;
    Ok(since.zip(swept_at).map(|(since, swept_at)| Listening { since, swept_at }))
}

fn write(copy: &mut WorkingCopy, known: Option<Listening>, current: Listening) {
    if known.is_none_or(|known| known.since != current.since) {
        copy.set_number(names::listening_since(), current.since);
    }
    if known.is_none_or(|known| known.swept_at != current.swept_at) {
        copy.set_number(names::swept_at(), current.swept_at);
    }
}
