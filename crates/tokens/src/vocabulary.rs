//! Looking tokens up in place, in a read-only blob of the data segment. Nothing is built at run time.
//!
//! The blob (`examples/generate/vocabulary.rs` makes it; little endian):
//!
//! ```text
//! 129 records of 32 bytes, by token length:
//!     slots u32, where the displacements are u32, where the entries are u32,
//!     bits of the key that the slot stands for u8, bits of the bucket u8, bytes of an entry u8, bits of the split u8,
//!     multiplier u64, 8 unused
//! 68,608 bits by code point, U+0000 to U+FFFF and U+1F000 to U+1FBFF: the character is a token
//! 262,144 bits by a character's last byte and the next one's first two: the parts of a token meet there, one of which
//!     is only a part of its character
//! 262,144 bits by the hash of two characters: the parts of a token meet between them, both whole
//! for every length: displacements u16 by bucket, entries
//! ```
//!
//! Tokens of one length share a minimal perfect hash: the key's hash gives a bucket and an offset, the slot is the
//! offset displaced by what the bucket says. So a look-up reads one displacement and one entry, whether it finds or not.
//!
//! * Up to 7 bytes an entry is one integer of at most 64 bits: rank in the lowest 18 bits, split, and the rest of the
//!   key. For 3 to 7 bytes the key is first permuted (xor-shift and an odd factor, both bijections); the permuted key's
//!   topmost bits are the offset, the hash of the rest names the bucket. Equal rest means equal bucket, equal slot then equal
//!   offset, so equal key: the offset need not be stored.
//! * From 8 bytes on an entry is the token's bytes, then rank and split.
//!
//! The split is the length of the left one of the two tokens from which merging makes this one; 0 for a single byte. The
//! generator has checked that merging makes every token, and both its parts before it.
#![allow(clippy::arithmetic_side_effects)] // Lengths are below 129, offsets below the blob's size: no sum here wraps.

use crate::words::Pairs;

pub(crate) const RANK_BITS: u32 = 18;
const RECORD: usize = 32;
const CHARACTERS_AT: usize = LENGTHS * RECORD;
const CROSSINGS_AT: usize = CHARACTERS_AT + (0x1_0000 + 0xC00) / 8;
const PAIRS_AT: usize = CROSSINGS_AT + (1 << 18) / 8;
const LENGTHS: usize = LONGEST + 1;
/// The longest token of either vocabulary, in bytes.
pub(crate) const LONGEST: usize = 128;
pub(crate) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// A token as merging sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) length: usize,
    /// Merges of lower rank come first.
    pub(crate) rank: u32,
    /// Length of its left part; 0 for a single byte.
    pub(crate) split: usize,
}

#[derive(Debug)]
pub(crate) struct Vocabulary {
    pub(crate) blob: &'static [u8],
    pub(crate) tables: [Table; LENGTHS],
    pub(crate) pairs: Pairs,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) slots: u32,
    pub(crate) displacements_at: u32,
    pub(crate) entries_at: u32,
    pub(crate) offset_bits: u8,
    pub(crate) bucket_bits: u8,
    pub(crate) stride: u8,
    pub(crate) split_bits: u8,
    pub(crate) multiplier: u64,
}

impl Vocabulary {
    pub(crate) const fn of(blob: &'static [u8]) -> Vocabulary {
        let mut tables = [Table::read(blob, 0); LENGTHS];
        let mut length = 1;
        while length < LENGTHS {
            #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
            {
                tables[length] = Table::read(blob, length * RECORD);
            }
            length += 1;
        }
        Vocabulary { blob, tables, pairs: Pairs::of(blob, tables[2]) }
    }

    /// Whether `text[start..end]` is a token.
    #[inline]
    pub(crate) fn contains(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.meta(text, start, end).is_some()
    }

    /// The token `text[start..end]`, if there is one.
    pub(crate) fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Token> {
        self.meta(text, start, end).map(|meta| Token {
            length: end - start,
            rank: (meta & mask(RANK_BITS)) as u32,
            split: (meta >> RANK_BITS) as usize,
        })
    }

    /// Rank and split of `text[start..end]`.
    #[inline]
    fn meta(&self, text: &[u8], start: usize, end: usize) -> Option<u64> {
        let length = end - start;
        let table = self.tables.get(length)?;
        if table.slots == 0 {
            return None;
        }
        let meta_bits = RANK_BITS + u32::from(table.split_bits);
        if length > 7 {
            let token = text.get(start..end)?;
            let entry_at = table.entry_at(self.blob, long_place(token, table)?)?;
            let meta_at = entry_at + length;
            return same(self.blob.get(entry_at..meta_at)?, token).then_some(
                u64::from(self.blob.get(meta_at..)?.first_chunk().map(|four| u32::from_le_bytes(*four))?)
                    & mask(meta_bits),
            );
        }
        let bits = 8 * length as u32;
        let key = load(text, start) & mask(bits);
        let (place, rest) = if table.offset_bits == 0 {
            let mixed = key.wrapping_mul(table.multiplier);
            (spread((mixed ^ (mixed >> 29)).wrapping_mul(table.multiplier), table), key)
        } else {
            let permuted = (key ^ (key >> (bits / 2))).wrapping_mul(table.multiplier) & mask(bits);
            let rest_bits = bits - u32::from(table.offset_bits);
            let rest = permuted & mask(rest_bits);
            (
                (
                    rest.wrapping_mul(table.multiplier) >> (64 - u32::from(table.bucket_bits)),
                    permuted >> rest_bits,
                ),
                rest,
            )
        };
        let entry_at = table.entry_at(self.blob, place)?;
        let entry = load(self.blob, entry_at) & mask(8 * u32::from(table.stride));
        (entry >> meta_bits == rest).then_some(entry & mask(meta_bits))
    }

    /// The rank of `text[start..end]`, if it is a token.
    #[inline]
    pub(crate) fn rank(&self, text: &[u8], start: usize, end: usize) -> Option<u32> {
        self.meta(text, start, end).map(|meta| (meta & mask(RANK_BITS)) as u32)
    }

    /// Whether a character is a token. `false` may be wrong outside the planes that the blob knows.
    #[inline]
    pub(crate) fn is_token(&self, character: Character) -> bool {
        let bits = character.bytes;
        let (one, two, three) = (bits >> 8 & 63, bits >> 16 & 63, bits >> 24 & 63);
        let code_point = match character.length {
            1 => bits,
            2 => (bits & 31) << 6 | one,
            3 => (bits & 15) << 12 | one << 6 | two,
            _ => match ((bits & 7) << 18 | one << 12 | two << 6 | three).checked_sub(0xF000) {
                Some(point @ 0x1_0000..0x1_0C00) => point,
                _ => return false,
            },
        };
        self.bit(CHARACTERS_AT, code_point)
    }

    /// Whether something may be merged where two characters meet of which one is not merged to the end.
    #[inline]
    pub(crate) fn may_cross(&self, before: Character, next: Character) -> bool {
        let last = before.bytes >> (8 * before.length - 8);
        self.bit(CROSSINGS_AT, (next.bytes & 63) << 12 | (next.bytes >> 8 & 63) << 6 | last & 63)
    }

    /// Whether something may be merged where two characters meet.
    #[inline]
    pub(crate) fn may_meet(&self, before: Character, next: Character) -> bool {
        let mixed = before.bytes.wrapping_mul(0x9E37_79B1).rotate_left(15) ^ next.bytes;
        self.bit(PAIRS_AT, mixed.wrapping_mul(0x85EB_CA6B) >> 14)
    }

    #[inline]
    fn bit(&self, from: usize, bit: u32) -> bool {
        self.blob.get(from + (bit >> 3) as usize).is_some_and(|bits| bits >> (bit & 7) & 1 != 0)
    }
}

/// A character of a text in UTF-8.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Character {
    /// The first one lowest.
    bytes: u32,
    pub(crate) length: usize,
}

impl Character {
    /// The one that starts at `at`.
    #[inline]
    pub(crate) fn at(text: &[u8], at: usize) -> Character {
        let rest = text.get(at..).unwrap_or(&[]);
        let four = match rest.first_chunk() {
            Some(four) => u32::from_le_bytes(*four),
            None => load_short(rest) as u32,
        };
        // As many as there are ones on top of the first byte; none for ASCII, one within a character.
        let length = (!four << 24).leading_zeros().clamp(1, 4);
        Character { bytes: four & u32::MAX >> (32 - 8 * length), length: length as usize }
    }

    #[inline]
    pub(crate) fn is_ascii(self) -> bool {
        self.bytes < 0x80
    }
}

impl Table {
    const fn read(blob: &[u8], at: usize) -> Table {
        Table {
            slots: read(blob, at, 4) as u32,
            displacements_at: read(blob, at + 4, 4) as u32,
            entries_at: read(blob, at + 8, 4) as u32,
            offset_bits: read(blob, at + 12, 1) as u8,
            bucket_bits: read(blob, at + 13, 1) as u8,
            stride: read(blob, at + 14, 1) as u8,
            split_bits: read(blob, at + 15, 1) as u8,
            multiplier: read(blob, at + 16, 8),
        }
    }

    /// Where the entry is for a bucket and an offset below the number of slots.
    #[inline]
    pub(crate) fn entry_at(&self, blob: &[u8], (bucket, offset): (u64, u64)) -> Option<usize> {
        let displacement_at = self.displacements_at as usize + 2 * bucket as usize;
        let displacement = u16::from_le_bytes(*blob.get(displacement_at..)?.first_chunk()?);
        let slot = offset as u32 + u32::from(displacement);
        let slot = if slot >= self.slots { slot - self.slots } else { slot };
        Some(self.entries_at as usize + slot as usize * usize::from(self.stride))
    }
}

fn long_place(token: &[u8], table: &Table) -> Option<(u64, u64)> {
    let last = u64::from_le_bytes(*token.last_chunk()?);
    let mut mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
    let mut at = 0;
    while at < token.len() - 8 {
        mixed = (mixed ^ load(token, at)).wrapping_mul(table.multiplier).rotate_left(29);
        at += 8;
    }
    Some(spread((mixed ^ (mixed >> 32)).wrapping_mul(table.multiplier), table))
}

/// Bucket and offset out of a hash.
#[inline]
pub(crate) fn spread(hash: u64, table: &Table) -> (u64, u64) {
    let bucket = hash.checked_shr(64 - u32::from(table.bucket_bits)).unwrap_or(0);
    (bucket, ((hash >> 16 & 0xFFFF_FFFF) * u64::from(table.slots)) >> 32)
}

/// Equality of two texts of one length, of eight bytes or more.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let (Some(start), Some(end)) = (one.first_chunk::<8>(), one.last_chunk::<8>()) else { return false };
    other.first_chunk() == Some(start) && other.last_chunk() == Some(end) && (one.len() <= 16 || one == other)
}

pub(crate) const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// Eight bytes from `at`, zeros beyond the end.
#[inline]
pub(crate) fn load(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or(&[]);
    match rest.first_chunk() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => load_short(rest),
    }
}

#[cold]
fn load_short(rest: &[u8]) -> u64 {
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

pub(crate) const fn read(blob: &[u8], at: usize, bytes: usize) -> u64 {
    let (mut value, mut byte) = (0, 0);
    while byte < bytes {
        #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
        {
            value |= (blob[at + byte] as u64) << (8 * byte);
        }
        byte += 1;
    }
    value
}
