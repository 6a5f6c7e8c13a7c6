//! Budgets: an amount of a unit, per dimension values and window.

use crate::compiled::known_or_default;
use crate::{Condition, Reserve, Unit, Window};
use serde::{Deserialize, Serialize};

/// One rule. All budgets apply to a request, not just the first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    pub name: String,
    /// Names of dimensions (or `model`); each combination of their values has a bucket of its own.
    pub per: Vec<String>,
    /// In the unit's own integer amounts. Use [`Budget::limit_of`].
    pub limit: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gives_way: Vec<GivesWay>,
    pub unit: Unit,
    #[serde(default, deserialize_with = "known_or_default")]
    pub window: Window,
    pub mode: Mode,
    #[serde(default, deserialize_with = "known_or_default")]
    pub reserve: Reserve,
    pub when_unreachable: WhenUnreachable,
    #[serde(default, deserialize_with = "known_or_default")]
    pub lost_lease: LostLease,
    #[serde(default, deserialize_with = "known_or_default")]
    pub on_overrun: OnOverrun,
}

/// Another limit for the subjects whose values match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// All of these must match; each is of a dimension in the budget's `per`.
    pub when: Vec<Condition>,
    pub limit: u64,
}

/// Calls that give way to others: they are admitted only as long as no more than a part of the limit is used or held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivesWay {
    /// All of these must match.
    pub when: Vec<Condition>,
    /// So many thousandths of the limit.
    pub permille: u16,
}

impl Budget {
    /// What of `limit` a call leaves to others: nothing, unless it is one that gives way. `value`: of the call's dimensions.
    #[must_use]
    pub fn keep<'a>(&self, limit: u64, value: impl Fn(&str) -> &'a str) -> u64 {
        let holds = |condition: &Condition| condition.matches(value(&condition.dimension));
        let matching = self.gives_way.iter().filter(|gives_way| gives_way.when.iter().all(holds));
        matching.map(|gives_way| limit.saturating_sub(part(limit, gives_way.permille))).max().unwrap_or(0)
    }

    /// The limit of a subject, given by its values in the order of `per`: the first override's that matches, else the
    /// budget's own.
    #[must_use]
    pub fn limit_of<'a>(&self, subject: impl Iterator<Item = &'a str> + Clone) -> u64 {
        let value = |name: &str| {
            let at = self.per.iter().position(|dimension| dimension == name)?;
            subject.clone().nth(at)
        };
        let holds =
            |condition: &Condition| value(&condition.dimension).is_some_and(|value| condition.matches(value));
        let found = self.overrides.iter().find(|of_some| of_some.when.iter().all(holds));
        found.map_or(self.limit, |of_some| of_some.limit)
    }

    /// Whether it holds calls to a number in flight.
    #[must_use]
    pub fn limits_flights(&self) -> bool {
        self.unit == Unit::ConcurrentRequests && self.mode == Mode::Enforce
    }

    /// How much a bucket with this limit can hold: all of it, where it has no other size.
    #[must_use]
    pub const fn most_at_once(&self, limit: u64) -> u64 {
        match self.window {
            Window::Refill { burst: Some(burst), .. } => burst,
            _ => limit,
        }
    }

    /// A limit of the budget's in words: `500 USD per month`, `20 concurrent requests at a time`.
    #[must_use]
    pub fn says(&self, limit: u64) -> String {
        let amount = self.unit.amount(limit);
        match self.window {
            _ if self.unit == Unit::ConcurrentRequests => format!("{amount} at a time"),
            Window::Refill { burst: Some(burst), .. } => {
                format!("{amount} {}, {} at once", self.window, self.unit.amount(burst))
            }
            _ => format!("{amount} {}", self.window),
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
    /// Goes on as long as each Envoy process keeps to its share of the limit, so many thousandths of it a window; beyond
    /// that it is refused with 503.
    Local { permille: u16 },
}

impl WhenUnreachable {
    /// As the policy file and stats say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            WhenUnreachable::Allow => "allow",
            WhenUnreachable::Deny => "deny",
            WhenUnreachable::Local { .. } => "local",
        }
    }
}

/// A part of an amount, in thousandths; rounded down.
#[must_use]
pub fn part(amount: u64, permille: u16) -> u64 {
    let whole = u128::from(amount).saturating_mul(u128::from(permille)) / 1000;
    u64::try_from(whole).unwrap_or(u64::MAX)
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
