//! Look-ups of tokens of up to 16 bytes by the words that hold them. They have no branch that hangs on what is looked
//! up, so several can be under way at once. The tables are those of `vocabulary.rs`.
#![allow(clippy::arithmetic_side_effects)] // As there; lengths are from 2 to 16.

use crate::vocabulary::{GOLDEN, RANK_BITS, Table, Vocabulary, load, mask, read, spread};

/// The rank of what is no token. Above all ranks.
pub(crate) const NEVER: u32 = (1 << RANK_BITS) - 1;

/// The printable ASCII characters, and the delete character.
const FIRST: usize = 0x20;
const NUMBER: usize = 0x60;

/// The ranks of two printable characters each: most of what English is first merged from.
#[derive(Debug)]
pub(crate) struct Pairs([u16; NUMBER * NUMBER]);

/// In [`Pairs`]: no token.
const NONE: u16 = u16::MAX;
/// In [`Pairs`]: a rank that has no room there.
const GREAT: u16 = u16::MAX - 1;

impl Pairs {
    /// Out of the table of the tokens of two bytes.
    pub(crate) const fn of(blob: &[u8], table: Table) -> Pairs {
        let mut ranks = [NONE; NUMBER * NUMBER];
        let (mut slot, stride) = (0, table.stride as usize);
        while slot < table.slots as usize {
            let entry = read(blob, table.entries_at as usize + slot * stride, stride);
            let pair = (entry >> (RANK_BITS + table.split_bits as u32)) as usize;
            let (first, second) = ((pair & 0xFF).wrapping_sub(FIRST), (pair >> 8).wrapping_sub(FIRST));
            let rank = entry & mask(RANK_BITS);
            if first < NUMBER && second < NUMBER {
                #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
                {
                    ranks[first * NUMBER + second] = if rank < GREAT as u64 { rank as u16 } else { GREAT };
                }
            }
            slot += 1;
        }
        Pairs(ranks)
    }
}

impl Vocabulary {
    /// The rank of the lowest two bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_two(&self, word: u64) -> u32 {
        let (first, second) = (word as usize & 0xFF, word as usize >> 8 & 0xFF);
        let (first, second) = (first.wrapping_sub(FIRST), second.wrapping_sub(FIRST));
        if first < NUMBER && second < NUMBER {
            match self.pairs.0.get(first * NUMBER + second) {
                Some(&NONE) | None => return NEVER,
                Some(&GREAT) => {}
                Some(rank) => return u32::from(*rank),
            }
        }
        self.rank(&word.to_le_bytes(), 0, 2).unwrap_or(NEVER)
    }

    /// The rank of the lowest 3 to 7 bytes of a word, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_few(&self, word: u64, length: usize) -> u32 {
        let Some(table) = self.tables.get(length & 7) else { return NEVER };
        let bits = 8 * (length & 7) as u32;
        let key = word & mask(bits);
        let permuted = (key ^ (key >> (bits / 2))).wrapping_mul(table.multiplier) & mask(bits);
        let rest_bits = (bits - u32::from(table.offset_bits)) & 63;
        let rest = permuted & mask(rest_bits);
        let bucket = rest.wrapping_mul(table.multiplier) >> ((64 - u32::from(table.bucket_bits)) & 63);
        let Some(entry_at) = table.entry_at(self.blob, (bucket, permuted >> rest_bits)) else { return NEVER };
        let entry = load(self.blob, entry_at) & mask(8 * u32::from(table.stride));
        let rank = (entry & mask(RANK_BITS)) as u32;
        if entry >> (RANK_BITS + u32::from(table.split_bits)) == rest { rank } else { NEVER }
    }

    /// The rank of the token of 8 to 16 bytes that starts with the one word and ends with the other, or [`NEVER`].
    #[inline]
    pub(crate) fn rank_of_many(&self, first: u64, last: u64, length: usize) -> u32 {
        let Some(table) = self.tables.get(length & 31) else { return NEVER };
        let mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
        let more = (mixed ^ first).wrapping_mul(table.multiplier).rotate_left(29);
        let mixed = if length == 8 { mixed } else { more };
        let place = spread((mixed ^ (mixed >> 32)).wrapping_mul(table.multiplier), table);
        let Some(entry_at) = table.entry_at(self.blob, place) else { return NEVER };
        let same = load(self.blob, entry_at) == first && load(self.blob, entry_at + length - 8) == last;
        let rank = (load(self.blob, entry_at + length) & mask(RANK_BITS)) as u32;
        if same { rank } else { NEVER }
    }
}
