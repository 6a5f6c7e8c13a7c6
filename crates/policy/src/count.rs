//! When a prompt is counted.

use serde::{Deserialize, Serialize};

/// Counting a prompt takes time; most verdicts stand without.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Where a bound from lengths alone does not fit into a budget, and where a provider reports nothing.
    #[default]
    WhenNeeded,
    /// Before every call: reservations hold no more than they must.
    Always,
}
