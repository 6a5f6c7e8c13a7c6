//! How many tokens merging makes of a piece.
//!
//! Byte-pair merging joins, again and again, the neighbours whose union has the lowest rank. What is used here:
//!
//! 1. *Merging is local.* While no merge has crossed a token's bounds, what happens within them happens as if the token
//!    stood alone. So every token has one last merge, of its left and its right part: its *split*.
//! 2. *Neighbours decide.* A sequence of tokens is the result of merging iff every two neighbours, merged alone, stay as
//!    they are ([`compatible`]). (Van Antwerpen and Neubeck, "So many tokens, so little time", GitHub 2024.)
//! 3. *A token comes after its parts*: its rank is above theirs. (Checked by the generator.)
//!
//! By 1, a place of the text where no token's parts meet is never merged across. Such places cut a piece into *islands* that
//! can be merged each on its own; in Chinese and Japanese most have one or two characters. Where two characters
//! meet, two filters say so: [`Vocabulary::may_cross`] for tokens one of whose parts is not made of whole characters,
//! [`Vocabulary::may_meet`] for all others.
//!
//! A character that is a token and on whose either side nothing crosses is *whole*: only its own bytes are merged with each other
//! until it is complete. By 3 nothing that it is a part of comes before that, neither here nor, being of higher
//! rank, elsewhere; so it can be taken as complete from the start. All other characters are merged from their bytes.
#![allow(clippy::arithmetic_side_effects)] // Positions in a text and small numbers: no sum here wraps.

use crate::{
    memory::{Memory, Piece},
    parts::{Kept, Parts},
    short,
    vocabulary::{Character, LONGEST, Token, Vocabulary, load},
    work::Work,
};

/// The number of tokens of the piece `text[start..end]`, which is none as a whole; `None` if the work does not suffice.
#[inline(never)]
pub(crate) fn count(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    memory: &mut Memory,
    parts: &mut Parts,
    work: &mut Work,
) -> Option<u64> {
    // Looking for islands costs as much as finding the piece, twice.
    work.read(2 * (end - start))?;
    let mut tokens = 0;
    let (mut island, mut at) = (start, start);
    let mut character = Character::at(text, at);
    // Of the island so far: how many characters, and whether all are whole.
    let (mut characters, mut whole) = (1, vocabulary.is_token(character));
    loop {
        at += character.length;
        let next = if at < end { Some(Character::at(text, at)) } else { None };
        if let Some(next) = next {
            let crosses = !(character.is_ascii() && next.is_ascii()) && vocabulary.may_cross(character, next);
            let meets = crosses || vocabulary.may_meet(character, next);
            character = next;
            if meets {
                characters += 1;
                whole &= !crosses && vocabulary.is_token(next);
                continue;
            }
        }
        tokens += match (whole, characters) {
            (true, 1) => 1,
            (true, 2) => 2 - u64::from(vocabulary.contains(text, island, at)),
            _ if at - island > short::LONGEST => count_island(vocabulary, text, island, at, parts, work)?,
            _ => {
                // As for merging it, so that the work is the same whatever is remembered.
                work.steps(4 * if whole { characters } else { (at - island) as u64 })?;
                let piece = Piece::of(load(text, island), load(text, island + 8), at - island);
                memory.tokens_or(&piece, || {
                    parts.fill(vocabulary, text, island, at);
                    parts.merge(vocabulary, text) as u64
                })
            }
        };
        let Some(next) = next else { return Some(tokens) };
        (island, characters, whole) = (at, 1, vocabulary.is_token(next));
    }
}

/// Merges an island, a window at a time. What comes out of one window is each other's right neighbour; where two windows meet
/// that is checked.
#[inline(never)]
fn count_island(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    parts: &mut Parts,
    work: &mut Work,
) -> Option<u64> {
    let (mut at, mut tokens) = (start, 0);
    let mut last: Option<Token> = None;
    loop {
        let until = parts.fill(vocabulary, text, at, end);
        let number = parts.merge(vocabulary, text);
        work.steps(4 * parts.filled() as u64)?;
        if until == end {
            if let Some(last) = last
                && !fits(vocabulary, text, at, last, parts, work)?
            {
                return tabulate(vocabulary, text, start, end, work);
            }
            return Some(tokens + number as u64);
        }
        if let Some(last) = last
            && !fits(vocabulary, text, at, last, parts, work)?
        {
            return tabulate(vocabulary, text, start, end, work);
        }
        let Some(kept) = parts.kept(text) else {
            return tabulate(vocabulary, text, start, end, work);
        };
        let repeats = repeats(text, &kept, end, work)?;
        tokens += (kept.number + repeats) as u64;
        last = vocabulary.find(text, kept.last.start, kept.last.end);
        at = kept.last.end + repeats * kept.last.len();
    }
}

/// What came of the rest of a piece.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resumed {
    pub(crate) tokens: u64,
    /// Whether its first token stays beside the one before it.
    pub(crate) fits: bool,
}

/// Merges `text[start..end]`, at most a window of it, behind a token that takes up all of `text[..start]` (or behind nothing).
pub(crate) fn resume(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    parts: &mut Parts,
) -> Option<Resumed> {
    if parts.fill(vocabulary, text, start, end) < end {
        return None;
    }
    let tokens = parts.merge(vocabulary, text) as u64;
    let fits = match vocabulary.find(text, 0, start) {
        Some(last) if start > 0 => fits(vocabulary, text, start, last, parts, &mut Work::unbounded())?,
        _ => start == 0,
    };
    Some(Resumed { tokens, fits })
}

/// How often the last token comes again and again where it has come twice: then it stays beside itself, so it is
/// the result as long as the text repeats it. Not at its end: what the last ones become hangs on what follows.
fn repeats(text: &[u8], kept: &Kept, end: usize, work: &mut Work) -> Option<usize> {
    let length = kept.last.len();
    let token = text.get(kept.last.clone())?;
    if kept.before != length || text.get(kept.last.start - length..kept.last.start) != Some(token) {
        return Some(0);
    }
    let rest = text.get(kept.last.end..end)?;
    let times = rest.chunks_exact(length).take_while(|chunk| *chunk == token).count();
    work.read(times * length)?;
    Some(times.saturating_sub(2 * LONGEST / length))
}

/// Whether the window's first part, which starts at `at`, stays beside the token before it.
fn fits(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    last: Token,
    parts: &Parts,
    work: &mut Work,
) -> Option<bool> {
    match vocabulary.find(text, at, parts.first_end()) {
        Some(first) => compatible(vocabulary, text, at, last, first, work),
        None => Some(false),
    }
}

/// The number of tokens of a text by way of the number for each of its beginnings. Every beginning ends with exactly
/// one token that fits what comes before it; each is found from its start, so that looking ahead [`LONGEST`] bytes
/// is enough. It never fails, at many times the cost.
#[cold]
fn tabulate(vocabulary: &Vocabulary, text: &[u8], start: usize, end: usize, work: &mut Work) -> Option<u64> {
    const AHEAD: usize = 2 * LONGEST;
    // For each position ahead: the length of the last token of the text up to there, and how many tokens it has.
    let mut ends = [(0u8, 0u64); AHEAD];
    for at in start..end {
        let (length, tokens) = ends.get(at % AHEAD).copied().unwrap_or_default();
        let last = if at == start { None } else { vocabulary.find(text, at - usize::from(length), at) };
        for length in (1..=LONGEST.min(end - at)).rev() {
            let Some(token) = vocabulary.find(text, at, at + length) else { continue };
            let fits = match last {
                Some(last) => compatible(vocabulary, text, at, last, token, work)?,
                None => at == start,
            };
            if fits && let Some(slot) = ends.get_mut((at + token.length) % AHEAD) {
                *slot = (token.length as u8, tokens + 1);
            }
        }
        work.steps(LONGEST as u64)?;
    }
    ends.get(end % AHEAD).map(|(_, tokens)| *tokens)
}

/// Whether two tokens that meet at `at`, merged alone, stay as they are.
///
/// Undoes their merges from the latest on, on either side of the boundary, and looks at each stage whether the tokens
/// that then touch it would have been merged with each other first.
fn compatible(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    left: Token,
    right: Token,
    work: &mut Work,
) -> Option<bool> {
    let (mut left, mut right) = (left, right);
    // Only a merge of lower rank than the last one undone would have come before it.
    let mut limit = u32::MAX;
    loop {
        let joined = left.length + right.length;
        work.look_up(joined)?;
        if let Some(both) = vocabulary.find(text, at - left.length, at + right.length)
            && both.split == left.length
            && both.rank < limit
        {
            return Some(false);
        }
        // The merge of higher rank came later; of two equal ones the right one did. Single bytes rank below all merges.
        if left.rank > right.rank {
            if left.length == 1 {
                return Some(true);
            }
            limit = left.rank;
            left = vocabulary.find(text, at - left.length + left.split, at)?;
        } else {
            if right.length == 1 {
                return Some(true);
            }
            // What is equal to it and further left would have come before it.
            limit = right.rank.saturating_add(1);
            right = vocabulary.find(text, at, at + right.split)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::String, vec::Vec};

    static VOCABULARY: Vocabulary = Vocabulary::of(include_bytes!("../data/o200k_base.bin"));

    /// Merging as it is defined: the lowest rank first, of equal ones the left.
    fn merged(text: &[u8]) -> u64 {
        let mut bounds: Vec<usize> = (0..=text.len()).collect();
        let rank = |from: usize, to: usize| VOCABULARY.find(text, from, to).map(|token| token.rank);
        while let Some((_, i)) = (0..bounds.len().saturating_sub(2))
            .filter_map(|i| rank(bounds[i], bounds[i + 2]).map(|rank| (rank, i)))
            .min()
        {
            bounds.remove(i + 1);
        }
        bounds.len() as u64 - 1
    }

    fn pseudo_random_texts() -> impl Iterator<Item = Vec<u8>> {
        let mut state = 7u64;
        let mut next = move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        (0..3000).map(move |_| {
            let (letters, length) = (1 + next(26), 1 + next(90));
            (0..length).map(|_| b'a' + next(letters) as u8).collect()
        })
    }

    fn counted_within(text: &[u8], work: &mut Work) -> Option<u64> {
        if VOCABULARY.contains(text, 0, text.len()) {
            return Some(1);
        }
        let memory: &mut Memory = &mut Memory::<[_; 2]>::new();
        count(&VOCABULARY, text, 0, text.len(), memory, &mut Parts::new(), work)
    }

    fn counted(text: &[u8]) -> Option<u64> {
        counted_within(text, &mut Work::unbounded())
    }

    #[test]
    fn both_ways_agree_with_merging() {
        for text in pseudo_random_texts() {
            let (expected, named) = (Some(merged(&text)), String::from_utf8_lossy(&text));
            assert_eq!(counted(&text), expected, "{named}");
            assert_eq!(
                tabulate(&VOCABULARY, &text, 0, text.len(), &mut Work::unbounded()),
                expected,
                "{named}"
            );
        }
    }

    #[test]
    fn so_they_do_beyond_a_window() {
        let runs = ["=", " ", "a", "-", "ab"].map(|unit| unit.repeat(1400) + "#");
        for text in runs.into_iter().chain(["abcabcabdaaaab".repeat(150)]) {
            let text = text.as_bytes();
            let expected = Some(merged(text));
            assert_eq!(tabulate(&VOCABULARY, text, 0, text.len(), &mut Work::unbounded()), expected);
            assert_eq!(counted(text), expected);
        }
    }

    #[test]
    fn nothing_is_counted_beyond_the_work() {
        for text in pseudo_random_texts().take(200) {
            let whole = counted(&text);
            let needed = (0..).find(|steps| counted_within(&text, &mut Work::of(*steps)) == whole);
            assert!(needed.is_some_and(|steps| steps <= 10 * text.len() as u64), "{needed:?}");
        }
    }
}
