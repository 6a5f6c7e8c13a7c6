//! The pre-tokeniser of `o200k`, many pieces at once: the pieces that start within the next 64 bytes are found together,
//! without a branch for each.
//!
//! The 64 bytes start where a piece does, so nothing before them matters. Kinds of bytes are words of 64 bits, one bit
//! a byte, so what an expression says of neighbours is shifts, and what it says of runs is additions, which carry
//! through them. What a piece needs to know of the bytes behind it is beyond the window only at its end: pieces
//! there are left for the next window, which starts with the first of them.
#![allow(clippy::arithmetic_side_effects)] // Words of bits, shifted by less than their width; sums wrap on purpose.

use crate::{
    bytes::{Kinds, WIDTH},
    class::Class,
    split::{char_at, contraction},
};

/// A window, and behind it as many bytes as a look-up may load.
pub(crate) const LOADED: usize = WIDTH + 8;

/// What is known of the pieces in a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pieces {
    /// Bit `n`: the `n`th byte starts a piece. Bit 0 is set.
    pub(crate) starts: u64,
    /// Where the last of them ends; up to 64. If 0, nothing is known.
    pub(crate) end: usize,
}

/// A word with the `count` lowest bits set, `count` up to 64.
#[inline]
fn lowest(count: usize) -> u64 {
    if count < 64 { (1 << count) - 1 } else { u64::MAX }
}

/// The pieces of a text that starts with `bytes`. `text` is the number of bytes that are of the text, if that is all of it.
#[inline]
pub(crate) fn o200k(bytes: &[u8; LOADED], text: Option<usize>) -> Pieces {
    let mut kinds = bytes.first_chunk().map(Kinds::of).unwrap_or_default();
    // Beyond this there is no text, or nothing is said of it: it is of no kind.
    let mut known = text.unwrap_or(WIDTH);
    let mut within_characters = 0;
    if kinds.high & lowest(known) != 0 {
        (known, within_characters) = add_characters(&mut kinds, bytes, known);
    }
    let within = lowest(known);
    let starts = starts(kinds, within, within_characters, bytes);
    // At the end of the text, the next piece would start.
    let whole = text == Some(known);
    let sure = if whole {
        within
    } else {
        // White space may go on, and what a byte is may hang on the two behind it.
        let white = (kinds.white | !within).leading_ones() as usize - (WIDTH - known);
        lowest((known + 1).saturating_sub(white.max(3)))
    };
    let starts = starts & sure;
    if whole {
        return Pieces { starts, end: known };
    }
    // The last start that is sure ends the last piece that is.
    let end = starts.checked_ilog2().unwrap_or(0) as usize;
    Pieces { starts: starts & lowest(end), end }
}

/// Adds characters that are not ASCII to the kinds of bytes, up to the first of which the words of bits do not tell
/// enough. Says where that is, and which bytes are not the first ones of their characters.
#[inline(never)]
fn add_characters(kinds: &mut Kinds, bytes: &[u8; LOADED], text: usize) -> (usize, u64) {
    let (mut left, mut within) = (kinds.high & lowest(text), 0);
    // Letters without case and marks: a capital behind them may or may not be of their word.
    let mut uncased = 0;
    let mut known = text;
    while left != 0 {
        let at = left.trailing_zeros() as usize;
        // Words of Han, kana and the scripts of India rarely end within a window.
        if matches!(bytes.get(at), Some(0xE0 | 0xE3..=0xEF)) {
            known = at;
            break;
        }
        let (class, end) = char_at(bytes, at);
        let character = lowest(end.min(WIDTH)) & !lowest(at);
        left &= !character;
        within |= character & character << 1;
        let before = kinds.letters | kinds.white | kinds.digits | kinds.line_ends;
        match class {
            Class::Other => {}
            Class::Space => kinds.white |= character,
            Class::Lower => kinds.letters |= character,
            Class::Upper => {
                kinds.letters |= character;
                kinds.upper |= character;
            }
            Class::Uncased => {
                kinds.letters |= character;
                uncased |= character;
            }
            Class::Mark if at == 0 || before >> (at - 1) & 1 != 0 => {
                kinds.letters |= character;
                uncased |= character;
            }
            Class::Mark | Class::Number | Class::Newline => {
                known = at;
                break;
            }
        }
    }
    let unclear = kinds.upper & uncased << 1 & lowest(known);
    if unclear != 0 {
        known = unclear.trailing_zeros() as usize;
    }
    (known, within)
}

/// Where pieces start. In the comments, `O` are symbols (neither letters nor digits nor white space), `A` upper case
/// letters, `a` lower case ones.
#[inline]
fn starts(kinds: Kinds, known: u64, within_characters: u64, bytes: &[u8; LOADED]) -> u64 {
    let Kinds { upper, digits, .. } = kinds;
    let (mut letters, white, line_ends) =
        (kinds.letters & known, kinds.white & known, kinds.line_ends & known);
    let (spaces, slashes) = (kinds.spaces_and_slashes & white, kinds.spaces_and_slashes & !white & known);
    let lower = letters & !upper;
    let mut symbols = known & !(letters | digits | white);

    // `(?i:'s|'t|'re|'ve|'m|'ll|'d)?`: within a word, and its end.
    let (mut contracted, mut behind_contracted) = (0, 0);
    let mut apostrophes = kinds.apostrophes & letters << 1 & letters >> 1;
    while apostrophes != 0 {
        let at = apostrophes.trailing_zeros() as usize;
        apostrophes &= apostrophes - 1;
        // Not where the letter before is itself of a contraction: that one has ended the word.
        if behind_contracted >> at & 1 == 0
            && let Some(end) = contraction(bytes, at)
        {
            contracted |= lowest(end) & !lowest(at);
            behind_contracted |= 1u64.checked_shl(end as u32).unwrap_or(0);
        }
    }
    symbols &= !contracted;
    letters |= contracted;

    // `[\r\n/]*` behind symbols: from the first line end on, all of the run is theirs.
    let enders = line_ends | slashes;
    let first_ender = line_ends & symbols << 1;
    let trailing = enders & !enders.wrapping_add(first_ender) | first_ender;
    symbols &= !trailing;
    let white = white & !trailing;
    let line_ends = line_ends & !trailing;
    let blanks = white & !line_ends;

    // ` ?[^\s\p{L}\p{N}]+`, or a symbol before a word.
    let symbol_starts = symbols & !(symbols << 1 | spaces << 1);
    let first_symbols = symbol_starts | symbols & within_characters;
    let behind_one_symbol = first_symbols.wrapping_add(symbol_starts) & !first_symbols;
    // `\p{N}{1,3}`
    let four_digits = digits & digits << 1 & digits << 2 & digits << 3;
    let first_digits = digits & !(digits << 1);
    let mut third = first_digits << 3 & four_digits;
    let mut digit_starts = first_digits | third;
    while third != 0 {
        third = third << 3 & four_digits;
        digit_starts |= third;
    }
    // `[^\r\n\p{L}\p{N}]?A*a+` and `[^\r\n\p{L}\p{N}]?A+a*`: a blank or a symbol is of the word if it starts a piece.
    let word_starts = letters & !(letters << 1 | blanks << 1 | behind_one_symbol) | upper & lower << 1;

    // `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end of the run, then up to the last blank, then that.
    let white_starts = white & !(white << 1);
    let mut last_blanks = blanks & !(white >> 1) & known >> 1;
    for _ in 0..2 {
        last_blanks = last_blanks & !within_characters | (last_blanks & within_characters) >> 1;
    }
    let mut behind_line_ends = blanks & line_ends << 1;
    let mut not_last = blanks.wrapping_add(behind_line_ends) & line_ends;
    while not_last != 0 {
        let before = not_last & not_last.wrapping_neg();
        not_last &= not_last - 1;
        let so_far = behind_line_ends & (before - 1);
        behind_line_ends &= !(1u64 << so_far.checked_ilog2().unwrap_or(0));
    }

    (symbol_starts
        | digit_starts
        | word_starts
        | white_starts
        | last_blanks
        | behind_line_ends
        | behind_contracted)
        & !contracted
        | 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::split;
    use std::vec::Vec;

    /// Texts of a few kinds of bytes each, so that runs and their neighbours of every kind meet.
    fn texts() -> impl Iterator<Item = Vec<u8>> {
        let parts: [&[u8]; 40] = [
            b"a",
            b"word",
            b"A",
            b"XML",
            b"7",
            b"2024",
            b" ",
            b"  ",
            b"\t",
            b"\n",
            b"\r\n",
            b"\n  \n",
            b"/",
            b"//",
            b"'",
            b"'s",
            b"'RE",
            b"'l",
            b".",
            b"){",
            b"\x0b",
            b"\0",
            "é".as_bytes(),
            "ſ".as_bytes(),
            "É".as_bytes(),
            "слово".as_bytes(),
            "Д".as_bytes(),
            "بت".as_bytes(),
            "\u{301}".as_bytes(),
            "\u{a0}".as_bytes(),
            "\u{2003}".as_bytes(),
            "\u{85}".as_bytes(),
            "“".as_bytes(),
            "—".as_bytes(),
            "😀".as_bytes(),
            "\u{fe0f}".as_bytes(),
            "٣".as_bytes(),
            "日".as_bytes(),
            "नि".as_bytes(),
            "ǅ".as_bytes(),
        ];
        let mut state = 7u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize % below
        };
        (0..100_000).map(move |_| {
            let kinds = 1 + random(8);
            let few: Vec<&[u8]> =
                (0..kinds).filter_map(|_| parts.get(random(parts.len())).copied()).collect();
            (0..random(120)).filter_map(|_| few.get(random(few.len()))).copied().flatten().copied().collect()
        })
    }

    #[test]
    fn windows_hold_the_pieces_that_are_found_one_by_one() {
        let mut found = 0;
        for text in texts() {
            let mut at = 0;
            while at < text.len() {
                let mut bytes = [0; LOADED];
                let rest = text.get(at..).unwrap_or(&[]);
                bytes.iter_mut().zip(rest).for_each(|(byte, of_text)| *byte = *of_text);
                let pieces = o200k(&bytes, (rest.len() <= WIDTH).then_some(rest.len()));
                let (start, mut starts) = (at, 0);
                while at < start + pieces.end {
                    starts |= 1 << (at - start);
                    at = split::o200k(&text, at);
                    found += 1;
                }
                assert_eq!(pieces.starts, starts, "{start} {:?}", text.escape_ascii());
                if pieces.end == 0 {
                    at = split::o200k(&text, at);
                } else {
                    assert_eq!(at, start + pieces.end, "{:?}", text.escape_ascii());
                }
            }
        }
        assert!(found > 1_000_000, "{found}");
    }
}
