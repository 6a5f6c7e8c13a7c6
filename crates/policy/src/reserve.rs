//! How much of a budget a call holds while it runs.

use serde::{Deserialize, Serialize};

/// Beside the exact prompt, the output that a call holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reserve {
    /// The enforced output limit: no call goes beyond what it holds.
    #[default]
    WorstCase,
    /// What so many of a thousand answers do not exceed, as learned of the budget's subject and the model, and at most the
    /// output limit. What a call puts out beyond that is charged and may overspend: by no more than the limit less that
    /// figure for each call in flight.
    Expected { permille: u16 },
}
