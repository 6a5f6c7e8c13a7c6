//! What pieces were merged into: of those that are no tokens, every other one has come before. Short ones are remembered for
//! as long as there is a memory, from one text to the next; of longer ones where they were in the text.
#![allow(clippy::arithmetic_side_effects)] // Lengths of up to 16, shifts below the width.

use core::ops::Range;

use crate::{
    short,
    vocabulary::{GOLDEN, load, mask},
};

const _: () = assert!(short::LONGEST < 16, "lengths and counts have four bits");

const PLACE_BITS: u32 = 6;

/// A piece as [`Piece`] has it, and in the topmost four bits its tokens.
pub(crate) type Slot = [u64; 2];

/// So many pieces as there are slots, by their hash.
#[derive(Debug)]
pub(crate) struct Memory<Slots: ?Sized = [Slot]>(Slots);

/// A piece in two words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Its first eight bytes.
    first: u64,
    /// The other ones, and from the 56th bit on its length.
    more: u64,
}

impl<const NUMBER: usize> Memory<[Slot; NUMBER]> {
    /// Their number is a power of two.
    pub(crate) const fn new() -> Self {
        assert!(NUMBER.is_power_of_two());
        Memory([[0; 2]; NUMBER])
    }
}

impl Memory {
    /// The piece's tokens, remembered or counted now.
    #[inline]
    pub(crate) fn tokens_or(&mut self, piece: &Piece, count: impl FnOnce() -> u64) -> u64 {
        if let Some(tokens) = self.tokens(piece) {
            return tokens;
        }
        let tokens = count();
        self.remember(piece, tokens);
        tokens
    }

    /// How many tokens the piece has, if that is remembered.
    #[inline]
    pub(crate) fn tokens(&self, piece: &Piece) -> Option<u64> {
        let [first, more] = *self.0.get(self.place(piece))?;
        let differs = more ^ piece.more;
        (first == piece.first && differs << 4 == 0).then_some(differs >> 60)
    }

    /// `tokens`: no more than there are bytes.
    #[inline]
    pub(crate) fn remember(&mut self, piece: &Piece, tokens: u64) {
        let place = self.place(piece);
        if let Some(slot) = self.0.get_mut(place) {
            *slot = [piece.first, piece.more | tokens << 60];
        }
    }

    #[inline]
    fn place(&self, piece: &Piece) -> usize {
        (hash(piece.first, piece.more) >> 32) as usize & (self.0.len() - 1)
    }
}

impl Piece {
    /// A piece of up to [`short::LONGEST`] bytes, that starts with one word and, if it is longer, goes on with the other.
    #[inline]
    pub(crate) fn of(first: u64, more: u64, length: usize) -> Piece {
        let bits = 8 * length as u32;
        Piece {
            first: first & mask(bits),
            more: more & mask(bits.saturating_sub(64)) | (length as u64) << 56,
        }
    }
}

/// Where longer pieces of a text were, and how many tokens they have.
#[derive(Debug)]
pub(crate) struct Places([Place; 1 << PLACE_BITS]);

#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    length: usize,
    tokens: u64,
}

impl Places {
    pub(crate) const fn new() -> Places {
        Places([Place { start: 0, length: 0, tokens: 0 }; 1 << PLACE_BITS])
    }

    /// How many tokens a piece of the text has, if it is one that is remembered: if the same bytes came before.
    #[inline]
    pub(crate) fn tokens(&self, text: &[u8], piece: &Range<usize>) -> Option<u64> {
        let Place { start, length, tokens } = *self.0.get(place_of(text, piece))?;
        let same = text.get(start..start + length) == text.get(piece.clone());
        same.then_some(tokens)
    }

    #[inline]
    pub(crate) fn remember(&mut self, text: &[u8], piece: &Range<usize>, tokens: u64) {
        if let Some(slot) = self.0.get_mut(place_of(text, piece)) {
            *slot = Place { start: piece.start, length: piece.len(), tokens };
        }
    }
}
/// By its first eight bytes, its last eight, and its length.
#[inline]
fn place_of(text: &[u8], piece: &Range<usize>) -> usize {
    let (first, last) = (load(text, piece.start), load(text, piece.end.saturating_sub(8)));
    (hash(first, last ^ piece.len() as u64) >> (64 - PLACE_BITS)) as usize
}

/// Its upper half is good.
#[inline]
fn hash(first: u64, more: u64) -> u64 {
    (first ^ more.rotate_left(29)).wrapping_mul(GOLDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Piece {
        let word = |at: usize| crate::vocabulary::load(text.as_bytes(), at);
        Piece::of(word(0), word(8), text.len())
    }

    #[test]
    fn only_the_same_piece_is_remembered() {
        let memory: &mut Memory = &mut Memory::<[Slot; 128]>::new();
        let pieces =
            ["abc", "abcd", "abc\0", "zbc", "abcdefgh", "abcdefghi", "abcdefghijklmno", "abcdefghijklmnx"];
        for (tokens, text) in (1..).zip(pieces) {
            assert_eq!(memory.tokens(&piece(text)), None, "{text:?}");
            memory.remember(&piece(text), tokens);
            assert_eq!(memory.tokens(&piece(text)), Some(tokens), "{text:?}");
        }
        // What follows a piece in its words is not of it.
        memory.remember(&Piece::of(0x6162_6364, 7, 3), 15);
        assert_eq!(memory.tokens(&Piece::of(0xFF62_6364, 9, 3)), Some(15));
    }

    #[test]
    fn of_places_the_bytes_decide() {
        let text = b"a piece of a long text, a piece of a long text, a piece of A long text";
        let mut places = Places::new();
        assert_eq!(places.tokens(text, &(24..46)), None);
        places.remember(text, &(0..22), 5);
        assert_eq!(places.tokens(text, &(24..46)), Some(5));
        // In the same place by its hash, but for its middle.
        assert_eq!(place_of(text, &(0..22)), place_of(text, &(48..70)));
        assert_eq!(places.tokens(text, &(48..70)), None);
        // Some of these are, but for their length.
        let run = [b'a'; 600];
        places.remember(&run, &(0..20), 7);
        assert!((21..600).any(|end| place_of(&run, &(0..end)) == place_of(&run, &(0..20))));
        for end in 21..600 {
            assert_eq!(places.tokens(&run, &(0..end)), None, "{end}");
        }
    }
}
