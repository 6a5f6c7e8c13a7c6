//! Merging as it is defined, in pieces of up to 16 bytes: all their pairs fit into a few registers.
#![allow(clippy::arithmetic_side_effects)] // Positions in a piece.

use crate::{vocabulary::Vocabulary, words::NEVER};

/// The longest piece that is merged here.
pub(crate) const LONGEST: usize = 16;

/// Some bytes of a text, with room for a word behind each that may start a piece.
pub(crate) trait Words {
    fn word(&self, at: usize) -> u64;
}

/// The number of tokens of the piece of that length, 2 to [`LONGEST`], that starts at `start` and is no token.
#[inline]
pub(crate) fn count(
    vocabulary: &Vocabulary,
    bytes: &(impl Words + ?Sized),
    start: usize,
    length: usize,
) -> u64 {
    let first = bytes.word(start);
    match length {
        2 => return 2,
        3 => {
            let joined = vocabulary.rank_of_two(first).min(vocabulary.rank_of_two(first >> 8)) < NEVER;
            return 3 - u64::from(joined);
        }
        _ => {}
    }
    // By where a part starts: the rank of it and the next one together, then where it starts, so that of equal ranks the
    // leftmost is the lowest.
    let mut pairs = [i32::MAX; LONGEST];
    for (at, pair) in pairs.iter_mut().enumerate().take(length - 1) {
        *pair = key(vocabulary.rank_of_two(bytes.word(start + at)), at);
    }
    // A bit for each part that starts, and for the end.
    let mut starts = (2u32 << length) - 1;
    loop {
        let lowest = pairs.iter().copied().fold(i32::MAX, i32::min);
        if lowest >= key(NEVER, 0) {
            return u64::from(starts.count_ones()) - 1;
        }
        let part = lowest as usize % LONGEST;
        let behind = starts >> part >> 1;
        let gone = part + 1 + behind.trailing_zeros() as usize;
        starts &= !(1 << gone);
        let next = gone + 1 + (starts >> gone >> 1).trailing_zeros() as usize;
        let rank = |from: usize, to: usize| {
            let length = to - from;
            if length < 8 {
                vocabulary.rank_of_few(bytes.word(start + from), length)
            } else {
                vocabulary.rank_of_many(bytes.word(start + from), bytes.word(start + to - 8), length)
            }
        };
        let mut put = |at: usize, pair: i32| pairs.get_mut(at % LONGEST).map(|slot| *slot = pair);
        put(gone, i32::MAX);
        let after = next + 1 + (starts >> next >> 1).trailing_zeros() as usize;
        put(part, if next < length { key(rank(part, after), part) } else { i32::MAX });
        if let Some(before) = (starts & ((1 << part) - 1)).checked_ilog2() {
            put(before as usize, key(rank(before as usize, next), before as usize));
        }
    }
}

#[inline]
fn key(rank: u32, at: usize) -> i32 {
    (rank * LONGEST as u32) as i32 | at as i32
}
