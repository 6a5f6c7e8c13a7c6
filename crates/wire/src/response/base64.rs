//! Base64 (RFC 4648, section 4) that arrives in pieces.

/// Bytes decoded at a time.
const BATCH: usize = 192;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Base64 {
    bits: u32,
    count: u32,
}

impl Base64 {
    /// Decodes the next piece. What is no digit (padding, line ends) is skipped.
    pub(crate) fn decode(&mut self, piece: &str, mut emit: impl FnMut(&[u8])) {
        let mut batch = [0u8; BATCH];
        let mut filled = 0usize;
        for byte in piece.bytes() {
            let Some(digit) = digit(byte) else { continue };
            self.bits = self.bits << 6 | digit;
            self.count = self.count.wrapping_add(6);
            if self.count < 8 {
                continue;
            }
            self.count = self.count.wrapping_sub(8);
            if let Some(place) = batch.get_mut(filled) {
                *place = (self.bits >> self.count) as u8;
            }
            filled = filled.wrapping_add(1);
            if filled == BATCH {
                emit(&batch);
                filled = 0;
            }
        }
        emit(batch.get(..filled).unwrap_or_default());
    }
}

const fn digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte.wrapping_sub(b'A'),
        b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(26),
        b'0'..=b'9' => byte.wrapping_sub(b'0').wrapping_add(52),
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(digit as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of RFC 4648, section 10.
    #[test]
    fn the_standards_examples_in_any_split() {
        for (text, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ] {
            for cut in 0..=encoded.len() {
                let (mut base64, mut decoded) = (Base64::default(), Vec::new());
                for piece in [&encoded[..cut], &encoded[cut..]] {
                    base64.decode(piece, |bytes| decoded.extend_from_slice(bytes));
                }
                assert_eq!(decoded, text.as_bytes());
            }
        }
    }
}
