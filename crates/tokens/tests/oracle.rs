//! Counts are those of `tiktoken-rs`, on everything.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test.

#[path = "texts/hostile.rs"]
mod hostile;
mod texts;

use std::{cell::RefCell, fmt::Write as _};
use texts::{Random, corpus, fuzzed};
use tiktoken_rs::CoreBPE;
use tokens::{Cache, Count, Counter, Encoding, Work, count, count_with_special, count_within, exceeds};

fn oracle(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        Encoding::O200kHarmony => tiktoken_rs::o200k_harmony_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
    }
}

/// The vocabularies of this build.
const CARRIED: &[Encoding] = if cfg!(feature = "cl100k") {
    &[Encoding::O200kBase, Encoding::Cl100kBase]
} else {
    &[Encoding::O200kBase]
};

/// How many tokens it has that are not special ones.
fn ranks(encoding: Encoding) -> u32 {
    if encoding == Encoding::Cl100kBase { 100_256 } else { 199_998 }
}

/// Counts with what all texts before have left.
fn count_cached(encoding: Encoding, text: &str, work: &mut Work) -> Count {
    thread_local! {
        static CACHES: RefCell<[Box<Cache>; 2]> = RefCell::default();
    }
    let older = usize::from(encoding == Encoding::Cl100kBase);
    CACHES.with_borrow_mut(|caches| caches[older].count_within(encoding, text, work))
}

#[track_caller]
fn same(text: &str) {
    for &encoding in CARRIED {
        let expected = oracle(encoding).encode_ordinary(text).len() as u64;
        assert_eq!(count(encoding, text), expected, "{encoding:?} {text:?}");
        let cached = count_cached(encoding, text, &mut Work::of(u64::MAX));
        assert_eq!(cached, Count { tokens: expected, exact: true }, "{encoding:?} {text:?}");
    }
}

/// The first place between characters from `at` on.
fn boundary(text: &str, at: usize) -> usize {
    (at..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// The same for whole, pieced and limited counts.
#[track_caller]
fn same_every_way(random: &mut Random, text: &str) {
    for &encoding in CARRIED {
        let expected = oracle(encoding).encode_ordinary(text).len() as u64;
        assert_eq!(count(encoding, text), expected, "{encoding:?} {text:?}");
        let limit = expected.saturating_add(random.below(5) as u64).saturating_sub(2);
        assert_eq!(exceeds(encoding, text, limit), expected > limit, "{encoding:?} {limit} {text:?}");
        let work = Work::of(random.below(2 * text.len() + 2) as u64);
        let (mut alone, mut after_others) = (work.clone(), work);
        let within = count_within(encoding, text, &mut alone);
        assert!(if within.exact { within.tokens == expected } else { within.tokens >= expected }, "{text:?}");
        let cached = count_cached(encoding, text, &mut after_others);
        assert_eq!((cached, after_others.left()), (within, alone.left()), "{encoding:?} {text:?}");

        let endless = text.len() > ENDLESS;
        let mut counter = Counter::new(encoding);
        let (mut rest, mut fed) = (text, 0);
        let longest = [2, 12, 200][random.below(3)];
        while !rest.is_empty() {
            let delta = boundary(rest, 1 + random.below(longest));
            counter.feed(&rest[..delta]);
            (rest, fed) = (&rest[delta..], fed + delta);
            if random.below(8) == 0 {
                let so_far = oracle(encoding).encode_ordinary(&text[..fed]).len() as u64;
                let counted = counter.count();
                assert!(counted.exact || endless, "{encoding:?} {:?}", &text[..fed]);
                assert!(counted.tokens == so_far || !counted.exact, "{encoding:?} {:?}", &text[..fed]);
            }
        }
        let counted = counter.count();
        assert!(counted.exact || endless, "{encoding:?} {text:?}");
        assert!(counted.tokens == expected || !counted.exact, "{encoding:?} {counted:?} {expected} {text:?}");
    }
}

/// What a `Counter` holds: only of longer pieces may it say that it does not know.
const ENDLESS: usize = 480;

#[test]
fn every_token_alone_and_beside_another() {
    let mut random = Random::new(1);
    for &encoding in CARRIED {
        let mut before = String::new();
        for rank in 0..ranks(encoding) {
            let bytes = oracle(encoding).decode_bytes(&[rank]).expect("every rank is a token");
            let Ok(token) = String::from_utf8(bytes) else { continue };
            same(&token);
            same(&format!("{before}{token}"));
            if random.below(3) == 0 {
                before = token;
            }
        }
    }
}

/// Bytes that are no text, made text by characters that begin before them and end behind them.
fn completed(random: &mut Random, bytes: &[u8]) -> Option<String> {
    let mut text = bytes.to_vec();
    for _ in 0..200 {
        if let Ok(text) = String::from_utf8(text) {
            return Some(text);
        }
        let continued = bytes.iter().take_while(|byte| **byte & 0xC0 == 0x80).count();
        let mut any = |first: usize, behind: usize| (first + random.below(behind - first)) as u8;
        let before = match (continued, any(0, 3)) {
            (0, _) => vec![],
            (1, 0) => vec![any(0xC2, 0xE0)],
            (1, 1) | (2, 0 | 1) => vec![any(0xE0, 0xF0), any(0x80, 0xC0)],
            _ => vec![any(0xF0, 0xF5), any(0x80, 0xC0), any(0x80, 0xC0)],
        };
        let behind: Vec<u8> = (0..any(0, 4)).map(|_| any(0x80, 0xC0)).collect();
        text = [&before[..before.len().min(4 - continued.min(4))], bytes, &behind].concat();
    }
    None
}

#[test]
fn every_token_that_begins_or_ends_within_a_character() {
    let mut random = Random::new(6);
    for &encoding in CARRIED {
        let mut completed_tokens = 0;
        for rank in 0..ranks(encoding) {
            let bytes = oracle(encoding).decode_bytes(&[rank]).expect("every rank is a token");
            if str::from_utf8(&bytes).is_ok() {
                continue;
            }
            for _ in 0..6 {
                let Some(text) = completed(&mut random, &bytes) else { continue };
                completed_tokens += 1;
                same(&text);
                same(&format!("⇙{text}"));
                same(&format!("{}{text}", random.character()));
            }
        }
        assert!(completed_tokens > 4_000, "{completed_tokens}");
    }
}

#[test]
fn every_character_between_letters_and_alone() {
    for c in (0..=0x10_FFFFu32).filter_map(char::from_u32) {
        // Of planes without assigned characters one in 64 is enough.
        if c < '\u{32000}' || u32::from(c).is_multiple_of(64) {
            let mut text = String::new();
            let _ = write!(text, "a{c}{c}b {c} A{c}'{c} {c}x");
            same(&text);
        }
    }
}

#[test]
fn contractions_without_regard_to_case() {
    for text in [
        "it's", "IT'S", "it'ſ", "it'ſt", "IT'ſ IS", "we'LL", "we'l", "'re", " 're", "x'Ve", "1's", "'s's",
        "日's", "é'D",
    ] {
        same(text);
    }
}

/// In the first, the last byte of a character is merged with the two letters behind it.
#[test]
fn tokens_of_a_characters_end_and_letters() {
    for text in ["⇙ʊpp", "⇙ʊp", "⇙ʊppp", "ʊpp"] {
        same(text);
    }
}

#[test]
fn marks_before_capitals() {
    // Bytes of the two characters of the first one would be merged if they were one piece.
    for text in
        ["\u{8e1}Ճ", "\u{8e1}ՃՃ", "\u{8e1}Ճա", " \u{8e1}Ճ", ".\u{8e1}Ճ", "x\u{8e1}Ճ", "\u{8e1}\u{8e1}Ճ"]
    {
        same(text);
    }
}

#[test]
fn long_runs_of_one_kind() {
    for unit in [
        "a", "A", "aB", "ab", " ", "\n", " \n", "\t", "=", "-", "1", "日", "中国", "あ", "é", "\u{301}", "ก",
        "😀", "ab ", "\r\n",
    ] {
        for length in
            [1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 79, 80, 81, 95, 127, 128, 129, 255, 256, 257, 511, 600, 1000]
        {
            let run = unit.repeat(length);
            same(&run);
            same(&format!("x{run}y"));
            same(&format!("{run}#"));
        }
    }
}

/// A megabyte by `bpe-openai`, which is quicker here and does not panic; the beginning by `tiktoken-rs`, too.
#[test]
fn hostile_megabytes() {
    let mut texts = hostile::hostile();
    texts.push(("a million spaces", " ".repeat(1_000_000)));
    for (name, text) in texts {
        let beginning = &text[..boundary(&text, 20_000)];
        for &encoding in CARRIED {
            let other = match encoding {
                Encoding::Cl100kBase => bpe_openai::cl100k_base(),
                _ => bpe_openai::o200k_base(),
            };
            assert_eq!(count(encoding, &text), other.count(&text) as u64, "{name}, {encoding:?}");
            let expected = oracle(encoding).encode_ordinary(beginning).len() as u64;
            assert_eq!(count(encoding, beginning), expected, "{name}, {encoding:?}");
        }
    }
}

#[test]
fn special_tokens_as_marks_and_as_text() {
    let texts = [
        "<|endoftext|>",
        "a<|endoftext|>b <|endofprompt|>",
        "<|start|>user<|message|>Hi<|end|>",
        "<|<|endoftext|>|>",
        "<|reserved_200004|><|reserved_200002|><|reserved_201087|><|reserved_201088|><|reserved_0200013|>",
        "<|fim_prefix|>x<|fim_suffix|>",
        "a  <|endoftext|>  \n<|",
        "<|call|>",
    ];
    for encoding in CARRIED.iter().copied().chain([Encoding::O200kHarmony]) {
        for text in texts {
            let with = oracle(encoding).encode_with_special_tokens(text).len() as u64;
            assert_eq!(count_with_special(encoding, text), with, "{encoding:?} {text:?}");
            let plain = oracle(encoding).encode_ordinary(text).len() as u64;
            assert_eq!(count(encoding, text), plain, "{encoding:?} {text:?}");
        }
    }
}

#[test]
fn recorded_traffic() {
    let Some(corpus) = corpus("recorded_traffic") else { return };
    let mut random = Random::new(2);
    for line in corpus.lines() {
        same(line);
        // Bodies are strings within the line: what is in them, unescaped, is the text that models see.
        let unescaped = line.replace("\\\\", "\\").replace("\\n", "\n").replace("\\\"", "\"");
        let start = &unescaped[..boundary(&unescaped, 4000)];
        same_every_way(&mut random, start);
    }
}

/// Runs of characters of one kind, hundreds long, one after the other.
fn endless(random: &mut Random) -> String {
    const UNITS: &[&str] = &[
        "a", "A", "Ab", "b", " ", "  ", "\n", "\t", "=", "-", "/", "'", "日", "中文", "ก", "ก็", "\u{301}",
        "é", "Д", "1", "😀",
    ];
    (0..1 + random.below(4)).map(|_| random.pick(UNITS).repeat(1 + random.below(900))).collect()
}

#[test]
fn endless_pieces_in_deltas() {
    let mut random = Random::new(5);
    for _ in 0..600 {
        let text = endless(&mut random);
        same_every_way(&mut random, &text);
    }
}

/// Longer than what is looked up together, and of more words than are remembered, each of which comes again.
#[test]
fn long_texts_of_made_up_words() {
    let mut random = Random::new(6);
    for _ in 0..60 {
        let (letters, longest) = (1 + random.below(26), 2 + random.below(40));
        let words: Vec<String> = (0..1 + random.below(400))
            .map(|_| {
                let first = [b'a', b'A'][random.below(2)];
                let letters =
                    (0..random.below(longest)).map(|_| (b'a' + random.below(letters) as u8) as char);
                core::iter::once(first as char).chain(letters).collect()
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let blanks = &[" ", "", "-", "\n", " 1"];
        let text: String = (0..3_000).flat_map(|_| [random.pick(&words), random.pick(blanks)]).collect();
        same(&text);
    }
}

#[test]
fn a_cache_goes_from_one_vocabulary_to_the_other() {
    let (mut random, mut cache) = (Random::new(7), Cache::new());
    for _ in 0..3_000 {
        let text = fuzzed(&mut random, 8);
        for encoding in [Encoding::O200kBase, Encoding::Cl100kBase, Encoding::O200kHarmony] {
            if random.below(2) == 0 {
                assert_eq!(cache.count(encoding, &text), count(encoding, &text), "{encoding:?} {text:?}");
            }
        }
    }
}

#[test]
fn fuzzed_texts() {
    let mut random = Random::new(3);
    for _ in 0..40_000 {
        let text = fuzzed(&mut random, 40);
        same(&text);
    }
    for _ in 0..3_000 {
        let text = fuzzed(&mut random, 60);
        same_every_way(&mut random, &text);
    }
}

/// `FUZZ=10000000 cargo test --release -p tokens --test oracle -- --ignored --nocapture`
#[test]
#[ignore = "minutes to hours: for a release, and after changes to splitting or merging"]
fn fuzzed_texts_at_length() {
    let number =
        |name: &str, otherwise| std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise);
    let (rounds, seed) = (number("FUZZ", 10_000_000), number("SEED", 4));
    let mut random = Random::new(seed);
    for round in 0..rounds {
        let longest = if round % 100 == 0 { 400 } else { 24 };
        let text = fuzzed(&mut random, longest);
        if round % 8 == 0 { same_every_way(&mut random, &text) } else { same(&text) }
    }
    println!("{rounds} texts from seed {seed}: all equal");
}
