//! A request's body as its provider will read it.

use wire::Decoder;

/// A body may decode to so many bytes: above any prompt that a model takes. Memory of a VM never shrinks.
const LARGEST: usize = 16 << 20;
/// A decoder lets every body grow to more than this before it gives up.
const GIVEN_UP: usize = 1 << 19;

/// A body, decoded if it came encoded: else an encoding would be a way past the budgets.
#[derive(Debug)]
pub(super) struct SentBody {
    pub(super) plain: Vec<u8>,
    /// Bytes as they came.
    pub(super) length: usize,
    pub(super) encoded: bool,
}

/// It decodes to more than is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooLarge;

impl SentBody {
    /// A body that is not what its encoding says is taken as it is: so does a provider that does not heed the header.
    pub(super) fn new(content_encoding: &[u8], body: Vec<u8>) -> Result<SentBody, TooLarge> {
        let length = body.len();
        let Some(mut decoder) = Decoder::new(content_encoding) else {
            return Ok(SentBody { plain: body, length, encoded: false });
        };
        let (mut plain, mut too_large) = (Vec::new(), false);
        let mut keep = |piece: &[u8]| {
            too_large |= plain.len().saturating_add(piece.len()) > LARGEST;
            if !too_large {
                plain.extend_from_slice(piece);
            }
        };
        decoder.feed(&body, &mut keep);
        decoder.finish(&mut keep);
        // What grows beyond all proportion has been given up by the decoder itself, after at least as much.
        if too_large || plain.len() >= GIVEN_UP && decoder.unread_bytes() > 0 {
            return Err(TooLarge);
        }
        let whole = decoder.unread_bytes() == 0 && !decoder.is_truncated();
        Ok(SentBody { plain: if whole { plain } else { body }, length, encoded: whole })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn gzip(body: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn an_encoded_body_is_read_as_what_it_stands_for() {
        let sent = gzip(b"{\"model\":\"m\"}");
        let body = SentBody::new(b"gzip", sent.clone()).unwrap();
        assert_eq!(
            (body.plain.as_slice(), body.length, body.encoded),
            (&b"{\"model\":\"m\"}"[..], sent.len(), true)
        );
    }

    #[test]
    fn a_body_that_only_claims_to_be_encoded_is_read_as_it_is() {
        for claimed in ["gzip", "br", "zstd", "deflate", "unheard-of"] {
            let body = SentBody::new(claimed.as_bytes(), b"{\"model\":\"m\"}".to_vec()).unwrap();
            assert_eq!(
                (body.plain.as_slice(), body.encoded),
                (&b"{\"model\":\"m\"}"[..], false),
                "{claimed}"
            );
        }
    }

    #[test]
    fn a_bomb_is_refused_and_a_long_prompt_is_not() {
        assert_eq!(SentBody::new(b"gzip", gzip(&vec![b' '; 64 << 20])).unwrap_err(), TooLarge);
        let mut state = 1u64;
        let letters = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            b'a' + (state >> 60) as u8
        });
        let prompt: Vec<u8> = letters.take(3 << 20).collect();
        assert_eq!(SentBody::new(b"gzip", gzip(&prompt)).unwrap().plain, prompt);
    }
}
