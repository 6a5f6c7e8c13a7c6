//! What kinds of bytes the next 64 are: one bit a byte, the first one lowest.
#![allow(clippy::arithmetic_side_effects)] // Shifts by constants below the width.

/// How many bytes are told apart at once.
pub(crate) const WIDTH: usize = 64;

/// Which of 64 bytes are of a kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kinds {
    /// ASCII letters.
    pub(crate) letters: u64,
    /// Of those, the ones in upper case.
    pub(crate) upper: u64,
    pub(crate) digits: u64,
    /// ASCII white space, all of it.
    pub(crate) white: u64,
    /// `\r` and `\n`.
    pub(crate) line_ends: u64,
    /// U+0020 and slashes: two kinds in one, as only one of them is white.
    pub(crate) spaces_and_slashes: u64,
    pub(crate) apostrophes: u64,
    /// Bytes of characters that are not ASCII.
    pub(crate) high: u64,
}

impl Kinds {
    #[inline]
    pub(crate) fn of(bytes: &[u8; WIDTH]) -> Kinds {
        let (parts, _) = bytes.as_chunks::<8>();
        let mut rows = [0; 8];
        for (row, part) in rows.iter_mut().zip(parts) {
            *row = part.iter().rev().fold(0, |row, byte| row << 1 | kinds_of(*byte));
        }
        let [letters, upper, digits, white, line_ends, spaces_and_slashes, apostrophes, high] =
            transposed(rows);
        Kinds { letters, upper, digits, white, line_ends, spaces_and_slashes, apostrophes, high }
    }
}

/// The kinds of a byte, one to a byte in the order of [`Kinds`]: shifted by one and added up over eight bytes, they are the
/// kinds of eight bytes in eight bits each.
static KINDS: [u64; 256] = {
    let mut kinds = [0; 256];
    let mut number = 0;
    while number < 256 {
        let byte = number as u8;
        #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
        {
            kinds[number] = byte.is_ascii_alphabetic() as u64
                | (byte.is_ascii_uppercase() as u64) << 8
                | (byte.is_ascii_digit() as u64) << 16
                | (matches!(byte, 9..=13 | b' ') as u64) << 24
                | (matches!(byte, b'\r' | b'\n') as u64) << 32
                | (matches!(byte, b' ' | b'/') as u64) << 40
                | ((byte == b'\'') as u64) << 48
                | (!byte.is_ascii() as u64) << 56;
        }
        number += 1;
    }
    kinds
};

#[inline]
#[allow(clippy::indexing_slicing)] // A byte is below 256.
fn kinds_of(byte: u8) -> u64 {
    KINDS[usize::from(byte)]
}

/// Eight rows of eight bytes, mirrored at the diagonal: by quarters, then within them, and again.
#[inline]
fn transposed(rows: [u64; 8]) -> [u64; 8] {
    let [a, b, c, d, e, f, g, h] = rows;
    let swap = |one: u64, other: u64, by: u32, lower: u64| {
        (one & lower | (other & lower) << by, (one >> by) & lower | other & !lower)
    };
    let half = |one, other| swap(one, other, 32, 0x0000_0000_FFFF_FFFF);
    let ((a, e), (b, f), (c, g), (d, h)) = (half(a, e), half(b, f), half(c, g), half(d, h));
    let quarter = |one, other| swap(one, other, 16, 0x0000_FFFF_0000_FFFF);
    let ((a, c), (b, d), (e, g), (f, h)) = (quarter(a, c), quarter(b, d), quarter(e, g), quarter(f, h));
    let eighth = |one, other| swap(one, other, 8, 0x00FF_00FF_00FF_00FF);
    let ((a, b), (c, d), (e, f), (g, h)) = (eighth(a, b), eighth(c, d), eighth(e, f), eighth(g, h));
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_apart_in_every_place() {
        for byte in 0..=u8::MAX {
            for place in 0..WIDTH {
                let mut bytes = [b'-'; WIDTH];
                bytes.iter_mut().skip(place).step_by(WIDTH).for_each(|at| *at = byte);
                let if_so = |is: bool| u64::from(is) << place;
                let kinds = Kinds {
                    letters: if_so(byte.is_ascii_alphabetic()),
                    upper: if_so(byte.is_ascii_uppercase()),
                    digits: if_so(byte.is_ascii_digit()),
                    white: if_so(matches!(byte, 9..=13 | 32)),
                    line_ends: if_so(byte == 10 || byte == 13),
                    spaces_and_slashes: if_so(byte == b' ' || byte == b'/'),
                    apostrophes: if_so(byte == b'\''),
                    high: if_so(byte >= 0x80),
                };
                assert_eq!(Kinds::of(&bytes), kinds, "{byte} at {place}");
            }
        }
    }
}
