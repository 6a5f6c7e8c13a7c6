//! Look-ups of tokens of up to 16 bytes by the words that hold them. They have no branch that hangs on what is looked
//! up, and can be made in two steps, so that several are under way at once. The tables are those of `vocabulary.rs`.
#![allow(clippy::arithmetic_side_effects)] // As there; lengths are from 2 to 16.

use crate::vocabulary::{GOLDEN, RANK_BITS, Vocabulary, mask};

/// The rank of what is no token. Above all ranks.
pub(crate) const NEVER: u32 = (1 << RANK_BITS) - 1;

/// Where the entry of 3 to 7 bytes is, if they are a token, and what it then has of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Few {
    pub(crate) at: u32,
    pub(crate) rest: u64,
}

impl Vocabulary {
    /// The rank of the lowest two bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_two(&self, word: u64) -> u32 {
        self.two_byte_meta([word as u8, (word >> 8) as u8]).map_or(NEVER, rank)
    }

    /// The rank of the lowest 3 to 7 bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_few(&self, word: u64, length: usize) -> u32 {
        let few = self.few(word, length);
        let entry = self.entry(few.at);
        if self.is_few(few.rest, entry, length) { rank(entry) } else { NEVER }
    }

    /// The rank of the token of 8 to 16 bytes that starts with the one word and ends with the other, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_many(&self, first: u64, last: u64, length: usize) -> u32 {
        let Some(entry) = self.long_entry(self.many_at(first, last, length)) else { return NEVER };
        // Behind the token.
        let meta = word_of(entry, (length & 31) - 4) >> 32;
        if is_of(entry, first, last, length) { rank(meta) } else { NEVER }
    }

    /// Looks for the lowest 3 to 7 bytes of a word.
    #[inline]
    pub(crate) fn few(&self, word: u64, length: usize) -> Few {
        let Some(table) = self.tables.get(length & 7) else { return Few { at: 0, rest: 0 } };
        let (at, rest) = table.short_entry_at(self.blob, word & table.key_mask).unwrap_or_default();
        Few { at: at as u32, rest }
    }

    /// What is kept at a place of the blob: of up to seven bytes, all of an entry.
    #[inline]
    pub(crate) fn entry(&self, at: u32) -> u64 {
        let entry = self.blob.get(at as usize..).and_then(<[u8]>::first_chunk);
        entry.map_or(0, |eight| u64::from_le_bytes(*eight))
    }

    /// Whether an entry is that of the bytes looked for.
    #[inline]
    pub(crate) fn is_few(&self, rest: u64, entry: u64, length: usize) -> bool {
        self.tables.get(length & 7).is_some_and(|table| table.rest_of(entry) == rest)
    }

    /// Where the entry is of 8 to 16 bytes that start with the one word and end with the other, if they are a token.
    #[inline]
    pub(crate) fn many_at(&self, first: u64, last: u64, length: usize) -> u32 {
        let Some(table) = self.tables.get(length & 31) else { return 0 };
        let mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
        let more = (mixed ^ first).wrapping_mul(table.multiplier).rotate_left(29);
        let mixed = if length == 8 { mixed } else { more };
        let hash = (mixed ^ (mixed >> 32)).wrapping_mul(table.multiplier);
        table.long_entry_at(self.blob, hash).unwrap_or_default() as u32
    }

    /// Whether the entry is theirs.
    #[inline]
    pub(crate) fn is_many(&self, at: u32, first: u64, last: u64, length: usize) -> bool {
        self.long_entry(at).is_some_and(|entry| is_of(entry, first, last, length))
    }

    /// More than an entry of up to 16 bytes.
    #[inline]
    fn long_entry(&self, at: u32) -> Option<&LongEntry> {
        self.blob.get(at as usize..)?.first_chunk()
    }
}

/// With room for a word wherever one may be asked for.
type LongEntry = [u8; 40];

#[inline]
fn is_of(entry: &LongEntry, first: u64, last: u64, length: usize) -> bool {
    (word_of(entry, 0) ^ first) | (word_of(entry, (length & 31) - 8) ^ last) == 0
}

#[inline]
fn word_of(entry: &LongEntry, at: usize) -> u64 {
    entry.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
}

#[inline]
fn rank(meta: u64) -> u32 {
    meta as u32 & mask(RANK_BITS) as u32
}
