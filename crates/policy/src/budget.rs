//! Budgets: an amount of a unit, per dimension values and window.

use serde::{Deserialize, Serialize};
use tokens::Usage;

/// One rule. All budgets apply to a request, not just the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub name: String,
    /// Names of dimensions (or `model`); each combination of their values has a bucket of its own.
    pub per: Vec<String>,
    /// In the unit's own integer amounts.
    pub limit: u64,
    pub unit: Unit,
    /// Length of the fixed windows, aligned to the Unix epoch.
    pub window_ms: u64,
    pub mode: Mode,
    pub when_unreachable: WhenUnreachable,
    pub lost_lease: LostLease,
    #[serde(default)]
    pub on_overrun: OnOverrun,
}

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Requests,
    /// Prompt and output tokens of every class.
    Tokens,
    /// Money, in pico-USD (1e-12 USD).
    PicoUsd,
}

impl Unit {
    /// How much of this unit a call consumed.
    #[must_use]
    pub fn amount(self, usage: &Usage, cost_pico_usd: u64) -> u64 {
        match self {
            Unit::Requests => 1,
            Unit::Tokens => usage.total(),
            Unit::PicoUsd => cost_pico_usd,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Refuses what does not fit.
    #[default]
    Enforce,
    /// Counts, and only says in a stat what it would have refused.
    Shadow,
}

/// What happens to a request when the lease in hand does not cover it and the quota server can't be asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenUnreachable {
    /// Goes on unreserved and is charged afterwards.
    #[default]
    Allow,
    /// Is refused with 503.
    Deny,
}

/// What the server does with the unsettled part of a lease whose process has gone silent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostLease {
    /// Counts it as spent: the budget holds whatever the lost process did.
    #[default]
    Spent,
    /// Gives it back: what the lost process did unreported comes on top.
    Released,
}

/// What happens to a stream that goes beyond what was reserved for it, because its provider does not keep the output
/// limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnOverrun {
    /// Goes on, and all of it is charged.
    #[default]
    Charge,
    /// Is ended.
    Stop,
}

impl Budget {
    /// The window instance that contains `now_ms`: its start and end, Unix milliseconds.
    #[must_use]
    pub fn window_at(&self, now_ms: u64) -> (u64, u64) {
        let into = now_ms.checked_rem(self.window_ms).unwrap_or(0);
        let start = now_ms.saturating_sub(into);
        (start, start.saturating_add(self.window_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hourly() -> Budget {
        Budget {
            name: "b".into(),
            per: vec![],
            limit: 1,
            unit: Unit::Tokens,
            window_ms: 3_600_000,
            mode: Mode::Enforce,
            when_unreachable: WhenUnreachable::Allow,
            lost_lease: LostLease::Spent,
            on_overrun: OnOverrun::Charge,
        }
    }

    #[test]
    fn an_hour_starts_on_the_hour() {
        // 2026-11-23T18:20:00Z lies in the hour from 18:00 to 19:00.
        assert_eq!(hourly().window_at(1_795_458_000_000), (1_795_456_800_000, 1_795_460_400_000));
        assert_eq!(hourly().window_at(1_795_456_800_000).0, 1_795_456_800_000);
    }

    #[test]
    fn amounts_follow_the_unit() {
        let usage = Usage { uncached_input: 10, output_visible: 5, ..Usage::default() };
        assert_eq!(Unit::Requests.amount(&usage, 77), 1);
        assert_eq!(Unit::Tokens.amount(&usage, 77), 15);
        assert_eq!(Unit::PicoUsd.amount(&usage, 77), 77);
    }
}
