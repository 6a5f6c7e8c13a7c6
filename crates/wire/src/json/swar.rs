//! Finding a byte eight at a time, in plain 64-bit arithmetic: the module is built without wasm SIMD, and a loop over
//! single bytes would be most of the cost of reading a long prompt.

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Where the plain part of a string ends: the first quote, backslash or control character at or after `from`, else
/// the length of `bytes`.
pub(crate) fn string_stop(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |word| equal(word, b'"') | equal(word, b'\\') | below_space(word),
        |b| matches!(b, b'"' | b'\\' | 0..0x20),
    )
}

/// The first CR or LF at or after `from`, else the length of `bytes`.
pub(crate) fn line_end(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |word| equal(word, b'\n') | equal(word, b'\r'), |b| matches!(b, b'\n' | b'\r'))
}

/// `in_word` marks hits by the high bit of their byte. A byte above a hit may be marked wrongly (the subtraction
/// borrows), the lowest mark never is, and it alone is used.
#[inline]
fn find(bytes: &[u8], from: usize, in_word: impl Fn(u64) -> u64, is_hit: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    let (words, tail) = rest.as_chunks::<8>();
    let mut at = from;
    for word in words {
        let hits = in_word(u64::from_le_bytes(*word));
        if hits != 0 {
            return at.wrapping_add((hits.trailing_zeros() as usize) >> 3);
        }
        at = at.wrapping_add(8);
    }
    at.wrapping_add(tail.iter().position(|b| is_hit(*b)).unwrap_or(tail.len()))
}

#[inline]
const fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (LOW.wrapping_mul(byte as u64));
    zero_where_equal.wrapping_sub(LOW) & !zero_where_equal & HIGH
}

#[inline]
const fn below_space(word: u64) -> u64 {
    word.wrapping_sub(LOW.wrapping_mul(0x20)) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_is_judged_as_one_by_one() {
        for byte in 0..=255u8 {
            for place in 0..20 {
                let mut text = vec![b'a'; 20];
                text[place] = byte;
                text[19] = b'"';
                let expected = text.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap();
                assert_eq!(string_stop(&text, 0), expected, "byte {byte} at {place}");
                let line = text.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(20);
                assert_eq!(line_end(&text, 0), line, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn a_start_beyond_the_end_finds_nothing() {
        assert_eq!(string_stop(b"ab", 7), 7);
    }
}
