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
use std::fmt::Write;
use std::hash::{DefaultHasher, Hash, Hasher};
use tokens::{Cache, Family, Known, Learned, Model, Raw};
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
    /// The same for prompts that are the same.
    same: u64,
    openai: bool,
}

fn prompts() -> Vec<Prompt> {
    let Some(file) = common::corpus() else {
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
    let count = request.count_prompt(body, &model, &mut Cache::new());
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
        same: hasher.finish(),
        openai: ["openai.com", "azure.com"].iter().any(|host| text("host").ends_with(host)),
    })
}

fn percentile(sorted: &[f64], part: f64) -> f64 {
    sorted.get((sorted.len().saturating_sub(1) as f64 * part).round() as usize).copied().unwrap_or_default()
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

/// What a model's estimates are after it learned from all of its recordings but some.
fn learned(model: &Model, samples: &[Sample<'_>], without: impl Fn(&Sample<'_>) -> bool) -> Learned {
    let mut learned = Learned::of(model);
    for sample in samples.iter().filter(|sample| !without(sample)) {
        learned.learn(&sample.raw, sample.reported);
    }
    learned
}

/// What is estimated was never learned from: neither the recording, nor (in the last columns) the same prompt in another
/// recording. Most models have few recordings, some of them of one prompt again and again: there the second is the
/// harder test.
#[test]
fn learning_makes_estimates_better() {
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
    let mut errors: BTreeMap<String, [Vec<f64>; 4]> = BTreeMap::new();
    let mut large: [Vec<f64>; 4] = Default::default();
    for (name, samples) in &models {
        let model = Model::of(name);
        let family = match model.known {
            Known::Exact if model.family == Family::OpenAi => "OpenAi, undocumented".to_owned(),
            _ => format!("{:?}", model.family),
        };
        let before = Learned::of(&model);
        for sample in samples {
            let raw = (sample.raw.text + sample.raw.overhead).abs_diff(sample.reported) as f64;
            let after = learned(&model, samples, |s| s.prompt.id == sample.prompt.id);
            let elsewhere = learned(&model, samples, |s| s.prompt.same == sample.prompt.same);
            let four = [
                raw / sample.reported as f64,
                sample.error(&before),
                sample.error(&after),
                sample.error(&elsewhere),
            ];
            let entry = errors.entry(family.clone()).or_default();
            entry.iter_mut().zip(four).for_each(|(column, error)| column.push(error));
            if sample.reported >= 200 {
                large.iter_mut().zip(four).for_each(|(column, error)| column.push(error));
            }
            if std::env::var_os("ESTIMATES").is_some() {
                let [before, after, elsewhere] =
                    [before.clone(), after, elsewhere].map(|learned| learned.estimate(&sample.raw));
                println!(
                    "{} {name}: {} reported, {:?}: {before}, {after}, {elsewhere}",
                    sample.prompt.id, sample.reported, sample.raw
                );
            }
        }
    }
    let mut report = format!(
        "{incomplete} prompts with files, tools of the provider's own or media are left out\n\
         {:30} | {:^20} | {:^20} | {:^20} | {:^20}\n{:22} {:>7}",
        "error in percent",
        "raw o200k_base",
        "before learning",
        "after learning",
        "of other prompts",
        "family",
        "prompts"
    );
    for _ in 0..4 {
        let _ = write!(report, " | {:>6} {:>6} {:>6}", "mean", "p90", "p99");
    }
    let mut all: [Vec<f64>; 4] = Default::default();
    for (family, columns) in errors {
        let _ = write!(report, "\n{}", row(&family, &columns));
        all.iter_mut().zip(columns).for_each(|(all, column)| all.extend(column));
    }
    println!("{report}\n{}\n{}", row("all", &all), row("of 200 tokens and more", &large));
    let mean = |errors: &[f64]| errors.iter().sum::<f64>() / errors.len().max(1) as f64;
    assert!(all[0].is_empty() || mean(&all[2]) < mean(&all[1]));
}

fn row(name: &str, columns: &[Vec<f64>; 4]) -> String {
    let mut row = format!("{name:22} {:>7}", columns[0].len());
    for column in columns {
        let mut sorted = column.clone();
        sorted.sort_by(f64::total_cmp);
        let mean = sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
        let [mean, p90, p99] = [mean, percentile(&sorted, 0.9), percentile(&sorted, 0.99)].map(|e| e * 100.0);
        let _ = write!(row, " | {mean:>6.1} {p90:>6.1} {p99:>6.1}");
    }
    row
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
