//! Counting the pieces of a window together: first all look-ups of short pieces, then those of longer ones, then what is
//! no token as a whole. Each loop does one thing, so that it has hardly a branch to mispredict, and look-ups that
//! wait for memory wait at the same time.
#![allow(clippy::arithmetic_side_effects)] // Positions within 64 bytes.

use crate::{
    bytes::WIDTH,
    merge,
    parts::Parts,
    split,
    vocabulary::Vocabulary,
    window::{self, Pieces},
    work::Work,
};

/// A window, and behind it as many bytes as a look-up may load.
pub(crate) const LOADED: usize = WIDTH + 8;

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
    // Where the first characters are not ASCII, there is hardly a piece to be found in the window.
    let pieces = match bytes.first_chunk::<4>() {
        Some(four) if four.is_ascii() => window::o200k(bytes.first_chunk()?, of_text),
        _ => Pieces::NONE,
    };
    if pieces.end == 0 {
        return one(vocabulary, split::o200k, text, at, parts, work);
    }
    work.steps(u64::from(pieces.starts.count_ones()))?;
    let missed = missed(vocabulary, bytes, pieces);
    let mut tokens = u64::from((pieces.starts & !missed).count_ones());
    let mut left = missed;
    while left != 0 {
        let start = left.trailing_zeros() as usize;
        left &= left - 1;
        tokens += merge::count_merged(vocabulary, text, at + start, at + end_of(pieces, start), parts, work)?;
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
    let end = piece_end(text, at);
    Some((merge::count(vocabulary, text, at, end, parts, work)?, end))
}

/// Which pieces are no tokens.
#[inline]
fn missed(vocabulary: &Vocabulary, bytes: &[u8; LOADED], pieces: Pieces) -> u64 {
    let ends = pieces.starts | 1u64.checked_shl(pieces.end as u32).unwrap_or(0);
    // Pieces that another follows within one byte, or within seven.
    let near = ends >> 1 | ends >> 2;
    let near = near | near >> 2;
    let near = near | near >> 3;
    let single = pieces.starts & (ends >> 1);
    let mut missed = 0;
    for mut left in [pieces.starts & near & !single, pieces.starts & !near] {
        while left != 0 {
            let start = left.trailing_zeros() as usize;
            left &= left - 1;
            let end = end_of(pieces, start);
            missed |= u64::from(!vocabulary.contains(bytes, start, end)) << start;
        }
    }
    missed
}

/// Where the piece ends that starts at `start`.
#[inline]
fn end_of(pieces: Pieces, start: usize) -> usize {
    let next = pieces.starts >> start >> 1;
    if next == 0 { pieces.end } else { start + 1 + next.trailing_zeros() as usize }
}
