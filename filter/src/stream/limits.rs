//! How much a call may put out, by its own limit, the policy's and its guardrails.

use crate::rules::{Labels, Rules};
use policy::{Mode, OnExceeded, OnOverrun};
use wire::Request;

/// In tokens, of all choices together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// What is reserved: the client's limit, else the policy's, or what it is clamped to.
    pub(super) output: u64,
    /// The limit of each choice that the request is to be given.
    pub(super) enforced: Option<u64>,
    pub(super) stop: Option<Stop>,
}

/// Where a stream is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) at: u64,
    pub(super) why: Why,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// A guardrail says so.
    Guardrail,
    /// It goes beyond what is reserved in a budget that says so.
    Overrun,
}

impl Limits {
    pub(super) fn of(request: &Request, rules: &Rules, labels: &Labels) -> Limits {
        let choices = request.choices();
        let clamp = rules
            .guardrail(labels, OnExceeded::Clamp)
            .map(|most| most.checked_div(choices).unwrap_or(most).max(1));
        let own = request.output_limit();
        let each = own.unwrap_or(rules.policy().output_limit).min(clamp.unwrap_or(u64::MAX));
        let output = each.saturating_mul(choices);
        let must_be_kept = clamp.is_some() || (own.is_none() && !rules.budgets().is_empty());
        let overruns_stop = rules
            .budgets()
            .iter()
            .any(|rule| rule.budget.mode == Mode::Enforce && rule.budget.on_overrun == OnOverrun::Stop);
        let guardrail = rules
            .guardrail(labels, OnExceeded::Stop)
            .map(|at| Stop { at, why: Why::Guardrail })
            .filter(|stop| !overruns_stop || stop.at <= output);
        let overrun = overruns_stop.then_some(Stop { at: output, why: Why::Overrun });
        Limits { output, enforced: must_be_kept.then_some(each), stop: guardrail.or(overrun) }
    }
}

impl Stop {
    /// Whether so many tokens are too many. A guardrail means what is counted. What is reserved is the provider's to keep,
    /// and a count that is only an estimate must not end what keeps it.
    pub(super) const fn is_due(self, tokens: u64, exact: bool) -> bool {
        let leeway = match (self.why, exact) {
            (Why::Guardrail, _) => 0,
            (Why::Overrun, true) => 8,
            (Why::Overrun, false) => (self.at / 4).saturating_add(16),
        };
        match self.why {
            Why::Guardrail => tokens >= self.at,
            Why::Overrun => tokens > self.at.saturating_add(leeway),
        }
    }
}

impl Why {
    /// The label of the stat.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Why::Guardrail => "guardrail",
            Why::Overrun => "overrun",
        }
    }
}
