//! No text takes long, none panics, and bounds hold.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test.

use std::time::{Duration, Instant};
use tokens::{Counter, Encoding, Work, count, count_within, exceeds, lower_bound, upper_bound};

const MEGABYTE: usize = 1 << 20;

/// Texts that others take seconds for, or panic on.
fn hostile() -> Vec<(&'static str, String)> {
    let mut state = 1u64;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as u32 % below
    };
    let repeated = |unit: &str| unit.repeat(MEGABYTE / unit.len());
    vec![
        ("one letter", repeated("a")),
        ("spaces", repeated(" ")),
        ("newlines", repeated("\n")),
        ("mixed white space", repeated(" \t \u{a0}\u{3000}")),
        ("a line end, then spaces", format!("\n{}", repeated(" "))),
        ("equals signs", format!("{}#", repeated("="))),
        ("ab", repeated("ab")),
        ("combining marks", repeated("\u{301}")),
        ("one emoji", repeated("😀")),
        ("Thai", repeated("ก็ที่")),
        ("upper case after Han", format!("日{}", repeated("A"))),
        ("random letters", (0..MEGABYTE).map(|_| char::from(b'a' + random(26) as u8)).collect()),
        ("few random letters", (0..MEGABYTE).map(|_| char::from(b'a' + random(3) as u8)).collect()),
        ("random Han", (0..MEGABYTE / 3).filter_map(|_| char::from_u32(0x4E00 + random(0x5000))).collect()),
        (
            "base64",
            (0..MEGABYTE)
                .map(|_| {
                    char::from(
                        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
                            [random(64) as usize],
                    )
                })
                .collect(),
        ),
    ]
}

#[test]
fn a_hostile_megabyte_takes_linear_time() {
    for (name, text) in hostile() {
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
            let start = Instant::now();
            let tokens = count(encoding, &text);
            let took = start.elapsed();
            println!("{name}, {encoding:?}: {tokens} tokens in {took:?}");
            assert!((lower_bound(text.len())..=upper_bound(text.len())).contains(&tokens), "{name}");
            // Ten times what a slow machine takes; what is quadratic takes minutes.
            assert!(took < Duration::from_secs(10), "{name}: {took:?}");
        }
    }
}

#[test]
fn work_is_bounded_by_the_steps_given() {
    for (name, text) in hostile() {
        let start = Instant::now();
        let bounded = count_within(Encoding::O200kBase, &text, &mut Work::of(10_000));
        let took = start.elapsed();
        let exact = count(Encoding::O200kBase, &text);
        println!("{name}: {} in {took:?}, exactly {exact}", bounded.tokens);
        assert!(bounded.tokens >= exact, "{name}");
        assert_eq!(bounded.exact, bounded.tokens == exact, "{name}");
    }
}

#[test]
fn exceeding_is_known_early() {
    let prose = "The quick brown fox jumps over the lazy dog. ".repeat(100_000);
    let start = Instant::now();
    for _ in 0..1000 {
        assert!(exceeds(Encoding::O200kBase, &prose, 100));
        assert!(!exceeds(Encoding::O200kBase, &prose, upper_bound(prose.len())));
    }
    // A thousand times 4.5 MB: read to the end this would take minutes.
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[test]
fn an_endless_piece_is_counted_in_constant_memory() {
    for unit in ["a", "A", "Hello", " ", "\n", "=", "ก", "日", "日本語", "\u{301}", "-=", "😀"] {
        for end in ["", "x", "X", " y", "#", "\n", "'ll", "\u{301}"] {
            let text = unit.repeat(3_000) + end;
            let mut counter = Counter::new(Encoding::O200kBase);
            for delta in text.chars().collect::<Vec<_>>().chunks(7) {
                counter.feed(&delta.iter().collect::<String>());
            }
            let (exact, counted) = (count(Encoding::O200kBase, &text), counter.count());
            assert!(counted.exact, "{unit:?} {end:?}");
            assert_eq!(counted.tokens, exact, "{unit:?} {end:?}");
        }
    }
    assert!(size_of::<Counter>() <= 496 + 64);
}

#[test]
fn nothing_is_no_tokens() {
    assert_eq!(count(Encoding::O200kBase, ""), 0);
    assert_eq!(Counter::new(Encoding::Cl100kBase).total(), 0);
    assert!(!exceeds(Encoding::O200kBase, "", 0));
    assert!(exceeds(Encoding::O200kBase, "a", 0));
}
