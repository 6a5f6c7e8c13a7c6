//! The same counts as wasm, where a word has 32 bits. `tests/oracle.rs` proves the counts natively.
#![cfg(target_arch = "wasm32")]

use tokens::{Cache, Counter, Encoding, Work, count, count_within, exceeds};
use wasm_bindgen_test::wasm_bindgen_test;

// Figures from OpenAI's cookbook, "How to count tokens with tiktoken".
#[wasm_bindgen_test]
fn counts_are_those_of_openais_cookbook() {
    assert_eq!(count(Encoding::O200kBase, "antidisestablishmentarianism"), 6);
    assert_eq!(count(Encoding::O200kBase, "お誕生日おめでとう"), 8);
    assert_eq!(count(Encoding::Cl100kBase, "お誕生日おめでとう"), 9);
}

#[wasm_bindgen_test]
fn deltas_count_as_the_whole_does() {
    let text =
        "It's 2024: naïve 文字列の数え方, we'LL see…\n\n  fn main() { println!(\"{}\", 10_000); }\t🎉🎉\n"
            .repeat(40);
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        let mut counter = Counter::new(encoding);
        text.split_inclusive(|c: char| !c.is_alphabetic()).for_each(|delta| counter.feed(delta));
        assert_eq!(counter.total(), count(encoding, &text));
    }
}

#[wasm_bindgen_test]
fn a_cache_changes_no_count() {
    let text = "Tollkeeper's rebudgeting of überschriebene 文字列の数え方 and 10_000 Kontingente";
    let mut cache = Cache::new();
    for encoding in [Encoding::O200kBase, Encoding::Cl100kBase] {
        for end in (1..text.len()).filter(|end| text.is_char_boundary(*end)) {
            assert_eq!(cache.count(encoding, &text[..end]), count(encoding, &text[..end]));
        }
    }
}

#[wasm_bindgen_test]
fn a_hostile_megabyte_is_bounded() {
    for unit in ["a", " ", "=", "\u{301}"] {
        let text = unit.repeat((1 << 20) / unit.len()) + "#";
        assert!(
            count_within(Encoding::O200kBase, &text, &mut Work::of(10_000)).tokens
                >= count(Encoding::O200kBase, &text)
        );
        assert!(exceeds(Encoding::O200kBase, &text, 1000));
    }
}
