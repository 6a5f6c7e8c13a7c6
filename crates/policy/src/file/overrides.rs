//! A budget's `overrides:`

use super::conditions::{WhenEntry, read_when};
use super::line;
use super::values::limit;
use super::windows::Wrong;
use crate::{Override, Unit};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Each is looked at by every call until one matches.
const MOST_OVERRIDES: usize = 256;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OverrideEntry {
    when: WhenEntry,
    limit: Spanned<String>,
}

/// The overrides of a budget of `unit` per `per`.
pub(super) fn read_overrides(
    entries: Vec<Spanned<OverrideEntry>>,
    per: &[&str],
    unit: Unit,
    wrong: Wrong<'_>,
) -> Vec<Override> {
    let mut overrides = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let begins = line(&entry);
        let mut wrong = |field: &str, line: u64, what: String, suggestion: Option<String>| {
            wrong(&format!("overrides[{at}]{field}"), line, what, suggestion);
        };
        if at == MOST_OVERRIDES {
            wrong("", begins, format!("at most {MOST_OVERRIDES} are looked through"), None);
        }
        let entry = entry.value;
        if entry.when.is_empty() {
            let suggestion = "a limit for all is the budget's own `limit`".to_owned();
            wrong(".when", begins, "does not say for whom".to_owned(), Some(suggestion));
        }
        let when = read_when(entry.when, per, &mut |field, line, what, _| {
            let suggestion = match per {
                [] => "a budget without `per` has only its own limit".to_owned(),
                per => format!("the budget is per {}", per.join(", ")),
            };
            wrong(&format!(".{field}"), line, what, Some(suggestion));
        });
        let limit = own_amount(&entry.limit, unit, &mut |_, line, what, suggestion| {
            wrong(".limit", line, what, suggestion);
        });
        overrides.extend(limit.map(|limit| Override { when, limit }));
    }
    overrides
}

/// An amount that a budget of `unit` says beside its limit; a problem is told without the field's name.
pub(super) fn own_amount(text: &Spanned<String>, unit: Unit, wrong: Wrong<'_>) -> Option<u64> {
    match limit(&text.value) {
        Ok((amount, of)) if of == unit => return Some(amount),
        Ok(_) => {
            let what = format!("`{}` must be in the budget's own unit, {unit}", text.value);
            wrong("", line(text), what, None);
        }
        Err(what) => wrong("", line(text), what, Some(format!("such as `5000 {unit}`"))),
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    const GOOD: &str = "
dimensions: { team: { header: x-team }, user: { header: x-user } }
budgets:
  - name: team-month
    per: [user, team]
    limit: 500 USD
    window: month
    overrides:
      - { when: { team: search, user: ann }, limit: 7000 USD }
      - { when: { team: [search, ads] }, limit: 5000 USD }
      - { when: { team: batch-* }, limit: 20 USD }
";

    #[test]
    fn the_first_override_that_matches_gives_a_subject_its_limit() {
        let policy = Policy::from_yaml(GOOD).unwrap();
        let usd = |subject: [&str; 2]| policy.budgets[0].limit_of(subject.into_iter()) / crate::PICO_PER_USD;
        assert_eq!(usd(["ann", "search"]), 7_000);
        assert_eq!(usd(["bob", "search"]), 5_000);
        assert_eq!(usd(["ann", "ads"]), 5_000);
        assert_eq!(usd(["ann", "batch-nightly"]), 20);
        assert_eq!(usd(["search", "research"]), 500);
        assert_eq!(policy.budgets[0].limit_of(["bob"].into_iter()) / crate::PICO_PER_USD, 500);
        assert_eq!(Policy::from_compiled(&policy.compiled()), Ok(policy));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let problems = |what: &str, instead: &str| -> Vec<String> {
            let text = GOOD.replace(what, instead);
            Policy::from_yaml(&text).unwrap_err().iter().map(ToString::to_string).collect()
        };
        let overrides = "budgets[0].overrides";
        for (what, instead, problem) in [
            (
                "per: [user, team]",
                "per: [team]",
                format!("line 9: {overrides}[0].when: no dimension `user` (the budget is per team)"),
            ),
            (
                "{ team: batch-* }",
                "{}",
                format!(
                    "line 11: {overrides}[2].when: does not say for whom (a limit for all is the budget's own `limit`)"
                ),
            ),
            (
                "5000 USD",
                "5000 tokens",
                format!("line 10: {overrides}[1].limit: `5000 tokens` must be in the budget's own unit, USD"),
            ),
            (
                "5000 USD",
                "lots",
                format!("line 10: {overrides}[1].limit: say an amount and a unit (such as `5000 USD`)"),
            ),
        ] {
            assert_eq!(problems(what, instead), [problem]);
        }
        let wrong_unit = problems("limit: 500 USD", "limit: 500 UDS");
        assert_eq!(wrong_unit.len(), 1, "the overrides are not to blame: {wrong_unit:?}");
        let weighted = GOOD
            .replace("USD", "weighted tokens")
            .replace("window: month\n", "window: 1h\n    weights: { output: 2 }\n");
        assert_eq!(Policy::from_yaml(&weighted).unwrap().budgets[0].overrides.len(), 3);
        assert!(problems("batch-*", "\"*-batch\"")[0].contains("a `*` stands at the end only"));
    }
}
