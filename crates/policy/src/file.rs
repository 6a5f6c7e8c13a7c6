//! The policy file: YAML to [`Policy`], or everything that is wrong with it.

mod budgets;
mod by_hand;
mod conditions;
mod doubts;
mod gives_way;
mod guardrails;
mod models;
mod overrides;
mod reserve;
mod syntax;
mod unreachable;
mod values;
mod weights;
mod windows;

use crate::known_prices::known_prices;
use crate::{Counting, Dimension, Policy, Price, Problem, Source};
use budgets::{BudgetEntry, read_budgets};
use guardrails::{GuardrailEntry, read_guardrails};
use models::{ModelEntry, read_models};
use serde::Deserialize;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use syntax::syntax_problem;
use values::{header_name, per_million};
use windows::CalendarEntry;

/// More would make stat names too long.
const MOST_DIMENSIONS: usize = 8;

/// OpenAI's models answer with at most 16,384 (gpt-4o) to 128,000 (gpt-5) tokens; most answers are far below this.
const DEFAULT_OUTPUT_LIMIT: u64 = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    dimensions: BTreeMap<String, Spanned<SourceEntry>>,
    #[serde(default)]
    prices: PricesEntry,
    output_limit: Option<Spanned<u64>>,
    #[serde(default)]
    guardrails: Vec<Spanned<GuardrailEntry>>,
    #[serde(default)]
    count: Counting,
    #[serde(default)]
    models: BTreeMap<String, Spanned<ModelEntry>>,
    time_zone: Option<Spanned<String>>,
    fiscal_month_start: Option<Spanned<u64>>,
    fiscal_year_start: Option<Spanned<u64>>,
    #[serde(default)]
    budgets: Vec<Spanned<BudgetEntry>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceEntry {
    header: Option<String>,
    constant: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct PricesEntry {
    #[serde(default)]
    overrides: BTreeMap<String, Spanned<PriceEntry>>,
}

/// USD per million tokens, as price lists write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceEntry {
    input_per_million: f64,
    output_per_million: f64,
    cache_read_per_million: Option<f64>,
    cache_write_5m_per_million: Option<f64>,
    cache_write_1h_per_million: Option<f64>,
    audio_in_per_million: Option<f64>,
    audio_out_per_million: Option<f64>,
}

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its line. Nothing of a wrong file is used.
    pub fn from_yaml(text: &str) -> Result<Policy, Vec<Problem>> {
        Policy::read(text).map(|(policy, _)| policy)
    }

    /// Reads a policy file; beside the policy it answers what in it is allowed and hardly meant.
    ///
    /// # Errors
    /// As [`Policy::from_yaml`].
    pub fn read(text: &str) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            // A file that is just being written again, more likely than a wish for no limits at all.
            return Err(vec![Problem::new("the file is empty").suggest("`{}` meters and limits nothing")]);
        }
        let file: File = serde_saphyr::from_str(text).map_err(|error| vec![syntax_problem(&error, text)])?;
        let mut problems = Vec::new();
        let dimensions = read_dimensions(file.dimensions, &mut problems);
        let prices = read_prices(file.prices, &mut problems);
        let (models, gpus) = read_models(file.models, &prices, &mut problems);
        let guardrails = read_guardrails(file.guardrails, &dimensions, &mut problems);
        let calendar = CalendarEntry {
            time_zone: file.time_zone,
            month_start: file.fiscal_month_start,
            year_start: file.fiscal_year_start,
        };
        calendar.check(&mut |field, line, what, suggestion| {
            let problem = Problem::new(format!("{field}: {what}")).at(line);
            problems.push(suggestion.into_iter().fold(problem, Problem::suggest));
        });
        let limits: Vec<u64> = file.budgets.iter().map(|entry| entry.value.limit_line()).collect();
        let budgets = read_budgets(file.budgets, &dimensions, &calendar, &mut problems);
        let output_limit = match &file.output_limit {
            Some(given) if !(1..=10_000_000).contains(&given.value) => {
                problems.push(Problem::new("output_limit must be from 1 to 10000000 tokens").at(line(given)));
                DEFAULT_OUTPUT_LIMIT
            }
            given => given.as_ref().map_or(DEFAULT_OUTPUT_LIMIT, |given| given.value),
        };
        if !problems.is_empty() {
            return Err(problems);
        }
        let mut policy = Policy {
            version: String::new(),
            dimensions,
            guardrails,
            budgets,
            prices,
            output_limit,
            count: file.count,
            models,
            gpus,
        };
        policy.version = fingerprint(&policy.compiled());
        let doubts = doubts::doubts(&policy.budgets, &limits, &policy.gpus);
        Ok((policy, doubts))
    }
}

fn line<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
}

/// Not cryptographic: it tells versions apart, it does not defend against anyone.
fn fingerprint(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

fn read_dimensions(
    entries: BTreeMap<String, Spanned<SourceEntry>>,
    problems: &mut Vec<Problem>,
) -> Vec<Dimension> {
    if entries.len() > MOST_DIMENSIONS {
        problems.push(Problem::new(format!(
            "dimensions: {} of them, at most {MOST_DIMENSIONS} are kept apart",
            entries.len()
        )));
    }
    let mut dimensions = Vec::new();
    for (name, entry) in entries {
        let at = line(&entry);
        if name == Dimension::MODEL || name.is_empty() || Dimension::sanitise(name.as_bytes()) != name {
            problems.push(
                Problem::new(format!("dimensions.{name}: not usable as a name"))
                    .at(at)
                    .suggest("letters, digits, - and _; `model` is always there by itself"),
            );
            continue;
        }
        let source = match (entry.value.header, entry.value.constant) {
            (Some(header), None) => header_name(&header).map(Source::Header),
            (None, Some(constant)) => Ok(Source::Constant(Dimension::sanitise(constant.as_bytes()))),
            _ => Err("say one of `header: x-name` or `constant: value`".to_owned()),
        };
        match source {
            Ok(source) => dimensions.push(Dimension { name, source }),
            Err(what) => problems.push(Problem::new(format!("dimensions.{name}: {what}")).at(at)),
        }
    }
    dimensions
}

fn read_prices(entry: PricesEntry, problems: &mut Vec<Problem>) -> crate::Prices {
    let mut prices = known_prices();
    for (model, entry) in entry.overrides {
        let given = &entry.value;
        let mut pico = |field: &str, usd: f64| {
            per_million(usd).unwrap_or_else(|what| {
                problems
                    .push(Problem::new(format!("prices.overrides.{model}.{field}: {what}")).at(line(&entry)));
                0
            })
        };
        let price = Price {
            input: pico("input_per_million", given.input_per_million),
            output: pico("output_per_million", given.output_per_million),
            cache_read: given.cache_read_per_million.map(|usd| pico("cache_read_per_million", usd)),
            cache_write_5m: given
                .cache_write_5m_per_million
                .map(|usd| pico("cache_write_5m_per_million", usd)),
            cache_write_1h: given
                .cache_write_1h_per_million
                .map(|usd| pico("cache_write_1h_per_million", usd)),
            audio_in: given.audio_in_per_million.map(|usd| pico("audio_in_per_million", usd)),
            audio_out: given.audio_out_per_million.map(|usd| pico("audio_out_per_million", usd)),
        };
        prices.insert(model, price);
    }
    prices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LostLease, Mode, OnOverrun, Unit, Window};

    const GOOD: &str = "
dimensions:
  tenant: { header: X-Tenant-Id }
prices:
  overrides:
    my-llama: { input_per_million: 0.20, output_per_million: 0.60 }
budgets:
  - name: tenant-hour
    per: [tenant]
    limit: 100000 tokens
    window: 1h
  - { name: spend, per: [tenant, model], limit: 0.50 USD, window: 1d, mode: shadow, when_unreachable: deny, lost_lease: released, on_overrun: stop }
";

    fn problems(yaml: &str) -> Vec<String> {
        Policy::from_yaml(yaml).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_policy_reads_as_written() {
        let policy = Policy::from_yaml(GOOD).unwrap();
        assert_eq!(policy.dimensions[0].source, Source::Header("x-tenant-id".into()));
        let hour = policy.budget("tenant-hour").unwrap();
        assert_eq!((hour.limit, hour.unit), (100_000, Unit::Tokens));
        assert_eq!(hour.window, Window::Fixed { ms: 3_600_000 });
        let spend = policy.budget("spend").unwrap();
        assert_eq!((spend.limit, spend.unit), (500_000_000_000, Unit::PicoUsd));
        assert_eq!((spend.mode, spend.lost_lease), (Mode::Shadow, LostLease::Released));
        assert_eq!((hour.on_overrun, spend.on_overrun), (OnOverrun::Charge, OnOverrun::Stop));
        assert_eq!(
            policy.prices.of("my-llama").map(|price| (price.input, price.output)),
            Some((200_000, 600_000))
        );
    }

    #[test]
    fn the_compiled_form_says_the_same() {
        let policy = Policy::from_yaml(GOOD).unwrap();
        assert_eq!(Policy::from_compiled(&policy.compiled()), Ok(policy));
    }

    #[test]
    fn the_version_changes_with_the_meaning_and_not_with_a_comment() {
        let version = |text: &str| Policy::from_yaml(text).unwrap().version;
        assert_eq!(version(GOOD), version(&format!("# a comment\n{GOOD}")));
        assert_ne!(version(GOOD), version(&GOOD.replace("100000", "100001")));
    }

    #[test]
    fn deployments_stand_for_models_and_prompts_are_counted_when_it_matters_or_always() {
        let policy = Policy::from_yaml(GOOD).unwrap();
        assert_eq!((policy.models.behind("chat"), policy.count), ("chat", Counting::WhenNeeded));
        let more =
            "models: { chat: gpt-4o, house: my-llama, aws: anthropic.claude-sonnet-4-5 }\ncount: always\n";
        let policy = Policy::from_yaml(&format!("{GOOD}{more}")).unwrap();
        assert_eq!((policy.models.behind("chat"), policy.count), ("gpt-4o", Counting::Always));
        assert_eq!(Policy::from_compiled(&policy.compiled()), Ok(policy));
    }

    #[test]
    fn an_unknown_field_is_named_with_its_line() {
        let found = problems("budgets:\n  - name: a\n    limitt: 1 requests\n    window: 1h\n");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("line 3: ") && found[0].contains("limitt"), "{found:?}");
    }

    #[test]
    fn calls_in_flight_have_no_window_and_are_never_lost() {
        let yaml = "budgets:\n  - name: b\n    limit: 20 concurrent requests\n";
        let budget = &Policy::from_yaml(yaml).unwrap().budgets[0];
        assert_eq!((budget.window.clone(), budget.lost_lease), (Window::Lifetime, LostLease::Released));
        assert_eq!(
            problems(&format!("{yaml}    window: 1m\n    lost_lease: spent\n")),
            [
                "line 4: budgets[0].window: calls in flight are counted while they are, and have none (leave the line out)",
                "line 5: budgets[0].lost_lease: nothing of calls in flight is spent: they are released (leave the line out)",
            ]
        );
        let missing = problems(&yaml.replace("concurrent ", ""));
        assert!(missing[0].starts_with("line 3: budgets[0].window: missing (such as"), "{missing:?}");
    }

    #[test]
    fn a_misspelt_dimension_gets_a_suggestion() {
        let text = GOOD.replace("per: [tenant]", "per: [tenan]");
        assert_eq!(
            problems(&text),
            ["line 9: budgets[0].per: no dimension `tenan` (did you mean `tenant`?)"]
        );
    }

    #[test]
    fn all_problems_are_said_at_once() {
        let text =
            GOOD.replace("100000 tokens", "lots").replace("1d", "fortnight").replace("x-tenant-id", "");
        assert_eq!(problems(&text).len(), 2, "{:?}", problems(&text));
    }

    #[test]
    fn broken_yaml_is_a_problem_not_a_panic() {
        for broken in [
            "",
            "# nothing\n\n",
            "budgets: [",
            "a: b: c",
            "- 1",
            "budgets: 7",
            "&a *a",
            "dimensions: { x: { header: \"\\xff\" } }",
        ] {
            assert!(Policy::from_yaml(broken).is_err(), "{broken:?}");
        }
    }

    #[test]
    fn a_policy_without_budgets_meters_and_limits_nothing() {
        let policy = Policy::from_yaml("{}").unwrap();
        assert!(policy.budgets.is_empty());
    }
}
