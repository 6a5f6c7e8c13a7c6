//! The file's `guardrails`.

use super::conditions::{WhenEntry, read_when};
use super::line;
use crate::{Dimension, Guardrail, OnExceeded, Problem};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// More would make a request's admission too dear.
const MOST_GUARDRAILS: usize = 64;
/// As for the file's `output_limit`.
const LARGEST_LIMIT: u64 = 10_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardrailEntry {
    #[serde(default)]
    when: WhenEntry,
    max_output_tokens: Spanned<u64>,
    #[serde(default)]
    on_exceeded: OnExceeded,
}

pub(super) fn read_guardrails(
    entries: Vec<Spanned<GuardrailEntry>>,
    dimensions: &[Dimension],
    problems: &mut Vec<Problem>,
) -> Vec<Guardrail> {
    if entries.len() > MOST_GUARDRAILS {
        let what = format!("guardrails: {} of them, at most {MOST_GUARDRAILS} are kept", entries.len());
        problems.push(Problem::new(what));
    }
    let names: Vec<&str> =
        dimensions.iter().map(|dimension| dimension.name.as_str()).chain([Dimension::MODEL]).collect();
    let mut guardrails = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let entry = entry.value;
        let limit = &entry.max_output_tokens;
        if !(1..=LARGEST_LIMIT).contains(&limit.value) {
            let what =
                format!("guardrails[{at}].max_output_tokens: must be from 1 to {LARGEST_LIMIT} tokens");
            problems.push(Problem::new(what).at(line(limit)));
        }
        let when = read_when(entry.when, &names, &mut |field, line, what, suggestion| {
            let problem = Problem::new(format!("guardrails[{at}].{field}: {what}")).at(line);
            problems.push(suggestion.into_iter().fold(problem, Problem::suggest));
        });
        guardrails.push(Guardrail {
            when,
            max_output_tokens: entry.max_output_tokens.value,
            on_exceeded: entry.on_exceeded,
        });
    }
    guardrails
}

#[cfg(test)]
mod tests {
    use crate::{OnExceeded, Policy};

    const GOOD: &str = "
dimensions: { tenant: { header: x-tenant-id } }
guardrails:
  - { max_output_tokens: 4000 }
  - { when: { tenant: [trial-*, demo], model: gpt-4o }, max_output_tokens: 200, on_exceeded: stop }
";

    #[test]
    fn guardrails_read_as_written() {
        let policy = Policy::from_yaml(GOOD).unwrap();
        assert_eq!(policy.guardrails[0].on_exceeded, OnExceeded::Clamp);
        let second = &policy.guardrails[1];
        assert_eq!((second.max_output_tokens, second.on_exceeded), (200, OnExceeded::Stop));
        assert!(second.holds(|name| if name == "tenant" { "trial-9" } else { "gpt-4o" }));
        assert_eq!(Policy::from_compiled(&policy.compiled()), Ok(policy));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let problems = |text: &str| -> Vec<String> {
            Policy::from_yaml(text).unwrap_err().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            problems(&GOOD.replace("tenant: [", "tenan: [").replace("4000", "0")),
            [
                "line 4: guardrails[0].max_output_tokens: must be from 1 to 10000000 tokens",
                "line 5: guardrails[1].when: no dimension `tenan` (did you mean `tenant`?)"
            ]
        );
        assert!(problems(&GOOD.replace("stop", "explode"))[0].starts_with("line 5: "));
        assert!(problems(&GOOD.replace("max_output_tokens: 200, ", ""))[0].contains("max_output_tokens"));
    }
}
