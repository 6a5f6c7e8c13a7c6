//! Names that stand for models, read and checked.

use super::line;
use super::values::nearest;
use crate::{Models, Prices, Problem};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;

const MOST_MODELS: usize = 1_000;
/// As long as names of models are read in requests.
const LONGEST_MODEL: usize = 256;

pub(super) fn read_models(
    entries: BTreeMap<String, Spanned<String>>,
    prices: &Prices,
    problems: &mut Vec<Problem>,
) -> Models {
    if entries.len() > MOST_MODELS {
        problems.push(Problem::new(format!("models: {} of them, at most {MOST_MODELS}", entries.len())));
    }
    let mut models = Models::default();
    for (name, model) in &entries {
        let wrong = |what: String| Problem::new(format!("models.{name}: {what}")).at(line(model));
        let target = model.value.as_str();
        if name.is_empty() || name.len() > LONGEST_MODEL {
            problems.push(wrong(format!("a name has from 1 to {LONGEST_MODEL} bytes")));
        } else if entries.contains_key(target) {
            problems.push(wrong(format!("`{target}` stands for another model itself")));
        } else if !is_known(target, prices) {
            let known: Vec<&str> = prices.models().collect();
            problems.push(wrong(format!("no model `{target}` is known")).suggest(
                nearest(target, &known).filter(|hint| hint.starts_with("did")).unwrap_or_else(|| {
                    "a model with a vocabulary or a price, else leave the line out".into()
                }),
            ));
        } else {
            models.insert(name, target);
        }
    }
    models
}

/// Whether anything is known of a model: how it counts, of which family it is, what it costs.
fn is_known(model: &str, prices: &Prices) -> bool {
    let counts = tokens::Model::of(model);
    let resembles = counts.family == tokens::Family::OpenAi && counts.known == tokens::Known::Estimated;
    prices.of(model).is_some() || (counts.family != tokens::Family::Other && !resembles)
}

#[cfg(test)]
mod tests {
    use crate::Policy;

    #[test]
    fn a_name_that_stands_for_nothing_known_is_a_problem() {
        let text = "models:\n  chat: gpt-4oo\n  a: b\n  b: gpt-4o\n  c: some-model-of-ours\n  d: gpt-4o-tuned-by-us\n";
        assert_eq!(
            problems(text),
            [
                "line 3: models.a: `b` stands for another model itself",
                "line 5: models.c: no model `some-model-of-ours` is known (a model with a vocabulary or a price, else leave the line out)",
                "line 2: models.chat: no model `gpt-4oo` is known (did you mean `gpt-4o`?)",
                "line 6: models.d: no model `gpt-4o-tuned-by-us` is known (a model with a vocabulary or a price, else leave the line out)",
            ]
        );
        assert_eq!(problems("count: sometimes\n").len(), 1);
    }

    fn problems(yaml: &str) -> Vec<String> {
        Policy::from_yaml(yaml).unwrap_err().iter().map(ToString::to_string).collect()
    }
}
