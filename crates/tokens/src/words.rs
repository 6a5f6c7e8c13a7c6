//! Look-ups of tokens of up to 16 bytes by the words that hold them. They have no branch that hangs on what is looked
//! up, so several can be under way at once. The tables are those of `vocabulary.rs`.
#![allow(clippy::arithmetic_side_effects)] // As there; lengths are from 2 to 16.

use crate::vocabulary::{GOLDEN, RANK_BITS, Vocabulary, mask};

/// The rank of what is no token. Above all ranks.
pub(crate) const NEVER: u32 = (1 << RANK_BITS) - 1;

impl Vocabulary {
    /// The rank of the lowest two bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_two(&self, word: u64) -> u32 {
        rank(self.two_byte_meta([word as u8, (word >> 8) as u8]))
    }

    /// The rank of the lowest 3 to 7 bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_few(&self, word: u64, length: usize) -> u32 {
        let Some(table) = self.tables.get(length & 7) else { return NEVER };
        rank(self.short_meta(table, word & table.key_mask))
    }

    /// The rank of the token of 8 to 16 bytes that starts with the one word and ends with the other, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_many(&self, first: u64, last: u64, length: usize) -> u32 {
        let Some(table) = self.tables.get(length & 31) else { return NEVER };
        let mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
        let more = (mixed ^ first).wrapping_mul(table.multiplier).rotate_left(29);
        let mixed = if length == 8 { mixed } else { more };
        let hash = (mixed ^ (mixed >> 32)).wrapping_mul(table.multiplier);
        let Some(entry_at) = table.long_entry_at(self.blob, hash) else { return NEVER };
        // The token, then at most four bytes.
        let Some(entry) = self.blob.get(entry_at..).and_then(<[u8]>::first_chunk::<20>) else { return NEVER };
        let word = |at: usize| {
            entry.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
        };
        let differs = (word(0) ^ first) | (word((length - 8) & 15) ^ last) != 0;
        if differs { NEVER } else { rank(Some(word((length & 31) - 4) >> 32)) }
    }
}

#[inline]
fn rank(meta: Option<u64>) -> u32 {
    meta.map_or(NEVER, |meta| meta as u32 & mask(RANK_BITS) as u32)
}
