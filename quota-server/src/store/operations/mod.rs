//! What a store does when it is asked, written once for all stores: over their [`Rows`], without waiting, and always the
//! same for the same rows, request and time.

mod acquire;
mod adjust;
mod bucket;
mod listening;
mod process;
mod rows;
mod spend;
mod sweep;
mod sync;

pub(super) use acquire::acquire;
pub(super) use adjust::adjust;
pub(super) use listening::Listening;
pub(super) use rows::{Answered, Forgettable, Given, Holding, LastSync, Rows, Slot, Unused};
pub(super) use spend::spend;
pub(super) use sweep::sweep;
pub(super) use sync::sync;

use super::Moment;
use policy::Policy;

/// The rules and the time of one operation, and how long a message renews its process's lease term.
#[derive(Clone, Copy)]
pub(super) struct Rules<'a> {
    pub(super) policy: &'a Policy,
    /// Unix ms.
    pub(super) now: u64,
    pub(super) ttl_ms: u64,
}

impl<'a> Rules<'a> {
    pub(super) fn of(at: &'a Moment, ttl_ms: u64) -> Rules<'a> {
        Rules { policy: &at.policy, now: at.now, ttl_ms }
    }
}

/// Ledger entries name the policy whose values they carry.
pub(super) fn remember<R: Rows>(rows: &mut R, at: Rules<'_>) -> Result<(), R::Error> {
    let names: Vec<&str> = at.policy.dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
    rows.set_dimension_names(&at.policy.version, &names)
}

/// A subject as one text.
pub(super) fn subject_key(subject: &[String]) -> String {
    // A list of strings has no way to fail.
    serde_json::to_string(subject).unwrap_or_default()
}

/// The other way round.
fn subject_of_key(key: &str) -> Vec<String> {
    serde_json::from_str(key).unwrap_or_default()
}
