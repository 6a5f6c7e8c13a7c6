//! `when:`, as several parts of the file have it.

use super::line;
use super::values::nearest;
use super::windows::Wrong;
use crate::Condition;
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

/// Dimensions, and which of their values match.
pub(super) type WhenEntry = BTreeMap<String, Spanned<Values>>;

/// One value, or any of several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Values {
    One(String),
    Several(Vec<String>),
}

/// `names` are the dimensions that may be named.
pub(super) fn read_when(when: WhenEntry, names: &[&str], wrong: Wrong<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    for (dimension, values) in when {
        let at = line(&values);
        if !names.contains(&dimension.as_str()) {
            wrong("when", at, format!("no dimension `{dimension}`"), nearest(&dimension, names));
        }
        let values = match values.value {
            Values::One(value) => vec![value],
            Values::Several(values) => values,
        };
        let misplaced = |value: &&String| value.trim_end_matches('*').contains('*') || value.ends_with("**");
        if let Some(value) = values.iter().find(misplaced) {
            let suggestion = "`search-*` matches all that begin with `search-`".to_owned();
            wrong(
                "when",
                at,
                format!("`{value}`: a `*` stands at the end only, and alone"),
                Some(suggestion),
            );
        }
        conditions.push(Condition { dimension, values });
    }
    conditions
}
