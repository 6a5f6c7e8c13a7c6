//! What kind of character a code point is, as far as the pre-tokenisers tell them apart.

use crate::class_table::{BLOCKS, INDEX};

/// The kinds, disjoint, numbered as in the generated table (`examples/generate/classes.rs`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Punctuation, symbols, controls, the unassigned.
    Other,
    /// White space other than `\r` and `\n`.
    Space,
    Newline,
    Number,
    /// Combining marks: within a word for `o200k`, not for `cl100k`.
    Mark,
    /// Letters without case: Han, kana, modifiers.
    Uncased,
    /// Upper and title case.
    Upper,
    Lower,
}

impl Class {
    const fn numbered(class: u8) -> Class {
        match class & 7 {
            0 => Class::Other,
            1 => Class::Space,
            2 => Class::Newline,
            3 => Class::Number,
            4 => Class::Mark,
            5 => Class::Uncased,
            6 => Class::Upper,
            _ => Class::Lower,
        }
    }

    #[inline]
    pub(crate) fn of_ascii(byte: u8) -> Class {
        match byte {
            b'a'..=b'z' => Class::Lower,
            b'A'..=b'Z' => Class::Upper,
            b'0'..=b'9' => Class::Number,
            b'\r' | b'\n' => Class::Newline,
            b'\t' | 0xB | 0xC | b' ' => Class::Space,
            _ => Class::Other,
        }
    }

    pub(crate) fn of(code_point: u32) -> Class {
        let index =
            INDEX.get(code_point as usize >> 6).or(INDEX.last()).map_or(0, |block| usize::from(*block));
        let two = BLOCKS.get(index << 5 | (code_point as usize & 63) >> 1).copied().unwrap_or(0);
        Class::numbered(if code_point & 1 == 0 { two } else { two >> 4 })
    }

    pub(crate) fn of_char(c: char) -> Class {
        Class::of(u32::from(c))
    }

    /// `\p{L}`
    pub(crate) fn is_letter(self) -> bool {
        matches!(self, Class::Uncased | Class::Upper | Class::Lower)
    }

    /// `\s`
    #[cfg(feature = "cl100k")]
    pub(crate) fn is_space(self) -> bool {
        matches!(self, Class::Space | Class::Newline)
    }

    /// `[^\s\p{L}\p{N}]`
    pub(crate) fn is_symbol(self) -> bool {
        matches!(self, Class::Other | Class::Mark)
    }

    /// `[^\r\n\p{L}\p{N}]`: what may stand before a word in its piece.
    pub(crate) fn is_prefix(self) -> bool {
        matches!(self, Class::Other | Class::Mark | Class::Space)
    }
}
