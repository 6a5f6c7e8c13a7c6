//! What is allowed and hardly meant: `tollkeeper check` warns of it.

use crate::{Budget, Gpus, Mode, Problem, Unit};

/// `lines` are those of the budgets' limits.
pub(super) fn doubts(budgets: &[Budget], lines: &[u64], gpus: &Gpus) -> Vec<Problem> {
    let mut doubts = Vec::new();
    for (at, (budget, line)) in budgets.iter().zip(lines).enumerate() {
        let mut doubt = |what: String, suggestion: &str| {
            doubts.push(Problem::new(format!("budgets[{at}].limit: {what}")).at(*line).suggest(suggestion));
        };
        let most = largest_limit(budget);
        for parent in budgets.iter().filter(|parent| is_parent(parent, budget)) {
            let of_all = largest_limit(parent);
            if most > of_all {
                let (most, of_all) = (budget.unit.amount(most), budget.unit.amount(of_all));
                let what =
                    format!("{most}, but `{}` allows no more than {of_all} for all of them", parent.name);
                doubt(what, "both hold, so the parent is what limits");
            }
        }
        if budget.unit == Unit::GpuMs && gpus.is_empty() {
            doubt(
                "no model runs on GPUs, so nothing is counted".into(),
                "such as `models: { my-llama: { gpus: 4 } }`",
            );
        }
    }
    doubts
}

/// Whether each bucket of `parent` holds whole buckets of `child`, of the same kind and time.
fn is_parent(parent: &Budget, child: &Budget) -> bool {
    let contains =
        parent.per.len() < child.per.len() && parent.per.iter().all(|name| child.per.contains(name));
    contains && parent.mode == Mode::Enforce && (parent.unit, &parent.window) == (child.unit, &child.window)
}

fn largest_limit(budget: &Budget) -> u64 {
    budget.overrides.iter().map(|of_some| of_some.limit).fold(budget.limit, u64::max)
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    const LEVELS: &str = "
dimensions: { org: { header: x-org }, team: { header: x-team } }
budgets:
  - { name: all, per: [org], limit: 100 USD, window: month }
  - { name: team, per: [org, team], limit: 80 USD, window: month }
";

    fn warnings(text: &str) -> Vec<String> {
        Policy::read(text).unwrap().1.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_child_with_more_than_its_parent_is_doubtful() {
        assert_eq!(warnings(LEVELS), [""; 0]);
        let more = "line 5: budgets[1].limit: 800.00 USD, but `all` allows no more than 100.00 USD for all of them \
                    (both hold, so the parent is what limits)";
        assert_eq!(warnings(&LEVELS.replace("80 USD", "800 USD")), [more]);
        let overrides = "80 USD, overrides: [{ when: { team: a }, limit: 800 USD }]";
        assert_eq!(warnings(&LEVELS.replace("80 USD", overrides)), [more]);
        for other in ["800 tokens, window: month", "800 USD, window: day"] {
            assert_eq!(warnings(&LEVELS.replace("80 USD, window: month", other)), [""; 0]);
        }
        assert_eq!(warnings(&LEVELS.replace("80 USD", "800 USD").replace("[org, team]", "[team]")), [""; 0]);
    }

    #[test]
    fn time_of_gpus_that_nobody_has_is_doubtful() {
        let gpus = LEVELS.replace("100 USD", "100 GPU seconds");
        assert_eq!(warnings(&gpus).len(), 1);
        assert_eq!(warnings(&format!("{gpus}models: {{ llama: {{ gpus: 1 }} }}\n")), [""; 0]);
    }
}
