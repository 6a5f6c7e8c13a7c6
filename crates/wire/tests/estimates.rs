//! How near counts and estimates of prompts come to the providers' figures, on recorded traffic.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg(not(target_arch = "wasm32"))]

mod common;

use serde_json::Value;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use tokens::{Family, Known, Learned, Model, Raw};
use wire::{PromptCount, Request, recognise};

/// A prompt that its provider has counted.
struct Prompt {
    id: String,
    model: String,
    count: PromptCount,
    /// With what came from a cache.
    reported: u64,
    /// Of images and recordings among them, where the provider says so.
    reported_media: u64,
    bound: u64,
    /// Same for prompts that are the same: those are never on both sides of a split.
    fold: u64,
    openai: bool,
}

fn corpus() -> Option<PathBuf> {
    let configured = std::env::var_os("TOLLKEEPER_CORPUS").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|dir| dir.join("shared/corpus"));
    configured.into_iter().chain(beside).map(|dir| dir.join("recorded.jsonl")).find(|file| file.is_file())
}

fn prompts() -> Vec<Prompt> {
    let Some(file) = corpus() else {
        println!("skipped: corpus not found");
        return Vec::new();
    };
    let lines = std::fs::read_to_string(file).expect("the corpus is readable");
    lines.lines().filter_map(|line| prompt(&serde_json::from_str(line).expect("a line is JSON"))).collect()
}

fn prompt(exchange: &Value) -> Option<Prompt> {
    let text = |key: &str| exchange[key].as_str().unwrap_or_default();
    if exchange["status"] != 200 || text("request_encoding") == "base64" {
        return None;
    }
    let route = recognise(text("method").as_bytes(), text("path").as_bytes(), text("host").as_bytes())?;
    let body = text("request_body").as_bytes();
    let request = Request::read(&route, b"application/json", body).ok()??;
    let usage = common::recorded_usage(route.api, exchange)?;
    let reported = usage.input();
    if reported == 0 || request.batch() || request.prompt_bound() < 4 {
        return None;
    }
    let model = Model::of(request.model());
    let count = request.count_prompt(body, &model);
    if count.text == 0 {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    // Not the ids of calls, which differ between repetitions.
    (request.model(), count.text, count.overhead, reported).hash(&mut hasher);
    Some(Prompt {
        id: text("id").to_owned(),
        model: request.model().to_owned(),
        count,
        reported,
        reported_media: usage.image_in + usage.audio_in,
        bound: request.prompt_bound(),
        fold: hasher.finish(),
        openai: ["openai.com", "azure.com"].iter().any(|host| text("host").ends_with(host)),
    })
}

fn percentile(sorted: &[f64], part: f64) -> f64 {
    sorted.get(((sorted.len() - 1) as f64 * part).round() as usize).copied().unwrap_or_default()
}

/// Per model of OpenAI: how many prompts are counted to the token, and how far off the others are. A count that calls
/// itself exact has to be.
#[test]
fn exact_counts_of_openais_models_are_the_providers() {
    let mut table: BTreeMap<String, Vec<&Prompt>> = BTreeMap::new();
    let prompts = prompts();
    let complete = prompts.iter().filter(|p| p.openai && p.count.complete);
    complete.for_each(|p| table.entry(p.model.clone()).or_default().push(p));
    println!(
        "{:28} {:>8} {:>10} {:>10} {:>12} {:>8}",
        "model", "prompts", "called", "equal", "median off", "max off"
    );
    for (model, prompts) in &table {
        let mut off: Vec<u64> = prompts.iter().map(|p| p.count.tokens().abs_diff(p.reported)).collect();
        off.sort_unstable();
        let exact = prompts.iter().filter(|p| p.count.exact).count();
        let equal = off.iter().filter(|off| **off == 0).count();
        println!(
            "{model:28} {:>8} {:>10} {equal:>10} {:>12} {:>8}",
            prompts.len(),
            format!("{exact} exact"),
            off[off.len() / 2],
            off[off.len() - 1]
        );
    }
    let wrong: Vec<String> = prompts
        .iter()
        .filter(|p| p.count.exact && p.count.tokens() != p.reported)
        .map(|p| format!("{} {}: {} for {}", p.id, p.model, p.count.tokens(), p.reported))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    if let Some(gpt_4o) = table.get("gpt-4o") {
        let far: Vec<&str> = gpt_4o
            .iter()
            .filter(|p| p.count.tokens().abs_diff(p.reported) > 2)
            .map(|p| p.id.as_str())
            .collect();
        println!("gpt-4o, more than two tokens off: {far:?}");
    }
}

struct Sample<'a> {
    prompt: &'a Prompt,
    raw: Raw,
    reported: u64,
}

impl Sample<'_> {
    fn error(&self, learned: &Learned) -> f64 {
        learned.estimate(&self.raw).abs_diff(self.reported) as f64 / self.reported as f64
    }
}

/// Five-fold by prompt: what is estimated was never learned from, nor was the same prompt.
#[test]
fn learning_makes_estimates_better() {
    const FOLDS: u64 = 5;
    let prompts = prompts();
    let mut models: BTreeMap<&str, Vec<Sample<'_>>> = BTreeMap::new();
    let mut incomplete = 0;
    for prompt in prompts.iter().filter(|p| !p.count.exact) {
        if !prompt.count.complete || prompt.count.media > 0 && prompt.reported_media == 0 {
            incomplete += 1;
            continue;
        }
        let reported = prompt.reported - prompt.reported_media;
        models.entry(&prompt.model).or_default().push(Sample { prompt, raw: prompt.count.raw(), reported });
    }
    let mut errors: BTreeMap<String, [Vec<f64>; 3]> = BTreeMap::new();
    for (name, samples) in &models {
        let model = Model::of(name);
        let family = if model.known == Known::Exact && model.family == Family::OpenAi {
            "OpenAi, not documented".to_owned()
        } else {
            format!("{:?}", model.family)
        };
        let prior = Learned::of(&model);
        for fold in 0..FOLDS {
            let mut learned = prior.clone();
            let (test, train): (Vec<_>, Vec<_>) = samples.iter().partition(|s| s.prompt.fold % FOLDS == fold);
            for sample in &train {
                learned.learn(&sample.raw, sample.reported);
            }
            for sample in test {
                let entry = errors.entry(family.clone()).or_default();
                entry[0].push(
                    (sample.raw.text + sample.raw.overhead).abs_diff(sample.reported) as f64
                        / sample.reported as f64,
                );
                entry[1].push(sample.error(&prior));
                entry[2].push(sample.error(&learned));
                if std::env::var_os("ESTIMATES").is_some() {
                    println!(
                        "{} {name}: {} reported, {:?}, {} before, {} after",
                        sample.prompt.id,
                        sample.reported,
                        sample.raw,
                        prior.estimate(&sample.raw),
                        learned.estimate(&sample.raw)
                    );
                }
            }
        }
    }
    println!("{incomplete} prompts with files, tools of the provider's own or media are left out");
    println!(
        "{:24} {:>7} | {:^23} | {:^23} | {:^23}",
        "error in percent", "", "raw o200k_base", "before learning", "after learning"
    );
    println!(
        "{:24} {:>7} | {:>7} {:>7} {:>7} | {:>7} {:>7} {:>7} | {:>7} {:>7} {:>7}",
        "family", "prompts", "mean", "p90", "p99", "mean", "p90", "p99", "mean", "p90", "p99"
    );
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (family, columns) in errors {
        print!("{family:24} {:>7}", columns[0].len());
        for mut column in columns.clone() {
            column.sort_by(f64::total_cmp);
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            print!(
                " | {:>7.1} {:>7.1} {:>7.1}",
                mean * 100.0,
                percentile(&column, 0.9) * 100.0,
                percentile(&column, 0.99) * 100.0
            );
        }
        println!();
        let [_, of_prior, of_learned] = columns;
        before.extend(of_prior);
        after.extend(of_learned);
    }
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    println!("all: {:.1} % before, {:.1} % after", mean(&before) * 100.0, mean(&after) * 100.0);
    assert!(before.is_empty() || mean(&after) < mean(&before));
}

#[test]
fn the_bound_holds_for_every_prompt_that_is_all_in_the_request() {
    let wrong: Vec<String> = prompts()
        .iter()
        .filter(|p| p.count.complete && p.openai && p.bound < p.reported)
        .map(|p| format!("{} {}: {} of {}", p.id, p.model, p.bound, p.reported))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
