//! Counting texts: whole, in pieces, and from above.
//!
//! For now on `tiktoken-rs`, which needs its tables built at start and backtracks on long runs of white space.

use crate::Encoding;
use tiktoken_rs::CoreBPE;

/// A run of white space longer than this is counted as one token a byte (an upper bound): the regular expression
/// behind `tiktoken-rs` gives up on long ones by panicking.
const LONGEST_RUN: usize = 1024;

/// The exact number of tokens of `text`, special tokens read as plain text.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> u64 {
    let bpe = table(encoding);
    let mut total = 0u64;
    let mut rest = text;
    while let Some((start, end)) = long_run(rest) {
        let (before, run) = (rest.get(..start).unwrap_or(""), end.saturating_sub(start));
        total = total.saturating_add(bpe.encode_ordinary(before).len() as u64).saturating_add(run as u64);
        rest = rest.get(end..).unwrap_or("");
    }
    total.saturating_add(bpe.encode_ordinary(rest).len() as u64)
}

/// No text has more tokens than bytes: every token of a byte-level vocabulary covers at least one.
#[must_use]
pub const fn upper_bound(bytes: usize) -> u64 {
    bytes as u64
}

fn table(encoding: Encoding) -> &'static CoreBPE {
    match encoding {
        Encoding::O200kBase => tiktoken_rs::o200k_base_singleton(),
        Encoding::O200kHarmony => tiktoken_rs::o200k_harmony_singleton(),
        Encoding::Cl100kBase => tiktoken_rs::cl100k_base_singleton(),
    }
}

fn long_run(text: &str) -> Option<(usize, usize)> {
    let mut start = None;
    for (at, c) in text.char_indices() {
        match (c.is_whitespace(), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) if at.saturating_sub(from) > LONGEST_RUN => return Some((from, at)),
            (false, _) => start = None,
            (true, Some(_)) => {}
        }
    }
    start.filter(|from| text.len().saturating_sub(*from) > LONGEST_RUN).map(|from| (from, text.len()))
}

/// Counts a text that arrives in pieces.
#[derive(Debug)]
pub struct Counter {
    encoding: Encoding,
    text: String,
}

impl Counter {
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Counter { encoding, text: String::new() }
    }

    /// Takes the next piece; pieces may be cut anywhere between characters.
    pub fn feed(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// The exact count of everything fed so far.
    #[must_use]
    pub fn total(&self) -> u64 {
        count(self.encoding, &self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Figures from OpenAI's cookbook, "How to count tokens with tiktoken" (the three encodings compared there).
    #[test]
    fn counts_are_those_of_openais_cookbook() {
        assert_eq!(count(Encoding::Cl100kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Encoding::O200kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Encoding::Cl100kBase, "2 + 2 = 4"), 7);
        assert_eq!(count(Encoding::O200kBase, "お誕生日おめでとう"), 8);
        assert_eq!(count(Encoding::Cl100kBase, "お誕生日おめでとう"), 9);
    }

    #[test]
    fn a_million_spaces_are_bounded_not_a_panic() {
        let spaces = " ".repeat(1_000_000);
        assert!(count(Encoding::O200kBase, &spaces) <= upper_bound(spaces.len()));
    }
}
