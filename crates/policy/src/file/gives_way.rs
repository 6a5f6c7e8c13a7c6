//! A budget's `gives_way:`

use super::conditions::{WhenEntry, read_when};
use super::line;
use super::values::permille;
use super::windows::Wrong;
use crate::GivesWay;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Each is looked at by every call.
const MOST: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivesWayEntry {
    when: WhenEntry,
    at: Spanned<String>,
}

/// `names` are the dimensions that may be named.
pub(super) fn read_gives_way(
    entries: Vec<Spanned<GivesWayEntry>>,
    names: &[&str],
    wrong: Wrong<'_>,
) -> Vec<GivesWay> {
    let mut gives_way = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let begins = line(&entry);
        let mut wrong = |field: &str, line: u64, what: String, suggestion: Option<String>| {
            wrong(&format!("gives_way[{at}]{field}"), line, what, suggestion);
        };
        if at == MOST {
            wrong("", begins, format!("at most {MOST} are looked at"), None);
        }
        let entry = entry.value;
        if entry.when.is_empty() {
            let suggestion = "a limit for all is the budget's own `limit`".to_owned();
            wrong(".when", begins, "does not say which calls".to_owned(), Some(suggestion));
        }
        let when = read_when(entry.when, names, &mut |field, line, what, suggestion| {
            wrong(&format!(".{field}"), line, what, suggestion);
        });
        match permille(&entry.at.value) {
            Ok(permille) => gives_way.push(GivesWay { when, permille }),
            Err(what) => wrong(".at", line(&entry.at), what, Some("such as `80%`".to_owned())),
        }
    }
    gives_way
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    fn read(gives_way: &str) -> Result<Policy, String> {
        let yaml = format!(
            "dimensions: {{ app: {{ header: x-app }} }}\nbudgets:\n  - name: b\n    limit: 1000 tokens\n    window: 1h\n    \
             gives_way: {gives_way}\n"
        );
        Policy::from_yaml(&yaml)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    }

    #[test]
    fn the_strictest_that_matches_counts() {
        let policy = read(
            "[{ when: { app: [batch-*, nightly] }, at: 80% }, { when: { app: batch-low, model: gpt-4o }, at: 50% }]",
        );
        let policy = policy.unwrap();
        assert_eq!(Policy::from_compiled(&policy.compiled()).as_ref(), Ok(&policy));
        let keep = |app, model| {
            policy.budgets[0].keep(1000, |dimension| if dimension == "app" { app } else { model })
        };
        assert_eq!(keep("chat", "gpt-4o"), 0);
        assert_eq!([keep("nightly", "gpt-4o"), keep("batch-low", "o3")], [200, 200]);
        assert_eq!(keep("batch-low", "gpt-4o"), 500);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (gives_way, problem) in [
            ("[{ when: {}, at: 80% }]", "budgets[0].gives_way[0].when: does not say which calls"),
            (
                "[{ when: { ap: x }, at: 80% }]",
                "budgets[0].gives_way[0].when: no dimension `ap` (did you mean `app`?)",
            ),
            ("[{ when: { app: x }, at: 80 }]", "budgets[0].gives_way[0].at: `80` is no part"),
        ] {
            let found = read(gives_way).unwrap_err();
            assert!(found.starts_with("line 6: ") && found.contains(problem), "{found}");
        }
    }
}
