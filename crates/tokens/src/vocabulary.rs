//! Looking tokens up in place, in a read-only blob of the data segment. Nothing is built at run time.
//!
//! The blob (`examples/generate/vocabulary.rs` makes it; little endian):
//!
//! ```text
//! 129 records of 32 bytes, by token length:
//!     slots u32, where the displacements are u32, where the entries are u32,
//!     bits of the key that the slot stands for u8, bits of the bucket u8, bytes of an entry u8, bits of the split u8,
//!     multiplier u64, 8 unused
//! 32,768 u16 by the hash of a token's first four bytes: bit i: tokens of 4+i bytes begin so; bit 15: longer ones do
//! 4,096 u8 by the same hash: the length of the longest of those longer ones
//! 262,144 bits by the hash of up to two bytes each before and behind the place where a token's two parts meet
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
//! The split is the length of the left one of the two tokens from which merging makes this one; 0 where it never does.
#![allow(clippy::arithmetic_side_effects)] // Lengths are below 129, offsets below the blob's size: no sum here wraps.

const RANK_BITS: u32 = 18;
const RECORD: usize = 32;
const STARTS_AT: usize = LENGTHS * RECORD;
const LONG_STARTS_AT: usize = STARTS_AT + (2 << 15);
const MEETINGS_AT: usize = LONG_STARTS_AT + (1 << 12);
const LENGTHS: usize = LONGEST + 1;
/// The longest token of either vocabulary, in bytes.
pub(crate) const LONGEST: usize = 128;
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

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
    blob: &'static [u8],
    tables: [Table; LENGTHS],
}

#[derive(Clone, Copy, Debug)]
struct Table {
    slots: u32,
    displacements_at: u32,
    entries_at: u32,
    offset_bits: u8,
    bucket_bits: u8,
    stride: u8,
    split_bits: u8,
    multiplier: u64,
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
        Vocabulary { blob, tables }
    }

    /// Whether `text[start..end]` is a token, made by merging or not.
    #[inline]
    pub(crate) fn contains(&self, text: &[u8], start: usize, end: usize) -> bool {
        self.meta(text, start, end).is_some()
    }

    /// The token `text[start..end]`, if there is one and merging makes it.
    pub(crate) fn find(&self, text: &[u8], start: usize, end: usize) -> Option<Token> {
        let meta = self.meta(text, start, end)?;
        let token = Token {
            length: end - start,
            rank: (meta & mask(RANK_BITS)) as u32,
            split: (meta >> RANK_BITS) as usize,
        };
        (token.split > 0 || token.length == 1).then_some(token)
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

    /// Whether there may be a token of that length at `start`: no look-up where that is clear.
    #[inline]
    pub(crate) fn may_hold(&self, text: &[u8], start: usize, length: usize) -> bool {
        if length < 4 {
            return true;
        }
        let hash = (load(text, start) as u32).wrapping_mul(0x9E37_79B1) as usize;
        let mask_at = STARTS_AT + (hash >> 17) * 2;
        let mask =
            self.blob.get(mask_at..).and_then(<[u8]>::first_chunk).map_or(0, |two| u16::from_le_bytes(*two));
        mask >> (length - 4).min(15) & 1 != 0
    }

    /// Whether a token may have parts that meet at `at`, with at least so many bytes on either side. If not, none of the
    /// parts that end or start there can be joined.
    #[inline]
    pub(crate) fn may_meet(&self, text: &[u8], at: usize, left: usize, right: usize) -> bool {
        let Some(around) = at.checked_sub(2).and_then(|from| text.get(from..)?.first_chunk()) else {
            return true;
        };
        let around = u32::from_le_bytes(*around);
        let holds = |key: u32| {
            let hash = key.wrapping_mul(0x9E37_79B1) as usize >> 14;
            self.blob.get(MEETINGS_AT + hash / 8).is_some_and(|bits| bits >> (hash % 8) & 1 != 0)
        };
        holds(around & 0x00FF_FF00)
            || right > 1 && holds(around & 0xFFFF_FF00)
            || left > 1 && (holds(around & 0x00FF_FFFF) || right > 1 && holds(around))
    }

    /// Which lengths tokens have that may start like `text[start..]`, the longest first.
    pub(crate) fn lengths(&self, text: &[u8], start: usize, end: usize) -> Lengths {
        let room = end - start;
        let (mut mask, mut longest) = (0, 0);
        if room >= 4 {
            let hash = (load(text, start) as u32).wrapping_mul(0x9E37_79B1) as usize;
            let mask_at = STARTS_AT + (hash >> 17) * 2;
            mask = self
                .blob
                .get(mask_at..)
                .and_then(<[u8]>::first_chunk)
                .map_or(0, |two| u16::from_le_bytes(*two));
            if mask >> 15 != 0 {
                longest =
                    self.blob.get(LONG_STARTS_AT + (hash >> 20)).map_or(0, |longest| usize::from(*longest));
            }
        }
        Lengths { short: u32::from(mask & 0x7FFF) << 4 | 0b1110, longest: longest.min(room), room }
    }
}

/// Candidate lengths, from the longest down; see [`Vocabulary::lengths`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lengths {
    /// Bit `n`: length `n` is possible, `n` up to 18.
    short: u32,
    /// The next one of those above 18.
    longest: usize,
    room: usize,
}

impl Lengths {
    /// Only those below `length`.
    pub(crate) fn below(self, length: usize) -> Lengths {
        Lengths { longest: self.longest.min(length - 1), room: self.room.min(length - 1), ..self }
    }
}

impl Iterator for Lengths {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        if self.longest > 18 {
            self.longest -= 1;
            return Some(self.longest + 1);
        }
        let possible = self.short & (((2u64 << self.room.min(31)) - 1) as u32);
        let length = possible.checked_ilog2()?;
        self.short &= !(1 << length);
        Some(length as usize)
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
    fn entry_at(&self, blob: &[u8], (bucket, offset): (u64, u64)) -> Option<usize> {
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
fn spread(hash: u64, table: &Table) -> (u64, u64) {
    let bucket = hash.checked_shr(64 - u32::from(table.bucket_bits)).unwrap_or(0);
    (bucket, ((hash >> 16 & 0xFFFF_FFFF) * u64::from(table.slots)) >> 32)
}

/// Equality of two texts of one length, of eight bytes or more.
#[inline]
fn same(one: &[u8], other: &[u8]) -> bool {
    let (Some(start), Some(end)) = (one.first_chunk::<8>(), one.last_chunk::<8>()) else { return false };
    other.first_chunk() == Some(start) && other.last_chunk() == Some(end) && (one.len() <= 16 || one == other)
}

const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// Eight bytes from `at`, zeros beyond the end.
#[inline]
fn load(bytes: &[u8], at: usize) -> u64 {
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
