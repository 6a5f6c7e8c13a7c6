//! Merging as it is defined, in pieces of up to 15 bytes: all their pairs fit into a few registers.
#![allow(clippy::arithmetic_side_effects)] // Positions in a piece.

use crate::{vocabulary::Vocabulary, words::NEVER};

/// The longest piece that is merged here.
pub(crate) const LONGEST: usize = 15;
/// Where a part can start, or the last one end.
const PLACES: usize = LONGEST + 1;
/// Such a piece, and what a word may hold that starts at its end.
pub(crate) const LOADED: usize = PLACES + 8;

#[inline]
pub(crate) fn word(bytes: &[u8; LOADED], at: usize) -> u64 {
    bytes.get(at % PLACES..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The number of tokens of a piece of that length, up to [`LONGEST`], that is no token.
pub(crate) fn count(vocabulary: &Vocabulary, bytes: &[u8; LOADED], length: usize) -> u64 {
    let first = word(bytes, 0);
    match length {
        0..=2 => length as u64,
        3 => {
            let joined = vocabulary.rank_of_two(first).min(vocabulary.rank_of_two(first >> 8)) < NEVER;
            3 - u64::from(joined)
        }
        4 => of_four(vocabulary, first),
        5..=9 => merged::<8>(vocabulary, bytes, length),
        _ => merged::<PLACES>(vocabulary, bytes, length),
    }
}

/// The number of tokens of four bytes that are no token: whichever pair is joined first, there is one more step at most.
///
/// Apart from [`count`], which prose would wait for a little longer.
#[inline(never)]
fn of_four(vocabulary: &Vocabulary, word: u64) -> u64 {
    let [one, two, three] = [0, 8, 16].map(|bits| vocabulary.rank_of_two(word >> bits));
    let is_token = |rank: u32| rank < NEVER;
    let lowest = one.min(two).min(three);
    if lowest == NEVER {
        return 4;
    }
    // Of equal ranks the leftmost is joined.
    let (start, end) = (vocabulary.rank_of_few(word, 3), vocabulary.rank_of_few(word >> 8, 3));
    let joined_again = if one == lowest {
        is_token(start) | is_token(three)
    } else if two == lowest {
        is_token(start) | is_token(end)
    } else {
        is_token(one) | is_token(end)
    };
    3 - u64::from(joined_again)
}

/// `PAIRS`: room for the pairs, one less than there are bytes; a power of two.
#[inline(never)]
fn merged<const PAIRS: usize>(vocabulary: &Vocabulary, bytes: &[u8; LOADED], length: usize) -> u64 {
    // By where a part starts: the rank of it and the next one together, then where it starts, so that of equal ranks the
    // leftmost is the lowest.
    let mut pairs = [i64::MAX; PAIRS];
    for (at, pair) in pairs.iter_mut().enumerate().take(length - 1) {
        *pair = key(vocabulary.rank_of_two(word(bytes, at)), at);
    }
    // A bit for each part that starts, and for the end.
    let mut starts = (2u32 << length) - 1;
    loop {
        let lowest = lowest(pairs);
        if lowest >= key(NEVER, 0) {
            return u64::from(starts.count_ones()) - 1;
        }
        let part = lowest as usize % PAIRS;
        let behind = starts >> part >> 1;
        let gone = part + 1 + behind.trailing_zeros() as usize;
        starts &= !(1 << gone);
        let next = gone + 1 + (starts >> gone >> 1).trailing_zeros() as usize;
        let mut put = |at: usize, pair: i64| pairs.get_mut(at).map(|slot| *slot = pair);
        put(gone, i64::MAX);
        let after = next + 1 + (starts >> next >> 1).trailing_zeros() as usize;
        put(part, if next < length { key(rank(vocabulary, bytes, part, after), part) } else { i64::MAX });
        if let Some(before) = (starts & ((1 << part) - 1)).checked_ilog2() {
            put(before as usize, key(rank(vocabulary, bytes, before as usize, next), before as usize));
        }
    }
}

/// The lowest of some pairs, whose number is a power of two: by halves, so that few comparisons wait for one another.
///
/// Pairs have 64 bits to keep compilers from vectors (SSE2 compares no more than 32): loading several pairs at once would wait
/// until the one just changed is stored. Counting chat requests took a tenth longer that way.
#[inline(always)]
pub(crate) fn lowest<const PAIRS: usize>(mut pairs: [i64; PAIRS]) -> i64 {
    let mut half = PAIRS / 2;
    while half > 0 {
        let (low, high) = pairs.split_at_mut(half);
        low.iter_mut().zip(high).for_each(|(low, high)| *low = (*low).min(*high));
        half /= 2;
    }
    pairs.first().copied().unwrap_or(i64::MAX)
}

/// The rank of the 3 to [`LONGEST`] bytes between two positions.
#[inline(always)]
fn rank(vocabulary: &Vocabulary, bytes: &[u8; LOADED], from: usize, to: usize) -> u32 {
    let length = to - from;
    if length < 8 {
        vocabulary.rank_of_few(word(bytes, from), length)
    } else {
        vocabulary.rank_of_many(word(bytes, from), word(bytes, to - 8), length)
    }
}

#[inline]
fn key(rank: u32, at: usize) -> i64 {
    i64::from(rank * PLACES as u32) | at as i64
}
