//! Texts to count: made ones, with a fixed seed, and recorded ones.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // A test.

use std::{env, fs, path::Path};

/// xorshift64*: enough randomness for tests, the same everywhere.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    /// A character out of everything in Unicode, the assigned planes more often than the rest.
    pub(crate) fn character(&mut self) -> char {
        loop {
            let limit = [0x80, 0x800, 0x3000, 0x1_0000, 0x2_0000, 0x11_0000][self.below(6)];
            if let Some(c) = char::from_u32(self.below(limit) as u32) {
                return c;
            }
        }
    }
}

/// What the pre-tokenisers tell apart, and where their alternatives meet.
const BITS: &[&str] = &[
    "a",
    "b",
    "e",
    "th",
    "ing",
    "word",
    "Hello",
    "XML",
    "A",
    "Z",
    "é",
    "ß",
    "İ",
    "ſ",
    "ǅ",
    "ʰ",
    "ª",
    "日",
    "本語",
    "中国",
    "的",
    "あ",
    "カ",
    "한국",
    "ا",
    "ل",
    "ש",
    "ก",
    "ไทย",
    "้",
    "न",
    "म",
    "ि",
    "क्ष",
    "Д",
    "привет",
    "\u{301}",
    "\u{300}\u{308}",
    "\u{fe0f}",
    "\u{200d}",
    "0",
    "1",
    "42",
    "2024",
    "٣",
    "Ⅷ",
    "½",
    "²",
    "'",
    "'s",
    "'S",
    "'ſ",
    "'t",
    "'re",
    "'RE",
    "'vE",
    "'ll",
    "'lL",
    "'l",
    "'m",
    "'d",
    "’s",
    " ",
    "  ",
    "   ",
    "        ",
    "\t",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{a0}",
    "\u{3000}",
    "\u{85}",
    "\u{2028}",
    "\u{b}",
    "/",
    "//",
    "!",
    "?",
    ".",
    ",",
    "...",
    "=",
    "====",
    "-",
    "--",
    "_",
    "(",
    ");",
    "{\"",
    "\":\"",
    "<|",
    "|>",
    "😀",
    "👨‍👩‍👧",
    "€",
    "→",
    "\0",
    "\u{7f}",
    "\u{ad}",
    "\u{feff}",
    "\u{10ffff}",
    "\u{e000}",
    "\u{378}",
];

/// A text of up to `longest` bits of one of several kinds.
pub(crate) fn fuzzed(random: &mut Random, longest: usize) -> String {
    let length = 1 + random.below(longest);
    let few: Vec<&str> = (0..1 + random.below(4)).map(|_| random.pick(BITS)).collect();
    match random.below(8) {
        0 => (0..length).map(|_| random.character()).collect(),
        1 => (0..length).map(|_| random.pick(&few)).collect(),
        2 => (0..length).map(|_| (b'a' + random.below(26) as u8) as char).collect(),
        3 => (0..length).map(|_| (random.below(95) as u8 + 32) as char).collect(),
        4 => (0..length).filter_map(|_| char::from_u32(0x4E00 + random.below(0x1000) as u32)).collect(),
        5 => {
            let block = random.below(0x1200) as u32 * 0x40;
            (0..length).filter_map(|_| char::from_u32(block + random.below(0x40) as u32)).collect()
        }
        _ => (0..length).map(|_| random.pick(BITS)).collect(),
    }
}

/// Where recorded traffic is; `None`, said on the terminal, where there is none.
pub(crate) fn corpus(test: &str) -> Option<String> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    let folder = env::var_os("TOLLKEEPER_CORPUS").map_or(home, Into::into);
    let text = fs::read_to_string(folder.join("recorded.jsonl")).ok();
    if text.is_none() {
        println!("skipped: {test} (no recorded traffic; set TOLLKEEPER_CORPUS)");
    }
    text
}
