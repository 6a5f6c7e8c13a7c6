//! What people say of a budget elsewhere than in the file, in the file's own words.

use super::values::{limit, nearest};
use crate::{Budget, Policy};

impl Policy {
    /// The budget of this name, and its place.
    ///
    /// # Errors
    /// Which ones there are.
    pub fn find_budget(&self, name: &str) -> Result<(usize, &Budget), String> {
        let found = self.budgets.iter().enumerate().find(|(_, budget)| budget.name == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.budgets.iter().map(|budget| budget.name.as_str()).collect();
            let instead = match nearest(name, &names) {
                Some(nearest) => format!(" ({nearest})"),
                None => String::new(),
            };
            format!("the policy has no budget `{name}`{instead}")
        })
    }
}

impl Budget {
    /// An amount as a limit of this budget is written: `5000 tokens`, `12.50 USD`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read_amount(&self, text: &str) -> Result<u64, String> {
        let example = self.unit.amount(self.limit);
        let (amount, unit) =
            limit(text).map_err(|problem| format!("`{text}`: {problem} (such as `{example}`)"))?;
        // Of weighted tokens the weights are the budget's.
        if unit.to_string() == self.unit.to_string() {
            Ok(amount)
        } else {
            Err(format!("`{text}`: budget `{}` counts {}", self.name, self.unit))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    fn policy() -> Policy {
        let text = "
budgets:
  - { name: spend, per: [model], limit: 5 USD, window: 1d }
  - { name: talk, per: [model], limit: 100 tokens, window: 1d }
  - { name: dear, per: [model], limit: 100 weighted tokens, weights: { output: 4 }, window: 1d }
";
        Policy::from_yaml(text).unwrap()
    }

    #[test]
    fn amounts_are_written_as_in_the_file() {
        let policy = policy();
        let read = |budget: &str, text: &str| policy.find_budget(budget).unwrap().1.read_amount(text);
        assert_eq!(read("spend", "12.50 USD"), Ok(12_500_000_000_000));
        assert_eq!(read("talk", "5_000 tokens"), Ok(5_000));
        assert_eq!(read("dear", "70 weighted tokens"), Ok(70));
        assert_eq!(read("talk", "5 USD").unwrap_err(), "`5 USD`: budget `talk` counts tokens");
        assert_eq!(read("talk", "5").unwrap_err(), "`5`: say an amount and a unit (such as `100 tokens`)");
        assert!(read("talk", "0 tokens").unwrap_err().contains("must be more than 0"));
        assert!(read("spend", "-3 USD").unwrap_err().contains("`-3` is no amount of USD"));
    }

    #[test]
    fn an_unknown_budget_is_answered_with_the_nearest() {
        let policy = policy();
        assert_eq!(policy.find_budget("talk").unwrap().0, 1);
        assert_eq!(
            policy.find_budget("spent").unwrap_err(),
            "the policy has no budget `spent` (did you mean `spend`?)"
        );
    }
}
