//! What the YAML reader objects to, in the words of the file.

use super::values::nearest;
use crate::Problem;
use serde_saphyr::Error;

/// Characters of a line that are shown: enough to find the place.
const LONGEST_EXCERPT: usize = 60;

/// `text` is the whole file: where the reader names no field, the line does.
pub(super) fn syntax_problem(error: &Error, text: &str) -> Problem {
    let line = error.location().map(|location| location.line());
    let shown = || {
        let at = line.and_then(|line| usize::try_from(line.saturating_sub(1)).ok());
        at.and_then(|at| text.lines().nth(at))
            .map(|line| format!(": `{}`", excerpt(line)))
            .unwrap_or_default()
    };
    let error = error.without_snippet();
    let problem = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            near(Problem::new(format!("unknown field `{field}`")), field, expected)
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            near(Problem::new(format!("unknown word `{variant}`")), variant, expected)
        }
        Error::SerdeMissingField { field, .. } => Problem::new(format!("`{field}` is missing{}", shown())),
        Error::Unexpected { expected: "sequence start", .. } => {
            Problem::new(format!("expected a list{}", shown())).suggest("such as `[tenant, model]`")
        }
        Error::Unexpected { expected: "mapping start", .. } => {
            Problem::new(format!("expected fields{}", shown())).suggest("such as `{ header: x-tenant-id }`")
        }
        Error::InvalidScalar { ty, .. } if ty.starts_with(['u', 'i']) => {
            Problem::new(format!("expected a whole number{}", shown()))
        }
        Error::InvalidScalar { ty, .. } if ty.starts_with('f') => {
            Problem::new(format!("expected a number{}", shown()))
        }
        other => Problem::new(without_place(&other.to_string())),
    };
    line.into_iter().fold(problem, Problem::at)
}

fn near(problem: Problem, name: &str, known: &[&str]) -> Problem {
    nearest(name, known).into_iter().fold(problem, Problem::suggest)
}

fn excerpt(line: &str) -> &str {
    let line = line.trim();
    let cut = line.char_indices().nth(LONGEST_EXCERPT).and_then(|(at, _)| line.get(..at));
    cut.unwrap_or(line)
}

/// The line is said once, before it all.
fn without_place(message: &str) -> &str {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what)
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    #[test]
    fn a_line_is_said_once_and_a_field_that_is_near_is_named() {
        for (text, problem) in [
            ("dimension: {}", "line 1: unknown field `dimension` (did you mean `dimensions`?)"),
            ("dimensions:\n  team: { jwt: team }", "line 2: unknown field `jwt` (known: header, constant)"),
            ("budgets: 7", "line 1: expected a list: `budgets: 7` (such as `[tenant, model]`)"),
            (
                "dimensions:\n  tenant: x-tenant-id",
                "line 2: expected fields: `tenant: x-tenant-id` (such as `{ header: x-tenant-id }`)",
            ),
            ("\noutput_limit: lots", "line 2: expected a whole number: `output_limit: lots`"),
            ("count: alwys", "line 1: unknown word `alwys` (did you mean `always`?)"),
            (
                "budgets:\n  - { limit: 5 tokens, window: 1h }",
                "line 2: `name` is missing: `- { limit: 5 tokens, window: 1h }`",
            ),
            (
                "prices: { overrides: { a: { input_per_million: much, output_per_million: 1 } } }",
                "line 1: expected a number: `prices: { overrides: { a: { input_per_million: much, output_`",
            ),
        ] {
            let found: Vec<String> =
                Policy::from_yaml(text).unwrap_err().iter().map(ToString::to_string).collect();
            assert_eq!(found, [problem]);
        }
        let broken = Policy::from_yaml("budgets: [").unwrap_err()[0].to_string();
        assert_eq!(broken.matches("line").count(), 1, "{broken}");
    }
}
