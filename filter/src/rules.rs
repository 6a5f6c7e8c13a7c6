//! The policy as requests meet it: names resolved to positions once, not per request.

use policy::{Budget, Dimension, OnExceeded, Policy, Source};
use quota::BucketKey;
use quota::proto::Bucket;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A policy that is in force in this worker.
#[derive(Debug)]
pub(crate) struct Rules {
    policy: Policy,
    budgets: Vec<Rule>,
    /// Names of the budgets that hold calls to a number in flight.
    flights: Vec<String>,
}

/// A budget, with its `per` as positions in a request's dimension values (the model stands after the last).
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) budget: Budget,
    per: Vec<usize>,
}

/// A request's dimension values, in the order of the policy, and its model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) dimensions: Vec<String>,
    pub(crate) model: String,
}

impl Rules {
    pub(crate) fn new(policy: Policy) -> Rules {
        let position = |name: &String| {
            policy
                .dimensions
                .iter()
                .position(|dimension| dimension.name == *name)
                .unwrap_or(policy.dimensions.len())
        };
        let budgets = policy
            .budgets
            .iter()
            .map(|budget| Rule { budget: budget.clone(), per: budget.per.iter().map(position).collect() })
            .collect();
        let flights = policy.budgets.iter().filter(|budget| budget.limits_flights());
        let flights = flights.map(|budget| budget.name.clone()).collect();
        Rules { policy, budgets, flights }
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn budgets(&self) -> &[Rule] {
        &self.budgets
    }

    /// Whether the budget of this name holds calls to a number in flight.
    pub(crate) fn limits_flights(&self, name: &str) -> bool {
        self.flights.iter().any(|flights| flights == name)
    }

    /// The value of a dimension, or the model.
    fn value<'a>(&self, labels: &'a Labels, name: &str) -> &'a str {
        let known = self.policy.dimensions.iter().position(|dimension| dimension.name == name);
        known.and_then(|at| labels.dimensions.get(at)).unwrap_or(&labels.model)
    }

    /// What a call leaves to others of a budget's limit.
    pub(crate) fn keep(&self, rule: &Rule, labels: &Labels) -> u64 {
        if rule.budget.gives_way.is_empty() {
            return 0;
        }
        rule.budget.keep(rule.limit(labels), |name| self.value(labels, name))
    }

    /// The lowest limit of output tokens that a guardrail of this kind sets a call.
    pub(crate) fn guardrail(&self, labels: &Labels, kind: OnExceeded) -> Option<u64> {
        let guardrails = self.policy.guardrails.iter().filter(|guardrail| guardrail.on_exceeded == kind);
        guardrails
            .filter(|guardrail| guardrail.holds(|name| self.value(labels, name)))
            .map(|guardrail| guardrail.max_output_tokens)
            .min()
    }

    /// The values of all dimensions, read with `header`.
    pub(crate) fn dimensions<'a>(&self, header: impl Fn(&str) -> Option<&'a [u8]>) -> Vec<String> {
        self.policy
            .dimensions
            .iter()
            .map(|dimension| match &dimension.source {
                Source::Header(name) => Dimension::sanitise(header(name).unwrap_or_default()),
                Source::Constant(value) => value.clone(),
            })
            .collect()
    }
}

impl Rule {
    /// The values of its dimensions.
    pub(crate) fn subject<'a>(&'a self, labels: &'a Labels) -> impl Iterator<Item = &'a str> + Clone {
        self.per.iter().map(|&at| labels.dimensions.get(at).unwrap_or(&labels.model).as_str())
    }

    pub(crate) fn limit(&self, labels: &Labels) -> u64 {
        self.budget.limit_of(self.subject(labels))
    }

    /// The bucket's name in this process's shared data.
    pub(crate) fn key(&self, labels: &Labels, seed: u64) -> BucketKey {
        self.key_of(self.subject(labels), seed)
    }

    /// The same for the bucket of a subject.
    pub(crate) fn key_of<'a>(&self, subject: impl Iterator<Item = &'a str> + Clone, seed: u64) -> BucketKey {
        let limit = self.budget.limit_of(subject.clone());
        let half = |salt: u64| {
            let mut hasher = DefaultHasher::new();
            (seed, salt).hash(&mut hasher);
            self.budget.name.hash(&mut hasher);
            // A budget with other terms is another one here: neither what was granted under the old limit nor that it
            // was used up holds for the new one. The old leases go back when they are idle.
            (limit, self.budget.unit, &self.budget.window).hash(&mut hasher);
            subject.clone().for_each(|value| value.hash(&mut hasher));
            u128::from(hasher.finish())
        };
        BucketKey(half(1) << 64 | half(2))
    }

    /// The bucket as the server knows it.
    pub(crate) fn bucket(&self, labels: &Labels) -> Bucket {
        Bucket {
            budget: self.budget.name.clone(),
            subject: self.subject(labels).map(str::to_owned).collect(),
        }
    }
}
