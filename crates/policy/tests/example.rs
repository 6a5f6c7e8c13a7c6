//! `envoy/policy.yaml`, the policy that people begin with: valid as it is, with each of its examples, with all of them,
//! and with an example of everything that a policy may say.
#![cfg(feature = "yaml")]
#![allow(clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use policy::Policy;

const EXAMPLE: &str = include_str!("../../../envoy/policy.yaml");

/// What an example line says: it begins with `#` and no space, or with more of them than prose has.
fn example(line: &str) -> Option<String> {
    let (indent, said) = line.split_once('#')?;
    let is_example = indent.trim().is_empty()
        && (said.starts_with("  ") || said.starts_with(|first: char| !first.is_whitespace()));
    is_example.then(|| format!("{indent}{said}"))
}

/// The file with those examples in force whose numbers (of neighbouring lines, from 0) are wanted; and how many there are.
fn with(wanted: impl Fn(usize) -> bool) -> (String, usize) {
    let (mut text, mut examples, mut within) = (String::new(), 0, false);
    for line in EXAMPLE.lines() {
        let said = example(line);
        if said.is_some() && !within {
            examples += 1;
        }
        within = said.is_some();
        text += &said.filter(|_| wanted(examples - 1)).unwrap_or_else(|| line.to_owned());
        text.push('\n');
    }
    (text, examples)
}

fn read(text: &str) -> Policy {
    let (policy, doubts) = Policy::read(text).unwrap_or_else(|problems| panic!("{problems:#?} in\n{text}"));
    assert!(doubts.is_empty(), "{doubts:#?} in\n{text}");
    policy
}

#[test]
fn it_is_valid_with_each_example_alone_and_with_all() {
    let plain = read(EXAMPLE);
    let (all, examples) = with(|_| true);
    assert!(examples >= 10, "only {examples} are seen");
    for each in 0..examples {
        read(&with(|number| number == each).0);
    }
    assert!(read(&all).budgets.len() > plain.budgets.len());
}

/// The fields that the reader knows where `place` has an unknown one: it lists them.
fn fields(place: &str) -> Vec<String> {
    let problem =
        Policy::from_yaml(place).map_or_else(|problems| problems[0].to_string(), |_| "none".to_owned());
    let (_, known) = problem.split_once("(known: ").unwrap_or_else(|| panic!("{problem}"));
    known.trim_end_matches(')').split(", ").map(str::to_owned).collect()
}

#[test]
fn it_has_an_example_of_every_field() {
    let (all, _) = with(|_| true);
    let mut known = 0;
    for place in [
        "unheard-of: 1",
        "dimensions: { a: { unheard-of: 1 } }",
        "prices: { unheard-of: 1 }",
        "prices: { overrides: { a: { unheard-of: 1 } } }",
        "models: { a: { unheard-of: 1 } }",
        "guardrails: [{ unheard-of: 1 }]",
        "budgets: [{ unheard-of: 1 }]",
        "budgets: [{ name: a, limit: 1 tokens, overrides: [{ unheard-of: 1 }] }]",
        "budgets: [{ name: a, limit: 1 tokens, gives_way: [{ unheard-of: 1 }] }]",
    ] {
        for field in fields(place) {
            let said = |line: &str| {
                line.split([' ', '{', ',']).any(|word| word.strip_suffix(':') == Some(field.as_str()))
            };
            let code = all.lines().filter(|line| !line.trim_start().starts_with('#'));
            assert!(code.into_iter().any(said), "no example of `{field}`, as in `{place}`");
            known += 1;
        }
    }
    assert!(known >= 40, "only {known} fields are known");
}
