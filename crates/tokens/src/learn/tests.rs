// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing)]

use super::*;
use std::vec::Vec;

fn model(name: &str) -> Model {
    Model::of(name)
}

fn raw(text: u64, has_tools: bool) -> Raw {
    let scripts = Scripts { latin: text.saturating_mul(4), ..Scripts::default() };
    Raw { text, scripts, overhead: 10, has_tools }
}

/// Prompts of all sizes, the same every time.
fn prompts(count: usize) -> impl Iterator<Item = Raw> {
    let mut seed = 11u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        seed >> 33
    };
    (0..count).map(move |_| raw(10 + (1 << (random() % 14)) + random() % 100, random() % 2 == 0))
}

/// A provider whose tokenizer makes 1.6 times as many tokens and puts 30 around a prompt, 400 more around tools.
fn provider(raw: &Raw) -> u64 {
    raw.text * 16 / 10 + raw.overhead + 30 + if raw.has_tools { 400 } else { 0 }
}

fn off_by_percent(learned: &Learned, provider: impl Fn(&Raw) -> u64) -> u64 {
    prompts(200)
        .map(|raw| learned.estimate(&raw).abs_diff(provider(&raw)) * 100 / provider(&raw))
        .max()
        .unwrap_or(0)
}

#[test]
fn a_provider_is_learned_from_a_few_dozen_figures() {
    let mut learned = Learned::of(&model("some-model"));
    assert!(off_by_percent(&learned, provider) > 30);
    prompts(40).for_each(|raw| learned.learn(&raw, provider(&raw)));
    assert!(off_by_percent(&learned, provider) <= 5, "{learned:?}");
    assert!(learned.estimate_output(1_000).abs_diff(1_600) < 100);
}

#[test]
fn one_wild_figure_in_ten_does_little() {
    let mut learned = Learned::of(&model("some-model"));
    for (at, raw) in prompts(300).enumerate() {
        let wild = if at % 10 == 5 { 20 } else { 1 };
        learned.learn(&raw, provider(&raw) * wild);
    }
    assert!(off_by_percent(&learned, provider) <= 15, "{} {learned:?}", off_by_percent(&learned, provider));
}

#[test]
fn a_change_at_the_provider_is_followed() {
    let mut learned = Learned::of(&model("some-model"));
    prompts(1_000).for_each(|raw| learned.learn(&raw, provider(&raw)));
    let later = |raw: &Raw| provider(raw) * 13 / 10;
    prompts(1_000).for_each(|raw| learned.learn(&raw, later(&raw)));
    assert!(off_by_percent(&learned, later) <= 5, "{learned:?}");
}

#[test]
fn the_quantile_is_not_below_what_was_seen_and_there_is_none_before_enough_was() {
    let mut learned = Learned::of(&model("some-model"));
    let noisy = |at: usize, raw: &Raw| provider(raw) * (90 + at as u64 * 7 % 21) / 100;
    for (at, raw) in prompts(1_000).enumerate() {
        assert_eq!(learned.upper(&raw).is_none(), at < 132);
        learned.learn(&raw, noisy(at, &raw));
    }
    let exceeded = prompts(1_000)
        .enumerate()
        .filter(|(at, raw)| learned.upper(raw).is_none_or(|upper| noisy(*at, raw) > upper))
        .count();
    assert!(exceeded <= 10, "{exceeded} of 1000");
    // Not by being absurd: the noise is ten percent.
    let large = raw(100_000, false);
    assert!(learned.upper(&large).is_some_and(|upper| upper < provider(&large) * 13 / 10));
}

#[test]
fn figures_too_wild_for_a_quantile_give_none() {
    let mut learned = Learned::of(&model("some-model"));
    for (at, raw) in prompts(1_000).enumerate() {
        learned.learn(&raw, provider(&raw) * (1 + at as u64 % 9));
    }
    assert_eq!(learned.upper(&raw(1_000, false)), None);
}

#[test]
fn what_is_written_is_read_again_and_anything_else_is_not() {
    let claude = model("claude-sonnet-4-5");
    let mut learned = Learned::of(&claude);
    prompts(500).for_each(|raw| learned.learn(&raw, provider(&raw)));
    let bytes = learned.to_bytes();
    assert_eq!(Learned::from_bytes(&claude, &bytes), Some(learned));
    assert_eq!(Learned::from_bytes(&claude, &bytes[1..]), None);
    assert_eq!(Learned::from_bytes(&claude, &[0; Learned::BYTES]), None);
    assert_eq!(Learned::from_bytes(&claude, &[]), None);
}

#[test]
fn no_figures_and_no_stored_bytes_overflow_or_give_nothing() {
    let extremes = [0, 1, 2, 1_000, LARGEST, LARGEST + 1, u64::MAX];
    let mut learned = Learned::of(&model("x"));
    for text in extremes {
        for overhead in extremes {
            for reported in extremes {
                let raw = Raw { text, overhead, has_tools: reported % 2 == 0, ..raw(text, false) };
                learned.learn(&raw, reported);
                assert!(learned.estimate(&raw) >= 1);
                let _ = learned.upper(&raw);
            }
        }
    }
    let mut seed = 5u8;
    for _ in 0..10_000 {
        let mut bytes: Vec<u8> = (0..Learned::BYTES)
            .map(|_| {
                seed = seed.wrapping_mul(141).wrapping_add(61);
                seed
            })
            .collect();
        bytes[0] = Learned::VERSION;
        if let Some(mut learned) = Learned::from_bytes(&model("x"), &bytes) {
            learned.learn(&raw(500, true), 900);
            assert!(learned.estimate(&raw(500, true)) >= 1);
        }
    }
}

#[test]
fn a_known_tokenizer_is_near_the_raw_figure_from_the_start() {
    let raw = raw(1_000, false);
    assert_eq!(Learned::of(&model("gpt-5")).estimate(&raw), 1_010);
    assert!(Learned::of(&model("claude-opus-4-8")).estimate(&raw) > 1_400);
}
