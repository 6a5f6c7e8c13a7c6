//! How many tokens merging makes of a piece, without doing the merges.
//!
//! Byte-pair merging joins, again and again, the neighbours whose union has the lowest rank. Two facts make its result
//! readable from left to right (both from van Antwerpen and Neubeck, "So many tokens, so little time", GitHub 2024):
//!
//! 1. *Merging is local.* While no merge has crossed a token's bounds, what happens within them happens as if the token
//!    stood alone. So every token that merging can make has one last merge, of its left and its right part, each made
//!    in the same way: its *split*.
//! 2. *Neighbours decide.* A sequence of tokens is the result of merging iff every two neighbours, merged alone, stay as
//!    they are ([`compatible`]). And every beginning of a result is the result for that beginning.
//!
//! So there are three ways, each tried where the one before gives up:
//!
//! * [`guess`] takes the longest token, checks it against its left neighbour, and takes it back where it leads nowhere.
//!   That is quick in ordinary text. In runs of one character, where tokens of all lengths fit, it can go wrong often.
//! * [`merge_in_windows`] really merges, a window at a time, keeps the first half of what it got, and checks the seams.
//! * [`tabulate`] finds the last token of every beginning of the piece. It never fails, at several times the cost.
#![allow(clippy::arithmetic_side_effects)] // Positions in a text and small numbers: no sum here wraps.

use crate::{
    vocabulary::{LONGEST, Token, Vocabulary},
    work::Work,
};

/// How far [`guess`] can go back. A power of two, more than twice [`LONGEST`].
const TRAIL: usize = 512;
/// In [`Trail`]: this position leads nowhere.
const DEAD: u8 = u8::MAX;
/// Steps a byte that [`guess`] may take: several times what ordinary text takes.
const GUESSES: u64 = 8;
/// Bytes merged at once by [`merge_in_windows`].
const WINDOW: usize = 512;
/// A token that ends before half of the window does not feel what is behind the window's end, as a rule.
const KEPT: usize = WINDOW / 2;

/// A way to count that may have found no answer.
enum Answer {
    Tokens(u64),
    Unknown,
}

/// The number of tokens of the piece `text[start..end]`; `None` if the work does not suffice.
#[inline]
pub(crate) fn count(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    trail: &mut Trail,
    work: &mut Work,
) -> Option<u64> {
    work.step()?;
    if end - start == 1 || vocabulary.contains(text, start, end) {
        return Some(1);
    }
    count_merged(vocabulary, text, start, end, trail, work)
}

/// The same of a piece that is no token as a whole.
#[inline(never)]
pub(crate) fn count_merged(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    trail: &mut Trail,
    work: &mut Work,
) -> Option<u64> {
    let mut some = work.share(GUESSES * (end - start) as u64 + 32);
    let guessed = guess(vocabulary, text, start, end, trail, &mut some);
    work.give_back(some);
    if let Some(Answer::Tokens(tokens)) = guessed {
        return Some(tokens);
    }
    match merge_in_windows(vocabulary, text, start, end, work)? {
        Answer::Tokens(tokens) => Some(tokens),
        Answer::Unknown => tabulate(vocabulary, text, start, end, work),
    }
}

/// What is known of the last [`TRAIL`] positions: the length of the token that ends there on the way taken, or [`DEAD`].
#[derive(Debug)]
pub(crate) struct Trail {
    marks: [u8; TRAIL],
    furthest: usize,
}

impl Trail {
    /// To be used for one piece after the other, so that it is cleared once.
    pub(crate) const fn new() -> Trail {
        Trail { marks: [0; TRAIL], furthest: 0 }
    }

    fn get(&self, position: usize) -> u8 {
        if position > self.furthest { 0 } else { self.marks.get(position % TRAIL).copied().unwrap_or(0) }
    }

    fn set(&mut self, position: usize, mark: u8) {
        while self.furthest < position {
            self.furthest += 1;
            if let Some(slot) = self.marks.get_mut(self.furthest % TRAIL) {
                *slot = 0;
            }
        }
        if let Some(slot) = self.marks.get_mut(position % TRAIL) {
            *slot = mark;
        }
    }
}

/// The number of tokens by trying, the longest token first. A position that led nowhere once never will: it is marked,
/// so that every position is left behind at most once.
fn guess(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    trail: &mut Trail,
    work: &mut Work,
) -> Option<Answer> {
    trail.furthest = start;
    trail.set(start, 0);
    let mut tokens = 0;
    let mut at = start;
    let mut last: Option<Token> = None;
    let mut lengths = vocabulary.lengths(text, at, end);
    while at < end {
        match next_guess(vocabulary, text, at, &mut lengths, work)? {
            Some(token) => {
                if trail.get(at + token.length) == DEAD {
                    continue;
                }
                if let Some(last) = last
                    && !compatible(vocabulary, text, at, last, token, work)?
                {
                    continue;
                }
                at += token.length;
                trail.set(at, token.length as u8);
                tokens += 1;
                last = Some(token);
                lengths = vocabulary.lengths(text, at, end);
            }
            None => {
                // Nothing leads on from here: take the last token back and try a shorter one in its place.
                trail.set(at, DEAD);
                let wrong = last.map_or(0, |token| token.length);
                at -= wrong;
                if wrong == 0 || trail.furthest - at >= TRAIL - LONGEST {
                    return Some(Answer::Unknown);
                }
                tokens -= 1;
                last = match usize::from(trail.get(at)) {
                    0 => None,
                    length => vocabulary.find(text, at - length, at),
                };
                lengths = vocabulary.lengths(text, at, end).below(wrong);
            }
        }
    }
    Some(Answer::Tokens(tokens))
}

/// The longest token at `at` of the lengths left.
fn next_guess(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    lengths: &mut crate::vocabulary::Lengths,
    work: &mut Work,
) -> Option<Option<Token>> {
    for length in lengths {
        work.look_up(length)?;
        if let Some(token) = vocabulary.find(text, at, at + length) {
            return Some(Some(token));
        }
    }
    Some(None)
}

/// The number of tokens by merging, a window at a time. Tokens of one window are each other's right neighbours; where
/// two windows meet that is checked.
fn merge_in_windows(
    vocabulary: &Vocabulary,
    text: &[u8],
    start: usize,
    end: usize,
    work: &mut Work,
) -> Option<Answer> {
    let (mut at, mut tokens) = (start, 0);
    let mut last: Option<Token> = None;
    while at < end {
        let until = end.min(at + WINDOW);
        let mut parts = Parts::of(vocabulary, text, at, until, work)?;
        while parts.merge_lowest(vocabulary, text, work)? {}
        let kept = if until == end { end } else { at + KEPT };
        for (from, to) in parts.ranges().take_while(|(_, to)| *to <= kept) {
            let Some(token) = vocabulary.find(text, from, to) else { return Some(Answer::Unknown) };
            if from == at
                && let Some(last) = last
                && !compatible(vocabulary, text, at, last, token, work)?
            {
                return Some(Answer::Unknown);
            }
            tokens += 1;
            last = Some(token);
            at = to;
        }
    }
    Some(Answer::Tokens(tokens))
}

/// A window of a text, as far as it is merged.
struct Parts {
    /// Where the parts start, and where the last one ends.
    bounds: [usize; WINDOW + 1],
    /// The rank of each part together with the next; [`NEVER`] if that is no token.
    ranks: [u32; WINDOW + 1],
    number: usize,
}

const NEVER: u32 = u32::MAX;

impl Parts {
    fn of(vocabulary: &Vocabulary, text: &[u8], start: usize, end: usize, work: &mut Work) -> Option<Parts> {
        let mut parts = Parts { bounds: [0; WINDOW + 1], ranks: [NEVER; WINDOW + 1], number: end - start };
        for (bound, at) in parts.bounds.iter_mut().zip(start..=end) {
            *bound = at;
        }
        for part in 0..parts.number {
            parts.rank(part, vocabulary, text, work)?;
        }
        Some(parts)
    }

    /// Joins the two neighbours of lowest rank, the leftmost of equals; whether there were any.
    fn merge_lowest(&mut self, vocabulary: &Vocabulary, text: &[u8], work: &mut Work) -> Option<bool> {
        // Looking through all ranks is as much as a look-up for every few dozen of them.
        work.steps(self.number as u64 / 32)?;
        let lowest = self.ranks.iter().take(self.number).copied().min().filter(|rank| *rank != NEVER);
        let Some(part) = lowest.and_then(|lowest| self.ranks.iter().position(|rank| *rank == lowest)) else {
            return Some(false);
        };
        self.bounds.copy_within(part + 2..=self.number, part + 1);
        self.ranks.copy_within(part + 2..=self.number, part + 1);
        self.number -= 1;
        self.rank(part, vocabulary, text, work)?;
        if part > 0 {
            self.rank(part - 1, vocabulary, text, work)?;
        }
        Some(true)
    }

    fn rank(&mut self, part: usize, vocabulary: &Vocabulary, text: &[u8], work: &mut Work) -> Option<()> {
        work.look_up(2)?;
        let joined = match (self.bounds.get(part), self.bounds.get(part + 2)) {
            (Some(from), Some(to)) if part + 2 <= self.number => vocabulary.find(text, *from, *to),
            _ => None,
        };
        if let Some(rank) = self.ranks.get_mut(part) {
            *rank = joined.map_or(NEVER, |token| token.rank);
        }
        Some(())
    }

    fn ranges(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.bounds.iter().copied().zip(self.bounds.iter().copied().skip(1)).take(self.number)
    }
}

/// The number of tokens of a piece by way of the number for each of its beginnings. Every beginning ends with exactly
/// one token that fits what comes before it; each is found from its start, so that looking ahead [`LONGEST`] bytes
/// is enough.
fn tabulate(vocabulary: &Vocabulary, text: &[u8], start: usize, end: usize, work: &mut Work) -> Option<u64> {
    const AHEAD: usize = 2 * LONGEST;
    // For each position ahead: the length of the last token of the text up to there, and how many tokens it has.
    let mut ends = [(0u8, 0u64); AHEAD];
    for at in start..end {
        let (length, tokens) = ends.get(at % AHEAD).copied().unwrap_or_default();
        let last = if at == start { None } else { vocabulary.find(text, at - usize::from(length), at) };
        let mut lengths = vocabulary.lengths(text, at, end);
        while let Some(token) = next_guess(vocabulary, text, at, &mut lengths, work)? {
            let fits = match last {
                Some(last) => compatible(vocabulary, text, at, last, token, work)?,
                None => at == start,
            };
            if fits && let Some(slot) = ends.get_mut((at + token.length) % AHEAD) {
                *slot = (token.length as u8, tokens + 1);
            }
        }
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
    if !vocabulary.may_meet(text, at, left.length, right.length) {
        return work.step().map(|()| true);
    }
    let (mut left, mut right) = (left, right);
    // Only a merge of lower rank than the last one undone would have come before it.
    let mut limit = u32::MAX;
    loop {
        let joined = left.length + right.length;
        work.look_up(joined)?;
        if vocabulary.may_hold(text, at - left.length, joined)
            && let Some(both) = vocabulary.find(text, at - left.length, at + right.length)
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

    #[test]
    fn all_ways_agree_with_merging() {
        for text in pseudo_random_texts() {
            let (expected, named) = (merged(&text), String::from_utf8_lossy(&text));
            let mut work = Work::unbounded();
            let guessed = guess(&VOCABULARY, &text, 0, text.len(), &mut Trail::new(), &mut work);
            assert!(matches!(guessed, Some(Answer::Tokens(tokens)) if tokens == expected), "{named}");
            assert_eq!(tabulate(&VOCABULARY, &text, 0, text.len(), &mut work), Some(expected), "{named}");
        }
    }

    #[test]
    fn all_ways_agree_beyond_their_windows() {
        let runs = ["=", " ", "a", "-", "ab"].map(|unit| unit.repeat(1400) + "#");
        for text in runs.into_iter().chain(["abcabcabdaaaab".repeat(150)]) {
            let text = text.as_bytes();
            let mut work = Work::unbounded();
            let expected = Some(merged(text));
            assert_eq!(tabulate(&VOCABULARY, text, 0, text.len(), &mut work), expected);
            assert_eq!(count(&VOCABULARY, text, 0, text.len(), &mut Trail::new(), &mut work), expected);
            let windows = merge_in_windows(&VOCABULARY, text, 0, text.len(), &mut work);
            assert!(matches!(windows, Some(Answer::Tokens(tokens)) if Some(tokens) == expected));
        }
    }

    #[test]
    fn nothing_is_counted_beyond_the_work() {
        for text in pseudo_random_texts().take(200) {
            let whole = count(&VOCABULARY, &text, 0, text.len(), &mut Trail::new(), &mut Work::unbounded());
            let needed = (0..).find(|steps| {
                count(&VOCABULARY, &text, 0, text.len(), &mut Trail::new(), &mut Work::of(*steps)) == whole
            });
            assert!(needed.is_some_and(|steps| steps <= 60 * text.len() as u64), "{needed:?}");
        }
    }
}
