//! What pieces of up to 15 bytes were merged into, for as long as one text is counted: of the pieces that are no tokens, nearly
//! every other one has come before.
#![allow(clippy::arithmetic_side_effects)] // Lengths of up to 16, shifts below the width.

use crate::vocabulary::{GOLDEN, mask};

/// The longest piece that is remembered.
pub(crate) const LONGEST: usize = 15;
/// So many pieces are remembered, by their hash: more would take longer to clear than they save.
const BITS: u32 = 7;

/// Each as [`Piece`] has it, and in the topmost four bits its tokens.
#[derive(Debug)]
pub(crate) struct Memory([[u64; 2]; 1 << BITS]);

/// A piece in two words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    /// Its first eight bytes.
    first: u64,
    /// The other ones, and from the 56th bit on its length.
    more: u64,
}

impl Memory {
    pub(crate) const fn new() -> Memory {
        Memory([[0; 2]; 1 << BITS])
    }

    /// How many tokens the piece has, if that is remembered.
    #[inline]
    pub(crate) fn tokens(&self, piece: &Piece) -> Option<u64> {
        let [first, more] = *self.0.get(piece.place())?;
        let differs = more ^ piece.more;
        (first == piece.first && differs << 4 == 0).then_some(differs >> 60)
    }

    /// `tokens`: no more than there are bytes.
    #[inline]
    pub(crate) fn remember(&mut self, piece: &Piece, tokens: u64) {
        if let Some(slot) = self.0.get_mut(piece.place()) {
            *slot = [piece.first, piece.more | tokens << 60];
        }
    }
}

impl Piece {
    /// A piece of up to [`LONGEST`] bytes, that starts with one word and, if it is longer, goes on with the other.
    #[inline]
    pub(crate) fn of(first: u64, more: u64, length: usize) -> Piece {
        let bits = 8 * length as u32;
        Piece {
            first: first & mask(bits),
            more: more & mask(bits.saturating_sub(64)) | (length as u64) << 56,
        }
    }

    #[inline]
    fn place(&self) -> usize {
        ((self.first ^ self.more.rotate_left(29)).wrapping_mul(GOLDEN) >> (64 - BITS)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str) -> Piece {
        let word = |at: usize| crate::vocabulary::load(text.as_bytes(), at);
        Piece::of(word(0), word(8), text.len().min(LONGEST))
    }

    #[test]
    fn only_the_same_piece_is_remembered() {
        let mut memory = Memory::new();
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
}
