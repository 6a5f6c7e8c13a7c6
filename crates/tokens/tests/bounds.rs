//! No text takes long, none panics, and bounds hold.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test.

#[path = "texts/hostile.rs"]
mod hostile;

use hostile::{MEGABYTE, hostile};
use std::time::{Duration, Instant};
use tokens::{
    Counter, Encoding, Work, count, count_with_special, count_within, exceeds, lower_bound, upper_bound,
};

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
fn marks_without_an_end_are_searched_once() {
    for unit in ["<|", "<|reserved_", "<|endoftext|"] {
        let text = unit.repeat(MEGABYTE / unit.len());
        for encoding in [Encoding::O200kHarmony, Encoding::Cl100kBase] {
            let start = Instant::now();
            assert_eq!(count_with_special(encoding, &text), count(encoding, &text), "{unit}");
            // As above: read to the end for each, this would take minutes.
            assert!(start.elapsed() < Duration::from_secs(10), "{unit}");
        }
    }
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
