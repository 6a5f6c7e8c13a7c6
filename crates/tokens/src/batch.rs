//! Counting the pieces of a window together: first all look-ups of short pieces, then those of longer ones, then what is
//! no token as a whole. Each loop does one thing, so that it has hardly a branch to mispredict, and look-ups that
//! wait for memory wait at the same time.
#![allow(clippy::arithmetic_side_effects)] // Positions within 64 bytes.

use crate::{
    bytes::WIDTH,
    merge,
    parts::Parts,
    short::{self, Words},
    split,
    vocabulary::{Vocabulary, load},
    window::{self, LOADED, Pieces},
    words::NEVER,
    work::Work,
};

/// The tokens of some pieces of `o200k` from `at` on, and where they end; `None` if the work does not suffice.
#[inline]
pub(crate) fn o200k(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    parts: &mut Parts,
    work: &mut Work,
) -> Option<(u64, usize)> {
    let rest = text.get(at..)?;
    let mut copy = [0; LOADED];
    let (bytes, of_text): (&[u8; LOADED], _) = match rest.first_chunk() {
        Some(bytes) => (bytes, None),
        None => {
            copy.get_mut(..rest.len())?.copy_from_slice(rest);
            (&copy, (rest.len() <= WIDTH).then_some(rest.len()))
        }
    };
    // Words of Han, kana and the scripts of India rarely end within a window; emoji make none.
    let pieces = match bytes {
        [0xE0 | 0xE3..=0xFF, ..] | [_, 0xE0 | 0xE3..=0xFF, ..] => Pieces::NONE,
        _ => window::o200k(bytes, of_text),
    };
    if pieces.end == 0 {
        return one(vocabulary, split::o200k, text, at, parts, work);
    }
    work.read(2 * pieces.end)?;
    work.steps(u64::from(pieces.starts.count_ones()))?;
    let missed = missed(vocabulary, bytes, pieces);
    let mut tokens = u64::from((pieces.starts & !missed).count_ones());
    let mut left = missed;
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        let end = end_of(pieces, start);
        tokens += if end - start <= short::LONGEST && bytes.get(start + 4..end).is_none_or(<[u8]>::is_ascii) {
            work.steps((end - start) as u64)?;
            short::count(vocabulary, bytes, start, end - start)
        } else {
            merge::count_merged(vocabulary, text, at + start, at + end, parts, work)?
        };
    }
    Some((tokens, at + pieces.end))
}

/// The tokens of the piece at `at`, and where it ends; `None` if the work does not suffice.
#[inline]
pub(crate) fn one(
    vocabulary: &Vocabulary,
    piece_end: impl Fn(&[u8], usize) -> usize,
    text: &[u8],
    at: usize,
    parts: &mut Parts,
    work: &mut Work,
) -> Option<(u64, usize)> {
    let visible = work.within_reach(text, at);
    let end = piece_end(visible, at);
    if end == visible.len() && end < text.len() {
        work.read(usize::MAX)?;
    }
    let length = end - at;
    // Finding a piece of a few bytes costs as much as a look-up.
    work.step()?;
    work.read(length)?;
    // Words behind a dash or a blank that is not ASCII; other scripts are merged by characters.
    let mixed = (5..=short::LONGEST).contains(&length) && text.get(at + 4..end).is_some_and(<[u8]>::is_ascii);
    if mixed && !vocabulary.contains(text, at, end) {
        work.steps(length as u64)?;
        return Some((short::count(vocabulary, text, at, length), end));
    }
    Some((merge::count(vocabulary, text, at, end, parts, work)?, end))
}

/// Which pieces are no tokens.
#[inline]
fn missed(vocabulary: &Vocabulary, bytes: &[u8; LOADED], pieces: Pieces) -> u64 {
    let ends = pieces.starts | 1u64.checked_shl(pieces.end as u32).unwrap_or(0);
    // Pieces that end within seven bytes, and within sixteen.
    let within_two = ends >> 1 | ends >> 2;
    let within_four = within_two | within_two >> 2;
    let within_seven = within_four | within_four >> 3;
    let within_sixteen = within_seven | within_seven >> 7 | within_two >> 14;
    let mut missed = 0;
    let mut left = pieces.starts & ends >> 2 & !(ends >> 1);
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        missed |= u64::from(vocabulary.rank_of_two(word(bytes, start)) == NEVER) << start;
    }
    let mut left = pieces.starts & within_seven & !within_two;
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        let length = (ends >> start >> 1).trailing_zeros() as usize + 1;
        missed |= u64::from(vocabulary.rank_of_few(word(bytes, start), length) == NEVER) << start;
    }
    let mut left = pieces.starts & within_sixteen & !within_seven;
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        let length = (ends >> start >> 1).trailing_zeros() as usize + 1;
        let (first, last) = (word(bytes, start), word(bytes, start + length - 8));
        missed |= u64::from(vocabulary.rank_of_many(first, last, length) == NEVER) << start;
    }
    let mut left = pieces.starts & !within_sixteen;
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        missed |= u64::from(!vocabulary.contains(bytes, start, end_of(pieces, start))) << start;
    }
    missed
}

impl Words for [u8; LOADED] {
    #[inline]
    fn word(&self, at: usize) -> u64 {
        word(self, at)
    }
}

impl Words for [u8] {
    #[inline]
    fn word(&self, at: usize) -> u64 {
        load(self, at)
    }
}

#[inline]
fn word(bytes: &[u8; LOADED], at: usize) -> u64 {
    bytes.get(at & 63..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// Where the piece ends that starts at `start`.
#[inline]
fn end_of(pieces: Pieces, start: usize) -> usize {
    let next = pieces.starts >> start >> 1;
    if next == 0 { pieces.end } else { start + 1 + next.trailing_zeros() as usize }
}
