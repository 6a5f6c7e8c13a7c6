//! Names that stand for models, and models that run on GPUs of the operator's, read and checked.

use super::line;
use super::values::{nearest, thousandths};
use crate::{Gpu, Gpus, Models, Prices, Problem};
use serde::de::{Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::fmt;

const MOST_MODELS: usize = 1_000;
/// As long as names of models are read in requests.
const LONGEST_MODEL: usize = 256;

/// A model of the operator's own machines may have as many.
const MOST_GPUS: u32 = 10_000;
const DEFAULT_SECONDS: u64 = 60;
const MOST_SECONDS: u64 = 86_400;

/// A model that a name stands for, alone or beside what it runs on.
#[derive(Default)]
pub(super) struct ModelEntry {
    model: Option<String>,
    hardware: Option<Hardware>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    model: Option<String>,
    gpus: Option<f64>,
    max_seconds: Option<u64>,
}

struct Hardware {
    gpus: f64,
    max_seconds: u64,
}

impl<'de> Deserialize<'de> for ModelEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<ModelEntry, D::Error> {
        from.deserialize_any(Reading)
    }
}

struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = ModelEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a model, or `{ gpus: 4, max_seconds: 60 }`")
    }

    fn visit_str<E: Error>(self, model: &str) -> Result<ModelEntry, E> {
        Ok(ModelEntry { model: Some(model.to_owned()), hardware: None })
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<ModelEntry, M::Error> {
        let table = Table::deserialize(MapAccessDeserializer::new(map))?;
        let hardware = match (table.gpus, table.max_seconds) {
            (Some(gpus), seconds) => Some(Hardware { gpus, max_seconds: seconds.unwrap_or(DEFAULT_SECONDS) }),
            (None, Some(_)) => return Err(M::Error::missing_field("gpus")),
            (None, None) => None,
        };
        if table.model.is_none() && hardware.is_none() {
            return Err(M::Error::missing_field("gpus"));
        }
        Ok(ModelEntry { model: table.model, hardware })
    }
}

pub(super) fn read_models(
    entries: BTreeMap<String, Spanned<ModelEntry>>,
    prices: &Prices,
    problems: &mut Vec<Problem>,
) -> (Models, Gpus) {
    if entries.len() > MOST_MODELS {
        problems.push(Problem::new(format!("models: {} of them, at most {MOST_MODELS}", entries.len())));
    }
    let (mut models, mut gpus) = (Models::default(), Gpus::default());
    for (name, entry) in &entries {
        let wrong = |what: String| Problem::new(format!("models.{name}: {what}")).at(line(entry));
        if name.is_empty() || name.len() > LONGEST_MODEL {
            problems.push(wrong(format!("a name has from 1 to {LONGEST_MODEL} bytes")));
        }
        if let Some(hardware) = &entry.value.hardware {
            match hardware.read() {
                Ok(gpu) => gpus.insert(name, gpu),
                Err(what) => problems.push(wrong(what)),
            }
        }
        let Some(target) = entry.value.model.as_deref() else { continue };
        if entries.get(target).is_some_and(|entry| entry.value.model.is_some()) {
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
    (models, gpus)
}

impl Hardware {
    fn read(&self) -> Result<Gpu, String> {
        let thousandths = thousandths(self.gpus, MOST_GPUS).map_err(|what| format!("gpus: {what}"))?;
        if thousandths == 0 {
            return Err("gpus: must be more than 0".to_owned());
        }
        if !(1..=MOST_SECONDS).contains(&self.max_seconds) {
            return Err(format!("max_seconds: must be from 1 to {MOST_SECONDS}"));
        }
        Ok(Gpu { thousandths, max_ms: self.max_seconds.saturating_mul(1_000) })
    }
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

    #[test]
    fn a_model_of_ones_own_says_what_it_runs_on() {
        let text = "models:\n  llama: { gpus: 4 }\n  small: { gpus: 0.25, max_seconds: 5, model: gpt-4o }\n";
        let policy = Policy::from_yaml(text).unwrap();
        let gpu = |name: &str| policy.gpus.of(name).map(|gpu| (gpu.thousandths, gpu.max_ms));
        assert_eq!(
            (gpu("llama"), gpu("small"), gpu("gpt-4o")),
            (Some((4_000, 60_000)), Some((250, 5_000)), None)
        );
        assert_eq!(policy.models.behind("small"), "gpt-4o");
        assert_eq!(Policy::from_compiled(&policy.compiled()), Ok(policy));
        for (text, problem) in [
            ("models:\n  a: { gpus: 0 }\n", "line 2: models.a: gpus: must be more than 0"),
            (
                "models:\n  a: { gpus: 1, max_seconds: 0 }\n",
                "line 2: models.a: max_seconds: must be from 1 to 86400",
            ),
            (
                "models:\n  a: { gpus: 0.0001 }\n",
                "line 2: models.a: gpus: 0.0001 must be from 0 to 10000, in steps of 0.001",
            ),
        ] {
            assert_eq!(problems(text), [problem]);
        }
        for broken in ["{}", "{ max_seconds: 5 }", "{ gpu: 4 }", "4"] {
            let found = problems(&format!("models:\n  a: {broken}\n"));
            assert!(found[0].starts_with("line 2: "), "{found:?}");
        }
    }

    fn problems(yaml: &str) -> Vec<String> {
        Policy::from_yaml(yaml).unwrap_err().iter().map(ToString::to_string).collect()
    }
}
