//! Guardrails: what a single call may do, whatever budgets have left.

use serde::{Deserialize, Serialize};

/// One rule for calls that match it. Of several that match, each holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guardrail {
    /// All of these must match; with none, every call does.
    pub when: Vec<Condition>,
    /// The most output tokens of a call, all its choices together.
    pub max_output_tokens: u64,
    pub on_exceeded: OnExceeded,
}

/// A dimension (or `model`), and the values that match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub dimension: String,
    /// Names, or beginnings of names with a `*` behind them.
    pub values: Vec<String>,
}

/// What is done about a call that goes beyond its limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnExceeded {
    /// The request is given the limit, so that the provider keeps it.
    #[default]
    Clamp,
    /// The request stays as it is, and a stream is ended when so many tokens have been counted.
    Stop,
}

impl Guardrail {
    /// Whether it holds for a call whose dimensions (and `model`) have these values.
    #[must_use]
    pub fn holds<'a>(&self, value: impl Fn(&str) -> &'a str) -> bool {
        self.when.iter().all(|condition| condition.matches(value(&condition.dimension)))
    }
}

impl Condition {
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.values.iter().any(|wanted| match wanted.strip_suffix('*') {
            Some(beginning) => value.starts_with(beginning),
            None => value == wanted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_must_match_by_one_of_its_values() {
        let condition = |dimension: &str, values: &[&str]| Condition {
            dimension: dimension.to_owned(),
            values: values.iter().map(|value| (*value).to_owned()).collect(),
        };
        let when = vec![condition("tenant", &["acme", "trial-*"]), condition("model", &["gpt-*"])];
        let guardrail = Guardrail { when, max_output_tokens: 1, on_exceeded: OnExceeded::Stop };
        let holds =
            |tenant, model| guardrail.holds(|dimension| if dimension == "tenant" { tenant } else { model });
        assert!(holds("acme", "gpt-4o") && holds("trial-7", "gpt-5"));
        assert!(!holds("acme2", "gpt-4o") && !holds("acme", "claude"));
    }
}
