//! How long answers are likely to be, for budgets that reserve what is expected.
//!
//! Learned of a budget's subject and the model: of whom the budget holds. Budgets per the same dimensions learn as one, and a
//! budget whose limit changes goes on with what is known.

use crate::host::Host;
use crate::places::Places;
use crate::rules::{Labels, Rules};
use policy::Reserve;
use quota::Outputs;
use std::hash::{DefaultHasher, Hash, Hasher};

/// About 0.7 MB, once all are taken.
const PLACES: Places = Places { name: "outputs", count: 4_096 };

/// What each budget expects of one call, in the order of the rules.
#[derive(Debug, Default)]
pub(crate) struct Likely {
    budgets: Vec<Option<Of>>,
}

#[derive(Clone, Copy, Debug)]
struct Of {
    owner: u64,
    /// `None`: not enough is known.
    tokens: Option<u64>,
}

impl Likely {
    pub(crate) fn of(host: &dyn Host, seed: u64, rules: &Rules, labels: &Labels) -> Likely {
        let budgets = rules.budgets().iter().map(|rule| match rule.budget.reserve {
            Reserve::WorstCase => None,
            Reserve::Expected { permille } => {
                let mut hasher = DefaultHasher::new();
                (seed, &rule.budget.per, &labels.model).hash(&mut hasher);
                rule.subject(labels).for_each(|value| value.hash(&mut hasher));
                let owner = hasher.finish();
                let outputs = PLACES.learned(host, owner).and_then(|bytes| Outputs::from_bytes(&bytes));
                Some(Of { owner, tokens: outputs.and_then(|outputs| outputs.quantile(permille)) })
            }
        });
        Likely { budgets: budgets.collect() }
    }

    /// Output tokens to reserve of the budget at this position, where `most` is the limit.
    pub(crate) fn output(&self, at: usize, most: u64) -> u64 {
        let of = self.budgets.get(at).copied().flatten();
        of.and_then(|of| of.tokens).map_or(most, |tokens| tokens.min(most))
    }

    /// An answer was of so many tokens.
    pub(crate) fn learn(&self, host: &dyn Host, tokens: u64) {
        let mut owners: Vec<u64> = self.budgets.iter().flatten().map(|of| of.owner).collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in owners {
            PLACES.learn(host, owner, |sofar| {
                let mut outputs = sofar.and_then(Outputs::from_bytes).unwrap_or_default();
                outputs.record(tokens);
                outputs.to_bytes().to_vec()
            });
        }
    }
}
