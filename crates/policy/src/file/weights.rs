//! A budget's `weights:`

use super::line;
use super::values::{nearest, thousandths};
use super::windows::Wrong;
use crate::{Unit, Weights};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use tokens::TokenClass;

/// Such that a weighted sum stays an amount.
const LARGEST_WEIGHT: u32 = 1_000;

pub(super) type WeightsEntry = BTreeMap<String, Spanned<f64>>;

/// `unit` with the weights that a budget gives it.
pub(super) fn read_weights(unit: Unit, entries: &WeightsEntry, limit_line: u64, wrong: Wrong<'_>) -> Unit {
    match (unit, entries.values().next()) {
        (Unit::Weighted(_), None) => {
            let suggestion = "such as `weights: { output: 4, cache_read: 0.1 }`".to_owned();
            wrong("weights", limit_line, "missing".to_owned(), Some(suggestion));
            unit
        }
        (Unit::Weighted(_), Some(_)) => Unit::Weighted(weights(entries, wrong)),
        (unit, None) => unit,
        (unit, Some(first)) => {
            let what = format!("a limit of {unit} has none");
            wrong("weights", line(first), what, Some("say `weighted tokens`".to_owned()));
            unit
        }
    }
}

/// A class's own weight counts before its side's, and 1 where neither is said.
fn weights(entries: &WeightsEntry, wrong: Wrong<'_>) -> Weights {
    let mut known = vec!["prompt", "output"];
    known.extend(TokenClass::ALL.map(TokenClass::name));
    let mut read = BTreeMap::new();
    for (name, weight) in entries {
        if !known.contains(&name.as_str()) {
            let what = format!("unknown class of tokens `{name}`");
            wrong("weights", line(weight), what, nearest(name, &known));
        }
        match thousandths(weight.value, LARGEST_WEIGHT) {
            Ok(found) => {
                read.insert(name.as_str(), found);
            }
            Err(what) => wrong("weights", line(weight), format!("{name}: {what}"), None),
        }
    }
    Weights::of(|class| {
        let side = if class.is_input() { "prompt" } else { "output" };
        let found = read.get(class.name()).or_else(|| read.get(side));
        found.copied().unwrap_or(Weights::ONE)
    })
}

#[cfg(test)]
mod tests {
    use crate::{Policy, Unit};
    use tokens::Usage;

    fn read(limit: &str, more: &str) -> Result<Unit, Vec<String>> {
        let yaml = format!("budgets:\n  - name: b\n    limit: {limit}\n    window: 1h\n    {more}\n");
        match Policy::from_yaml(&yaml) {
            Ok(policy) => {
                assert_eq!(Policy::from_compiled(&policy.compiled()).as_ref(), Ok(&policy));
                Ok(policy.budgets[0].unit)
            }
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn a_class_weighs_what_is_said_of_it_or_of_its_side_or_one() {
        let unit =
            read("10 weighted tokens", "weights: { reasoning: 2, output: 4.5, cache_read: 0.1 }").unwrap();
        let Unit::Weighted(weights) = unit else { panic!("{unit:?}") };
        let count = |usage| weights.count(&usage);
        assert_eq!(count(Usage { uncached_input: 1_000, ..Usage::default() }), 1_000);
        assert_eq!(count(Usage { cache_read: 1_000, ..Usage::default() }), 100);
        assert_eq!(count(Usage { output_visible: 1_000, ..Usage::default() }), 4_500);
        assert_eq!(count(Usage { reasoning: 1_000, ..Usage::default() }), 2_000);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (limit, more, problem) in [
            (
                "5 weighted tokens",
                "mode: enforce",
                "line 3: budgets[0].weights: missing (such as `weights: { output: 4, cache_read: 0.1 }`)",
            ),
            (
                "5 tokens",
                "weights: { output: 4 }",
                "line 5: budgets[0].weights: a limit of tokens has none (say `weighted tokens`)",
            ),
            (
                "5 weighted tokens",
                "weights: { outptu: 4 }",
                "line 5: budgets[0].weights: unknown class of tokens `outptu` (did you mean `output`?)",
            ),
            (
                "5 weighted tokens",
                "weights: { output: 0.0001 }",
                "line 5: budgets[0].weights: output: 0.0001 must be from 0 to 1000, in steps of 0.001",
            ),
        ] {
            assert_eq!(read(limit, more), Err(vec![problem.to_owned()]));
        }
    }
}
