//! Pre-tokenisers: where a text falls into pieces that are merged each on its own.
//!
//! Each is its regular expression, written out by hand. In both, an alternative is tried only where those before it
//! fail, and what a later part of an expression needs is known from the run of classes that an earlier one took; so
//! backtracking is arithmetic on run ends. A piece looks at most one run beyond its own end.
//!
//! Positions are byte offsets in a text, at most `isize::MAX`, and only ever a few are added up: no sum here wraps.
#![allow(clippy::arithmetic_side_effects)]

use crate::class::Class;

/// The end of the piece that starts at `start`: `start < end` for every `start < text.len()` on a character boundary.
#[inline]
pub(crate) fn o200k(text: &[u8], start: usize) -> usize {
    if let Some(end) = plain_word(text, start) {
        return match text.get(end) {
            Some(b'\'') => contraction(text, end).unwrap_or(end),
            Some(0x80..) => o200k_any(text, start),
            _ => end,
        };
    }
    o200k_any(text, start)
}

fn o200k_any(text: &[u8], start: usize) -> usize {
    let (first, after_first) = char_at(text, start);
    // [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    // [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    // A mark needs no letter behind it, and rather stands alone than before capitals only: the first expression is tried
    // with and without a prefix before the second one is.
    if first.is_prefix()
        && first != Class::Mark
        && let Some(end) = cased_word(text, after_first)
    {
        return contraction(text, end).unwrap_or(end);
    }
    if (first.is_letter() || first == Class::Mark)
        && let Some(end) = cased_word(text, start)
    {
        return contraction(text, end).unwrap_or(end);
    }
    match first {
        Class::Number => number(text, after_first),
        Class::Newline | Class::Space => {
            // ` ?[^\s\p{L}\p{N}]+[\r\n/]*`
            if let Some(end) = symbols_after_blank(text, start, after_first) {
                return run(text, end, |byte| matches!(byte, b'\r' | b'\n' | b'/'));
            }
            white_space(text, start)
        }
        _ => {
            let end = symbols(text, start);
            run(text, end, |byte| matches!(byte, b'\r' | b'\n' | b'/'))
        }
    }
}

/// As [`o200k`], for `cl100k_base`.
#[cfg(feature = "cl100k")]
pub(crate) fn cl100k(text: &[u8], start: usize) -> usize {
    if let Some(end) = plain_word(text, start)
        && !matches!(text.get(end), Some(0x80.. | b'A'..=b'Z'))
        && text.get(start) != Some(&b'\'')
    {
        return end;
    }
    // '(?i:[sdmt]|ll|ve|re)
    if let Some(end) = contraction(text, start) {
        return end;
    }
    let (first, after_first) = char_at(text, start);
    // [^\r\n\p{L}\p{N}]?+\p{L}++
    let word = if first.is_prefix() { after_first } else { start };
    let end = chars(text, word, Class::is_letter);
    if end > word {
        return end;
    }
    match first {
        Class::Number => number(text, after_first),
        Class::Newline | Class::Space => {
            // ` ?[^\s\p{L}\p{N}]++[\r\n]*+`
            if let Some(end) = symbols_after_blank(text, start, after_first) {
                return run(text, end, |byte| matches!(byte, b'\r' | b'\n'));
            }
            // \s++$, which stands before the newlines here
            let end = chars(text, start, Class::is_space);
            if end == text.len() { end } else { white_space(text, start) }
        }
        _ => {
            let end = symbols(text, start);
            run(text, end, |byte| matches!(byte, b'\r' | b'\n'))
        }
    }
}

/// The end of an ASCII word in lower case but for its first letter, with at most one other character before it: what
/// most pieces are. Both pre-tokenisers take such a word whole, unless something other than ASCII follows it.
#[inline]
fn plain_word(text: &[u8], start: usize) -> Option<usize> {
    let eight = u64::from_le_bytes(*text.get(start..)?.first_chunk()?);
    let prefix = usize::from(PREFIX.get(eight as usize & 0xFF).copied()?);
    // What is left of the eight bytes after the first letter; zeros from the top are no letters.
    let first = (eight >> (8 * prefix)) as u8;
    let more = lower_case(eight >> 8 >> (8 * prefix));
    if !(first.is_ascii_lowercase() || first.is_ascii_uppercase() && more > 0) {
        return None;
    }
    let mut end = start + prefix + 1 + more;
    if end - start < 8 {
        return Some(end);
    }
    while let Some(eight) = text.get(end..)?.first_chunk() {
        let more = lower_case(u64::from_le_bytes(*eight));
        end += more;
        if more < 8 {
            return Some(end);
        }
    }
    Some(end + text.get(end..)?.iter().take_while(|byte| byte.is_ascii_lowercase()).count())
}

/// Whether a byte is a character that may stand before a word in its piece: 1 if so, 0 for a letter; out of range
/// shifts do not arise, as other bytes lead to no word.
static PREFIX: [u8; 256] = {
    let mut prefix = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let of_word =
            (byte as u8).is_ascii_alphanumeric() || byte == b'\r' as usize || byte == b'\n' as usize;
        #[allow(clippy::indexing_slicing)] // In a constant: checked when the crate is compiled.
        {
            prefix[byte] = !of_word as u8;
        }
        byte += 1;
    }
    prefix
};

/// How many of eight bytes are lower-case ASCII letters, from the lowest byte up to the first that is not.
#[inline]
fn lower_case(eight: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    // Without their topmost bits, bytes can be compared by adding what carries into it; none carries beyond.
    let low = eight & !HIGH;
    let (from_a, beyond_z) = (low + (0x80 - 0x61) * ONES, low + (0x80 - 0x7B) * ONES);
    let no_letter = !(from_a & !beyond_z & !eight) & HIGH;
    no_letter.trailing_zeros() as usize / 8
}

/// The end of `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+` at `start`, or else of the same with at
/// least one of the first and any number of the second.
fn cased_word(text: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    // The end of the last character so far that both halves may take: where the greedy first half backs off to.
    let mut last_uncased = None;
    loop {
        let (class, next) = char_at(text, at);
        match class {
            Class::Upper => {}
            Class::Uncased | Class::Mark => last_uncased = Some(next),
            Class::Lower => return Some(chars(text, next, is_lower_half)),
            _ => break,
        }
        at = next;
    }
    // Without a lower-case letter, the second half is the last uncased one; without any, the second alternative
    // takes the whole run.
    last_uncased.or((at > start).then_some(at))
}

fn is_lower_half(class: Class) -> bool {
    matches!(class, Class::Lower | Class::Uncased | Class::Mark)
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)`; without regard to case, `s` is also U+017F.
pub(crate) fn contraction(text: &[u8], start: usize) -> Option<usize> {
    if text.get(start) != Some(&b'\'') {
        return None;
    }
    let rest = text.get(start + 1..)?;
    match *rest {
        [b's' | b'S' | b't' | b'T' | b'm' | b'M' | b'd' | b'D', ..] => Some(start + 2),
        [b'r' | b'R' | b'v' | b'V', b'e' | b'E', ..] | [b'l' | b'L', b'l' | b'L', ..] | [0xC5, 0xBF, ..] => {
            Some(start + 3)
        }
        _ => None,
    }
}

/// `\p{N}{1,3}`, of which the first is already taken.
fn number(text: &[u8], after_first: usize) -> usize {
    let mut at = after_first;
    for _ in 0..2 {
        match char_at(text, at) {
            (Class::Number, next) => at = next,
            _ => break,
        }
    }
    at
}

/// ` [^\s\p{L}\p{N}]+`
fn symbols_after_blank(text: &[u8], start: usize, after_first: usize) -> Option<usize> {
    let end = if text.get(start) == Some(&b' ') { symbols(text, after_first) } else { after_first };
    (end > after_first).then_some(end)
}

fn symbols(text: &[u8], start: usize) -> usize {
    chars(text, start, Class::is_symbol)
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+`: up to the last line end of the run; else all of it at the end of the text; else all
/// but its last character, which may belong to the next word; a single one by itself.
fn white_space(text: &[u8], start: usize) -> usize {
    let (mut at, mut last_newline, mut last_start) = (start, None, start);
    loop {
        let (class, next) = char_at(text, at);
        match class {
            Class::Newline => last_newline = Some(next),
            Class::Space => {}
            _ => break,
        }
        last_start = at;
        at = next;
    }
    match last_newline {
        Some(end) => end,
        None if at == text.len() || last_start == start => at,
        None => last_start,
    }
}

/// The end of the run of characters of a kind.
fn chars(text: &[u8], start: usize, wanted: impl Fn(Class) -> bool) -> usize {
    let mut at = start;
    while let Some(byte) = text.get(at) {
        let (class, next) = if *byte < 0x80 { (Class::of_ascii(*byte), at + 1) } else { char_at(text, at) };
        if !wanted(class) {
            break;
        }
        at = next;
    }
    at
}

fn run(text: &[u8], start: usize, wanted: impl Fn(u8) -> bool) -> usize {
    start + text.get(start..).unwrap_or(&[]).iter().take_while(|byte| wanted(**byte)).count()
}

/// The class of the character at `at` and where the next one starts; at the end a digit, which belongs to no run that
/// looks ahead, and the end itself.
pub(crate) fn char_at(text: &[u8], at: usize) -> (Class, usize) {
    let byte = |ahead: usize| text.get(at + ahead).map_or(0, |byte| u32::from(*byte));
    let Some(first) = text.get(at) else { return (Class::Number, at) };
    if *first < 0x80 {
        return (Class::of_ascii(*first), at + 1);
    }
    let first = u32::from(*first);
    match first {
        // U+5000 to U+9FFF, Han all of it.
        0xE5..=0xE9 => (Class::Uncased, at + 3),
        0x80..0xE0 => (Class::of((first & 0x1F) << 6 | byte(1) & 0x3F), at + 2),
        0xE0..0xF0 => (Class::of((first & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | byte(2) & 0x3F), at + 3),
        _ => {
            let high = (first & 7) << 18 | (byte(1) & 0x3F) << 12;
            (Class::of(high | (byte(2) & 0x3F) << 6 | byte(3) & 0x3F), at + 4)
        }
    }
}
