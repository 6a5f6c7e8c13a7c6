//! Counting texts: whole, within bounds, and in pieces.

use crate::{
    Encoding,
    batch::{self, Desk},
    memory::Slot,
    split,
    vocabulary::Vocabulary,
    work::Work,
};

static O200K: Vocabulary = Vocabulary::of(include_bytes!("../data/o200k_base.bin"));
#[cfg(feature = "cl100k")]
static CL100K: Vocabulary = Vocabulary::of(include_bytes!("../data/cl100k_base.bin"));

/// A number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub tokens: u64,
    /// Whether there are exactly as many; if not, the function that counted says what the number is.
    pub exact: bool,
}

/// The exact number of tokens of `text`, special tokens read as plain text.
#[must_use]
pub fn count(encoding: Encoding, text: &str) -> u64 {
    count_bytes(encoding, text.as_bytes())
}

/// As [`count`], for no more than the work that is left, from which what was done is taken off. Beyond it, what is left of
/// the text counts one token a byte, so that the result is never below the exact count.
#[must_use]
pub fn count_within(encoding: Encoding, text: &str, work: &mut Work) -> Count {
    count_pieces(encoding, text.as_bytes(), &mut desk(), work, |_, _| false)
}

/// Whether `text` has more than `limit` tokens. Stops as soon as that is clear, by the tokens so far and the bytes left: it
/// never looks at more than 128 bytes for each token of the limit.
#[must_use]
pub fn exceeds(encoding: Encoding, text: &str, limit: u64) -> bool {
    exceeds_with(encoding, text, limit, &mut Work::unbounded())
}

/// Within a piece tokens tell nothing: its beginning can have more of them than all of it. Bytes do: a piece that is too long for
/// what the limit leaves is not begun.
fn exceeds_with(encoding: Encoding, text: &str, limit: u64, work: &mut Work) -> bool {
    let exceeding = |tokens: u64, rest| tokens.saturating_add(lower_bound(rest)) > limit;
    let clear =
        |tokens: u64, rest| exceeding(tokens, rest) || tokens.saturating_add(upper_bound(rest)) <= limit;
    if clear(0, text.len()) {
        return exceeding(0, text.len());
    }
    let mut left = text.len();
    let counted = count_pieces(encoding, text.as_bytes(), &mut desk(), work, |tokens, rest| {
        left = rest;
        clear(tokens, rest)
    });
    exceeding(counted.tokens, left)
}

/// No text has more tokens than bytes: every token of a byte-level vocabulary covers at least one.
#[must_use]
pub const fn upper_bound(bytes: usize) -> u64 {
    bytes as u64
}

/// No text has fewer tokens than this: the longest token covers 128 bytes.
#[must_use]
pub const fn lower_bound(bytes: usize) -> u64 {
    bytes.div_ceil(crate::vocabulary::LONGEST) as u64
}

/// Counts until the end, or until `stop` (given the tokens so far and the bytes left) says so: then what it saw last,
/// with the rest left out.
pub(crate) fn count_pieces(
    encoding: Encoding,
    text: &[u8],
    desk: &mut Desk,
    work: &mut Work,
    stop: impl FnMut(u64, usize) -> bool,
) -> Count {
    match encoding {
        #[cfg(feature = "cl100k")]
        Encoding::Cl100kBase => count_by(
            |text, at, desk, work| batch::one(&CL100K, split::cl100k, text, at, desk, work),
            text,
            desk,
            work,
            stop,
        ),
        _ => count_by(
            |text, at, desk, work| batch::o200k(&O200K, text, at, desk, work),
            text,
            desk,
            work,
            stop,
        ),
    }
}

/// `next` counts some of the pieces that start at a position, and says where they end.
#[inline(always)]
fn count_by(
    next: impl Fn(&[u8], usize, &mut Desk, &mut Work) -> Option<(u64, usize)>,
    text: &[u8],
    desk: &mut Desk,
    work: &mut Work,
    mut stop: impl FnMut(u64, usize) -> bool,
) -> Count {
    desk.clear();
    let (mut tokens, mut at) = (0u64, 0);
    while at < text.len() {
        let Some((of_batch, end)) = next(text, at, desk, work) else {
            let rest = upper_bound(text.len().saturating_sub(at));
            return Count { tokens: tokens.saturating_add(rest), exact: false };
        };
        tokens = tokens.saturating_add(of_batch);
        at = end;
        if stop(tokens, text.len().saturating_sub(at)) {
            break;
        }
    }
    Count { tokens, exact: true }
}

pub(crate) fn count_bytes(encoding: Encoding, text: &[u8]) -> u64 {
    count_pieces(encoding, text, &mut desk(), &mut Work::unbounded(), |_, _| false).tokens
}

/// For one text. More slots would take longer to clear than they save.
const fn desk() -> Desk<[Slot; 128]> {
    Desk::new()
}

pub(crate) const fn vocabulary(encoding: Encoding) -> &'static Vocabulary {
    match encoding {
        #[cfg(feature = "cl100k")]
        Encoding::Cl100kBase => &CL100K,
        _ => &O200K,
    }
}

pub(crate) fn piece_end(encoding: Encoding, text: &[u8], start: usize) -> usize {
    match encoding {
        #[cfg(feature = "cl100k")]
        Encoding::Cl100kBase => split::cl100k(text, start),
        _ => split::o200k(text, start),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Figures from OpenAI's cookbook, "How to count tokens with tiktoken" (the three encodings compared there).
    #[test]
    fn counts_are_those_of_openais_cookbook() {
        assert_eq!(count(Encoding::O200kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Encoding::O200kBase, "2 + 2 = 4"), 7);
        assert_eq!(count(Encoding::O200kBase, "お誕生日おめでとう"), 8);
    }

    #[cfg(feature = "cl100k")]
    #[test]
    fn so_are_those_of_the_older_encoding() {
        assert_eq!(count(Encoding::Cl100kBase, "antidisestablishmentarianism"), 6);
        assert_eq!(count(Encoding::Cl100kBase, "2 + 2 = 4"), 7);
        assert_eq!(count(Encoding::Cl100kBase, "お誕生日おめでとう"), 9);
    }

    /// The steps that it takes to tell.
    fn steps_to_tell(text: &str, limit: u64, expected: bool) -> u64 {
        let mut work = Work::of(u64::MAX);
        assert_eq!(exceeds_with(Encoding::O200kBase, text, limit, &mut work), expected);
        u64::MAX.saturating_sub(work.left())
    }

    #[test]
    fn what_exceeds_is_not_read_to_its_end() {
        const MEGABYTE: usize = 1 << 20;
        for unit in ["a", " ", "\n", "=", "\u{301}", " \t\u{3000}", "日", "x "] {
            let text = unit.repeat(MEGABYTE / unit.len());
            assert_eq!(steps_to_tell(&text, 100, true), 0, "{unit:?}");
            assert_eq!(steps_to_tell(&text, MEGABYTE as u64, false), 0, "{unit:?}");
            // Behind a line end is a piece of its own.
            let text = std::format!("word.\n\n{text}");
            assert_eq!(steps_to_tell(&text, 100, true), 0, "{unit:?}");
            // What bytes alone don't tell: as many as a hundred tokens could cover, a step for a byte or two.
            let hundred: &str = &text
                .chars()
                .take(12_800 / unit.len() * unit.chars().count())
                .collect::<std::string::String>();
            let steps = steps_to_tell(hundred, 100, true);
            assert!((1..100_000).contains(&steps), "{unit:?}: {steps}");
        }
        // Short pieces are counted up to the limit, and no further.
        let words = "word ".repeat(2_000);
        let all = steps_to_tell(&words, 3_000, false);
        let few = steps_to_tell(&words, 100, true);
        assert!(few.saturating_mul(10) < all, "{few} of {all}");
    }
}
