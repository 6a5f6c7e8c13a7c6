//! Builds the vocabulary blob that `src/vocabulary.rs` reads in place; the layout is described there.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // Runs on a desk, not in a proxy.

use std::collections::HashMap;
use tiktoken_rs::{CoreBPE, Rank};

const LENGTHS: usize = 129;
const HEADER: usize = 32;
/// Keys of this length and below are stored as what the slot does not already say of them.
const LONGEST_PACKED: usize = 7;
/// Bits of the filters and sets of characters; see there.
const PAIRS: u32 = 18;
const CROSSINGS: u32 = 18;
const CHARACTERS: usize = 0x1_0000 + 0xC00;
const RANK_BITS: u32 = 18;
/// Odd constants to try as multipliers come from this (the golden ratio's bits, as splitmix64 uses it).
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The tokens of a vocabulary, by rank: `ranks` of them, the special tokens left out.
pub(crate) fn tokens(bpe: &CoreBPE, ranks: Rank) -> Vec<Vec<u8>> {
    (0..ranks).map(|rank| bpe.decode_bytes(&[rank]).expect("ranks have no holes")).collect()
}

/// The whole blob.
pub(crate) fn blob(tokens: &[Vec<u8>]) -> Vec<u8> {
    let splits = splits(tokens);
    let mut header = vec![0u8; LENGTHS * HEADER];
    let mut body = Vec::new();
    let characters = Characters::of(tokens, &splits);
    body.extend_from_slice(&characters.tokens());
    body.extend_from_slice(&characters.crossings());
    body.extend_from_slice(&characters.pairs());
    body.extend_from_slice(&bytes(tokens));
    body.extend_from_slice(&two_bytes(tokens, &splits));
    let keys: Vec<Vec<u8>> = tokens.iter().map(|token| key(token)).collect();
    for length in 3..LENGTHS {
        let of_length: Vec<usize> = (0..tokens.len()).filter(|&rank| keys[rank].len() == length).collect();
        if of_length.is_empty() {
            continue;
        }
        let table = Table::build(length, &of_length, &keys);
        let displacements_at = header.len() + body.len();
        for d in &table.displacements {
            body.extend_from_slice(&d.to_le_bytes());
        }
        let slots_at = header.len() + body.len();
        for slot in &table.slots {
            let rank = of_length[*slot];
            table.write_entry(&mut body, &keys[rank], rank, splits[rank]);
        }
        let record = &mut header[length * HEADER..][..HEADER];
        record[0..4].copy_from_slice(&(table.slots.len() as u32).to_le_bytes());
        record[4..8].copy_from_slice(&(displacements_at as u32).to_le_bytes());
        record[8..12].copy_from_slice(&(slots_at as u32).to_le_bytes());
        record[12] = table.offset_bits as u8;
        record[13] = table.bucket_bits as u8;
        record[14] = table.stride() as u8;
        record[15] = table.split_bits() as u8;
        record[16..24].copy_from_slice(&table.multiplier.to_le_bytes());
    }
    header.extend_from_slice(&body);
    // So that eight bytes can be loaded at every entry.
    header.extend_from_slice(&[0; 8]);
    header
}

/// By byte, its rank.
fn bytes(tokens: &[Vec<u8>]) -> [u8; 256] {
    let mut ranks = [0; 256];
    for (rank, token) in tokens.iter().enumerate().take(256) {
        ranks[usize::from(token[0])] = rank as u8;
    }
    ranks
}

/// By two printable ASCII characters, rank and split; 0 where there is no token.
fn two_bytes(tokens: &[Vec<u8>], splits: &[u8]) -> Vec<u8> {
    let mut entries = vec![0; 3 * 96 * 96];
    for (rank, token) in tokens.iter().enumerate().filter(|(_, token)| is_printable_pair(token)) {
        let meta = rank as u32 | u32::from(splits[rank]) << RANK_BITS;
        let at = 3 * (usize::from(token[0] - b' ') * 96 + usize::from(token[1] - b' '));
        entries[at..at + 3].copy_from_slice(&meta.to_le_bytes()[..3]);
    }
    entries
}

fn is_printable_pair(token: &[u8]) -> bool {
    matches!(token, [b' '..0x80, b' '..0x80])
}

/// Under what bytes a token is kept in the hash tables; fewer than three if it is not.
fn key(token: &[u8]) -> Vec<u8> {
    assert!(token.len() == 1 || !token.contains(&0xFF), "there is a token that is not of UTF-8");
    if token.len() == 2 && !is_printable_pair(token) { [token, &[0xFF]].concat() } else { token.to_vec() }
}

/// For every token the length of the left half of the pair it is merged from; 0 where merging never makes the token.
fn splits(tokens: &[Vec<u8>]) -> Vec<u8> {
    let ranks: HashMap<&[u8], usize> =
        tokens.iter().enumerate().map(|(rank, t)| (t.as_slice(), rank)).collect();
    tokens
        .iter()
        .map(|token| {
            let mut bounds: Vec<usize> = (0..=token.len()).collect();
            while bounds.len() > 3 {
                let best = (0..bounds.len() - 2)
                    .filter_map(|i| ranks.get(&token[bounds[i]..bounds[i + 2]]).map(|rank| (*rank, i)))
                    .min();
                match best {
                    Some((_, i)) => bounds.remove(i + 1),
                    None => return 0,
                };
            }
            if bounds.len() == 3 { bounds[1] as u8 } else { 0 }
        })
        .collect()
}

/// What merging does where characters meet.
struct Characters<'a> {
    tokens: &'a [Vec<u8>],
    splits: &'a [u8],
}

impl<'a> Characters<'a> {
    fn of(tokens: &'a [Vec<u8>], splits: &'a [u8]) -> Self {
        let ranks: HashMap<&[u8], usize> =
            tokens.iter().enumerate().map(|(rank, t)| (t.as_slice(), rank)).collect();
        // What `src/merge.rs` builds on: merging makes every token, after the two it is made of.
        for (rank, (token, split)) in tokens.iter().zip(splits).enumerate().filter(|(_, (t, _))| t.len() > 1)
        {
            let (left, right) = token.split_at(usize::from(*split));
            assert!(*split > 0 && ranks[left].max(ranks[right]) < rank, "{token:?} comes before its parts");
        }
        Characters { tokens, splits }
    }

    /// The two parts of every token.
    fn meetings(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let longer = self.tokens.iter().zip(self.splits).filter(|(_, split)| **split > 0);
        longer.map(|(token, split)| token.split_at(usize::from(*split)))
    }

    /// A bit for every code point of the first plane and of U+1F000 to U+1FBFF: whether the character is a token.
    fn tokens(&self) -> Vec<u8> {
        let mut bits = vec![0u8; CHARACTERS / 8];
        for character in self.tokens.iter().filter(|token| is_character(token)) {
            let c = std::str::from_utf8(character).ok().and_then(|c| c.chars().next()).expect("a character");
            let at = match u32::from(c) {
                point @ 0..0x1_0000 => point,
                point @ 0x1_F000..0x1_FC00 => point - 0xF000,
                _ => continue,
            };
            bits[at as usize / 8] |= 1 << (at % 8);
        }
        bits
    }

    /// A bit by the hash of two whole characters: whether a token's parts meet between such.
    fn pairs(&self) -> Vec<u8> {
        let mut bits = vec![0u8; 1 << PAIRS >> 3];
        for (left, right) in self.meetings() {
            if let (Some(left), Some(right)) = (last_character(left), first_character(right)) {
                let hash = word(left).wrapping_mul(0x9E37_79B1).rotate_left(15) ^ word(right);
                set(&mut bits, hash.wrapping_mul(0x85EB_CA6B) >> (32 - PAIRS));
            }
        }
        bits
    }

    /// A bit by a character's last byte and the first two of the next: whether a token's parts meet at such a place of
    /// which one is only a part of its character.
    fn crossings(&self) -> Vec<u8> {
        let mut bits = vec![0u8; 1 << CROSSINGS >> 3];
        for (left, right) in self.meetings() {
            let (last, first) = (last_character(left), first_character(right));
            let within_character = right[0] & 0xC0 == 0x80;
            if within_character || last.is_some() && first.is_some() {
                continue;
            }
            // Of a character that is one byte there is no second; of one that is cut off behind its first, any.
            let seconds = match right {
                [0..0x80, ..] => 0..=0,
                [_, second, ..] => *second..=*second,
                _ => 0x80..=0xBF,
            };
            for second in seconds {
                let (before, first) = (u32::from(left[left.len() - 1]), u32::from(right[0]));
                set(&mut bits, (first & 63) << 12 | u32::from(second & 63) << 6 | before & 63);
            }
        }
        bits
    }
}

fn is_character(bytes: &[u8]) -> bool {
    first_character(bytes).is_some_and(|first| first.len() == bytes.len())
}

/// The character that `bytes` start with, if it is whole.
fn first_character(bytes: &[u8]) -> Option<&[u8]> {
    let length = match bytes[0] {
        0..0x80 => 1,
        0x80..0xC0 => return None,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    };
    bytes.get(..length).filter(|bytes| std::str::from_utf8(bytes).is_ok())
}

/// The character that `bytes` end with, if it is whole.
fn last_character(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().rposition(|byte| byte & 0xC0 != 0x80)?;
    first_character(&bytes[start..]).filter(|first| first.len() == bytes.len() - start)
}

/// A character as a number.
fn word(character: &[u8]) -> u32 {
    character.iter().rev().fold(0, |word, byte| word << 8 | u32::from(*byte))
}

fn set(bits: &mut [u8], bit: u32) {
    bits[bit as usize / 8] |= 1 << (bit % 8);
}

/// A minimal perfect hash over the tokens of one length: hash and displace.
struct Table {
    length: usize,
    multiplier: u64,
    offset_bits: u32,
    bucket_bits: u32,
    displacements: Vec<u16>,
    /// Which token (its place among those of the length) has the slot.
    slots: Vec<usize>,
}

impl Table {
    fn build(length: usize, of_length: &[usize], tokens: &[Vec<u8>]) -> Table {
        let n = of_length.len();
        for seed in 1..1000 {
            // About four tokens a bucket, and smaller ones if many tries have not filled every slot.
            let bucket_bits = (n as f64 / 5.0).log2().ceil().max(0.0) as u32 + seed as u32 / 100;
            // Bits of the key that the slot stands for: as many as name a slot and are not needed for the bucket.
            let offset_bits = match length {
                ..=LONGEST_PACKED => n.ilog2().min(8 * length as u32 - bucket_bits),
                _ => 0,
            };
            let multiplier = splitmix(u64::wrapping_mul(seed, GOLDEN).wrapping_add(length as u64)) | 1;
            let mut table = Table {
                length,
                multiplier,
                offset_bits,
                bucket_bits,
                displacements: Vec::new(),
                slots: Vec::new(),
            };
            if table.place(of_length, tokens) {
                return table;
            }
        }
        panic!("no perfect hash for length {length}");
    }

    /// The bucket, the offset in 0..n, and what is left of the key.
    fn hash(&self, token: &[u8], n: usize) -> (usize, usize, u64) {
        if self.length <= LONGEST_PACKED {
            let bits = 8 * self.length as u32;
            let mut key = [0u8; 8];
            key[..token.len()].copy_from_slice(token);
            let key = u64::from_le_bytes(key);
            let h = (key ^ (key >> (bits / 2))).wrapping_mul(self.multiplier) & mask(bits);
            let rest_bits = bits - self.offset_bits;
            let rest = h & mask(rest_bits);
            let bucket = rest.wrapping_mul(self.multiplier) >> (64 - self.bucket_bits);
            return (bucket as usize, (h >> rest_bits) as usize, rest);
        }
        let word = |at: usize| u64::from_le_bytes(token[at..at + 8].try_into().expect("eight bytes"));
        let last = word(self.length - 8);
        let mut mixed = (last ^ (last >> 32)).wrapping_mul(GOLDEN);
        for at in (0..self.length - 8).step_by(8) {
            mixed = (mixed ^ word(at)).wrapping_mul(self.multiplier).rotate_left(29);
        }
        let h = (mixed ^ (mixed >> 32)).wrapping_mul(self.multiplier);
        let (bucket, offset) = self.place_of(h, n);
        (bucket, offset, 0)
    }

    fn place_of(&self, h: u64, n: usize) -> (usize, usize) {
        let bucket = h.checked_shr(64 - self.bucket_bits).unwrap_or(0);
        let offset = (((h >> 16) & 0xFFFF_FFFF) * n as u64) >> 32;
        (bucket as usize, offset as usize)
    }

    fn place(&mut self, of_length: &[usize], tokens: &[Vec<u8>]) -> bool {
        let n = of_length.len();
        let mut buckets: Vec<Vec<(usize, usize)>> = vec![Vec::new(); 1 << self.bucket_bits];
        for (place, rank) in of_length.iter().enumerate() {
            let (bucket, offset, _) = self.hash(&tokens[*rank], n);
            if buckets[bucket].iter().any(|(taken, _)| *taken == offset) {
                return false;
            }
            buckets[bucket].push((offset, place));
        }
        let mut order: Vec<usize> = (0..buckets.len()).collect();
        order.sort_by_key(|bucket| (std::cmp::Reverse(buckets[*bucket].len()), *bucket));
        let mut slots = vec![usize::MAX; n];
        self.displacements = vec![0; buckets.len()];
        for bucket in order {
            let keys = &buckets[bucket];
            let fits = |d: &usize| keys.iter().all(|(offset, _)| slots[(offset + d) % n] == usize::MAX);
            // From anywhere on: free slots then stay spread over all of them, as offsets of a bucket are.
            let from = splitmix(bucket as u64) as usize % n;
            let Some(d) = (from..n).chain(0..from).find(fits) else { return false };
            for (offset, place) in keys {
                slots[(offset + d) % n] = *place;
            }
            self.displacements[bucket] = d as u16;
        }
        self.slots = slots;
        true
    }

    fn split_bits(&self) -> u32 {
        match self.length {
            1..=LONGEST_PACKED => self.length.next_power_of_two().ilog2(),
            8..64 => 6,
            _ => 14,
        }
    }

    fn stride(&self) -> usize {
        if self.length <= LONGEST_PACKED {
            let bits = 8 * self.length as u32 - self.offset_bits + RANK_BITS + self.split_bits();
            return bits.div_ceil(8) as usize;
        }
        self.length + (RANK_BITS + self.split_bits()) as usize / 8
    }

    fn write_entry(&self, out: &mut Vec<u8>, token: &[u8], rank: usize, split: u8) {
        let meta = rank as u64 | u64::from(split) << RANK_BITS;
        if self.length <= LONGEST_PACKED {
            let (_, _, rest) = self.hash(token, self.slots.len());
            let entry = rest << (RANK_BITS + self.split_bits()) | meta;
            out.extend_from_slice(&entry.to_le_bytes()[..self.stride()]);
        } else {
            out.extend_from_slice(token);
            out.extend_from_slice(&meta.to_le_bytes()[..self.stride() - self.length]);
        }
    }
}

fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

fn splitmix(seed: u64) -> u64 {
    let z = (seed ^ (seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
