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
//! 256 u8 by byte: its rank
//! 96 times 96 u24 by two ASCII characters from U+0020 on: rank and split of the two; 0 if they are no token
//! for every length from 3 on: displacements u16 by bucket, entries
//! ```
//!
//! Tokens of one length share a minimal perfect hash: the key's hash gives a bucket and an offset, the slot is the
//! offset displaced by what the bucket says. So a look-up reads one displacement and one entry, whether it finds or not.
//!
//! * Up to 7 bytes an entry is one integer of at most 64 bits: rank in the lowest 18 bits, split, and the rest of the
//!   key. The key is first permuted (xor-shift and an odd factor, both bijections); the permuted key's
//!   topmost bits are the offset, the hash of the rest names the bucket. Equal rest means equal bucket, equal slot then equal
//!   offset, so equal key: the offset need not be stored.
//! * From 8 bytes on an entry is the token's bytes, then rank and split.
//! * Two bytes that are not both such ASCII are kept among the three-byte ones, as if 0xFF followed, which is never in UTF-8.
//!
//! The split is the length of the left one of the two tokens from which merging makes this one; 0 for a single byte. The
//! generator has checked that merging makes every token, and both its parts before it.
#![allow(clippy::arithmetic_side_effects)] // Lengths are below 129, offsets below the blob's size: no sum here wraps.

pub(crate) const RANK_BITS: u32 = 18;
const RECORD: usize = 32;
const CHARACTERS_AT: usize = LENGTHS * RECORD;
const CROSSINGS_AT: usize = CHARACTERS_AT + (0x1_0000 + 0xC00) / 8;
const PAIRS_AT: usize = CROSSINGS_AT + (1 << 18) / 8;
const BYTES_AT: usize = PAIRS_AT + (1 << 18) / 8;
const TWO_BYTES_AT: usize = BYTES_AT + 256;
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
}

/// The tokens of one length: what its record says, in the form that looking up needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Table {
    pub(crate) multiplier: u64,
    /// Of keys up to 7 bytes: all their bits, and those of the permuted key that an entry holds.
    pub(crate) key_mask: u64,
    pub(crate) rest_mask: u64,
    pub(crate) rest_bits: u8,
    /// How far such a key is shifted to be permuted.
    pub(crate) fold: u8,
    /// What leaves of 63 bits those of the bucket.
    pub(crate) bucket_shift: u8,
    pub(crate) meta_bits: u8,
    pub(crate) slots: u32,
    pub(crate) displacements_at: u32,
    pub(crate) entries_at: u32,
    pub(crate) stride: u32,
}

impl Vocabulary {
    pub(crate) const fn of(blob: &'static [u8]) -> Vocabulary {
        let mut tables = [Table::read(blob, 0); LENGTHS];
        let mut length = 1;
        while length < LENGTHS {
            #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
            {
                tables[length] = Table::read(blob, length);
            }
            length += 1;
        }
        Vocabulary { blob, tables }
    }

    /// Whether `text[start..end]` is a token.
    #[inline]
    pub(crate) fn contains(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.meta(text, start, end).is_some()
    }

    /// The rank of `text[start..end]`, if it is a token.
    #[inline]
    pub(crate) fn rank(&self, text: &[u8], start: usize, end: usize) -> Option<u32> {
        self.meta(text, start, end).map(|meta| meta as u32 & mask(RANK_BITS) as u32)
    }

    /// The token `text[start..end]`, if there is one.
    pub(crate) fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Token> {
        let length = end - start;
        let meta = self.meta(text, start, end)?;
        let rank = meta as u32 & mask(RANK_BITS) as u32;
        let split = match length {
            1 => 0,
            2 => 1,
            _ => (meta & mask(u32::from(self.tables.get(length)?.meta_bits))) >> RANK_BITS,
        };
        Some(Token { length, rank, split: split as usize })
    }

    /// From the lowest bit up: the rank of `text[start..end]`, its split, and bits that mean nothing.
    #[inline]
    fn meta(&self, text: &[u8], start: usize, end: usize) -> Option<u64> {
        let length = end - start;
        if length == 2 {
            return self.two_byte_meta(*text.get(start..)?.first_chunk()?);
        }
        let table = self.tables.get(length)?;
        if length > 7 {
            return self.long_meta(table, text.get(start..end)?);
        }
        if length == 1 {
            return Some(u64::from(*self.blob.get(BYTES_AT + usize::from(*text.get(start)?))?));
        }
        self.short_meta(table, load(text, start) & table.key_mask)
    }

    #[inline]
    pub(crate) fn two_byte_meta(&self, [first, second]: [u8; 2]) -> Option<u64> {
        let (row, column) = (first.wrapping_sub(b' '), second.wrapping_sub(b' '));
        if row < 96 && column < 96 {
            let entry_at = TWO_BYTES_AT + 3 * (usize::from(row) * 96 + usize::from(column));
            let entry =
                u32::from_le_bytes(*self.blob.get(entry_at..entry_at + 4)?.first_chunk()?) & 0x00FF_FFFF;
            return (entry != 0).then_some(u64::from(entry));
        }
        let table = self.tables.get(3)?;
        self.short_meta(table, u64::from(first) | u64::from(second) << 8 | 0x00FF_0000)
    }

    #[inline]
    pub(crate) fn short_meta(&self, table: &Table, key: u64) -> Option<u64> {
        let (entry_at, rest) = table.short_entry_at(self.blob, key)?;
        let entry = u64::from_le_bytes(*self.blob.get(entry_at..entry_at + 8)?.first_chunk()?);
        (table.rest_of(entry) == rest).then_some(entry)
    }

    #[inline(never)]
    fn long_meta(&self, table: &Table, token: &[u8]) -> Option<u64> {
        if table.slots == 0 {
            return None;
        }
        let last = u64::from_le_bytes(*token.last_chunk()?);
        let mut mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
        for eight in token.as_chunks().0.iter().take((token.len() - 1) / 8) {
            mixed = (mixed ^ u64::from_le_bytes(*eight)).wrapping_mul(table.multiplier).rotate_left(29);
        }
        let hash = (mixed ^ (mixed >> 32)).wrapping_mul(table.multiplier);
        let entry_at = table.long_entry_at(self.blob, hash)?;
        let entry = self.blob.get(entry_at..entry_at + token.len() + 4)?;
        let (key, meta) = entry.split_at_checked(token.len())?;
        same(key, token).then_some(u64::from(u32::from_le_bytes(*meta.first_chunk()?)))
    }

    /// Whether a character is a token. `false` may be wrong outside the blocks that the blob knows.
    #[inline]
    pub(crate) fn is_token(&self, character: Character) -> bool {
        match character.code_point {
            point @ 0..0x1_0000 => self.bit(CHARACTERS_AT, point),
            point @ 0x1_F000..0x1_FC00 => self.bit(CHARACTERS_AT, point - 0xF000),
            _ => false,
        }
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
    code_point: u32,
    pub(crate) length: usize,
}

impl Character {
    /// The one that starts at `at`.
    #[inline]
    pub(crate) fn at(text: &[u8], at: usize) -> Character {
        let four = match text.get(at..).and_then(<[u8]>::first_chunk) {
            Some(four) => u32::from_le_bytes(*four),
            None => load_short(text, at) as u32,
        };
        let (one, two, three) = (four >> 8 & 63, four >> 16 & 63, four >> 24 & 63);
        let (length, mask, code_point) = match four & 0xFF {
            first @ 0..0x80 => (1, 0xFF, first),
            first @ 0xE0..0xF0 => (3, 0x00FF_FFFF, (first & 15) << 12 | one << 6 | two),
            first @ 0..0xE0 => (2, 0xFFFF, (first & 31) << 6 | one),
            first => (4, 0xFFFF_FFFF, (first & 7) << 18 | one << 12 | two << 6 | three),
        };
        Character { bytes: four & mask, code_point, length }
    }

    #[inline]
    pub(crate) fn is_ascii(self) -> bool {
        self.bytes < 0x80
    }
}

impl Table {
    const fn read(blob: &[u8], length: usize) -> Table {
        let at = length * RECORD;
        let (offset_bits, bucket_bits) = (read(blob, at + 12, 1) as u8, read(blob, at + 13, 1) as u8);
        let short = length > 2 && length < 8;
        let key_bits = if short { 8 * length as u8 } else { 0 };
        let rest_bits = if short { key_bits - offset_bits } else { 0 };
        Table {
            multiplier: read(blob, at + 16, 8),
            key_mask: mask(key_bits as u32),
            rest_mask: mask(rest_bits as u32),
            rest_bits,
            fold: key_bits / 2,
            bucket_shift: 63 - bucket_bits,
            meta_bits: RANK_BITS as u8 + read(blob, at + 15, 1) as u8,
            slots: read(blob, at, 4) as u32,
            displacements_at: read(blob, at + 4, 4) as u32,
            entries_at: read(blob, at + 8, 4) as u32,
            stride: read(blob, at + 14, 1) as u32,
        }
    }

    /// What an entry of up to 7 bytes holds of them.
    #[inline]
    pub(crate) fn rest_of(&self, entry: u64) -> u64 {
        entry >> (self.meta_bits & 63) & self.rest_mask
    }

    /// Where the entry is of up to 7 bytes, and what it holds of them if they are a token.
    #[inline]
    pub(crate) fn short_entry_at(&self, blob: &[u8], key: u64) -> Option<(usize, u64)> {
        let permuted = (key ^ (key >> (self.fold & 63))).wrapping_mul(self.multiplier) & self.key_mask;
        let rest = permuted & self.rest_mask;
        let bucket = rest.wrapping_mul(self.multiplier) >> 1 >> (self.bucket_shift & 63);
        let entry_at = self.entry_at(blob, bucket as u32, (permuted >> (self.rest_bits & 63)) as u32)?;
        Some((entry_at, rest))
    }

    /// Where the entry is of a token of 8 bytes or more with that hash.
    #[inline]
    pub(crate) fn long_entry_at(&self, blob: &[u8], hash: u64) -> Option<usize> {
        let offset = ((hash >> 16 & 0xFFFF_FFFF) * u64::from(self.slots)) >> 32;
        self.entry_at(blob, (hash >> 1 >> (self.bucket_shift & 63)) as u32, offset as u32)
    }

    /// Where the entry is for a bucket and an offset below the number of slots.
    #[inline]
    fn entry_at(&self, blob: &[u8], bucket: u32, offset: u32) -> Option<usize> {
        let at = self.displacements_at.wrapping_add(2 * bucket) as usize;
        let displacement = u16::from_le_bytes(*blob.get(at..at + 2)?.first_chunk()?);
        let slot = offset.wrapping_add(u32::from(displacement));
        let slot = if slot >= self.slots { slot - self.slots } else { slot };
        Some(self.entries_at.wrapping_add(slot.wrapping_mul(self.stride)) as usize)
    }
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
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => load_short(bytes, at),
    }
}

#[cold]
fn load_short(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..).unwrap_or(&[]).iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

const fn read(blob: &[u8], at: usize, bytes: usize) -> u64 {
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
