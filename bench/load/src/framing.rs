//! Where an HTTP/1.1 message ends: by length or by chunks, fed in any split.

/// What is left of one message body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    Length(usize),
    Chunked(Chunk),
}

/// Where in the chunked encoding (RFC 9112 section 7.1) the next byte falls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    Size(usize),
    /// Between the size's digits and the end of its line.
    Extension(usize),
    Data(usize),
    DataEnd,
    /// After the last chunk; whether the current line has bytes.
    Trailer {
        empty: bool,
    },
    Done,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl Framing {
    pub fn chunked() -> Self {
        Self::Chunked(Chunk::Size(0))
    }

    pub fn done(&self) -> bool {
        matches!(self, Self::Length(0) | Self::Chunked(Chunk::Done))
    }

    /// Takes from `input` what belongs to this body, hands its payload on span by span, and says how many bytes it took.
    pub fn feed(&mut self, input: &[u8], mut payload: impl FnMut(&[u8])) -> Result<usize, Malformed> {
        match self {
            Self::Length(left) => {
                let taken = input.len().min(*left);
                payload(&input[..taken]);
                *left -= taken;
                Ok(taken)
            }
            Self::Chunked(chunk) => {
                let mut at = 0;
                while at < input.len() && *chunk != Chunk::Done {
                    at += chunk.step(&input[at..], &mut payload)?;
                }
                Ok(at)
            }
        }
    }
}

impl Chunk {
    /// Takes one byte, or as much data as there is. `input` is not empty.
    fn step(&mut self, input: &[u8], payload: &mut impl FnMut(&[u8])) -> Result<usize, Malformed> {
        let byte = input[0];
        let (next, taken) = match *self {
            Self::Size(size) => match (byte as char).to_digit(16) {
                // Sixteen times more than any body here, and far from overflow.
                Some(digit) if size < 1 << 28 => (Self::Size(size * 16 + digit as usize), 1),
                Some(_) => return Err(Malformed),
                None => (Self::Extension(size), usize::from(byte != b'\n')),
            },
            Self::Extension(size) => match byte {
                b'\n' if size == 0 => (Self::Trailer { empty: true }, 1),
                b'\n' => (Self::Data(size), 1),
                _ => (Self::Extension(size), 1),
            },
            Self::Data(left) => {
                let taken = input.len().min(left);
                payload(&input[..taken]);
                (if taken == left { Self::DataEnd } else { Self::Data(left - taken) }, taken)
            }
            Self::DataEnd => match byte {
                b'\r' => (Self::DataEnd, 1),
                b'\n' => (Self::Size(0), 1),
                _ => return Err(Malformed),
            },
            Self::Trailer { empty } => match byte {
                b'\n' if empty => (Self::Done, 1),
                b'\n' => (Self::Trailer { empty: true }, 1),
                b'\r' => (Self::Trailer { empty }, 1),
                _ => (Self::Trailer { empty: false }, 1),
            },
            Self::Done => (Self::Done, 0),
        };
        *self = next;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds in pieces of `step` bytes; what the body was, and what came after it.
    fn read(mut framing: Framing, input: &[u8], step: usize) -> Result<(Vec<u8>, Vec<u8>), Malformed> {
        let (mut body, mut rest) = (Vec::new(), Vec::new());
        for piece in input.chunks(step) {
            let taken = framing.feed(piece, |span| body.extend_from_slice(span))?;
            rest.extend_from_slice(&piece[taken..]);
        }
        assert!(framing.done(), "unfinished at step {step}: {framing:?}");
        Ok((body, rest))
    }

    #[test]
    fn a_chunked_body_is_the_same_in_any_split() {
        let input = b"5\r\nhello\r\nC;name=value\r\n wide\r\nworld\r\n0\r\nx-trailer: 1\r\n\r\nNEXT";
        for step in 1..=input.len() {
            let (body, rest) = read(Framing::chunked(), input, step).expect("well-formed");
            assert_eq!(body, b"hello wide\r\nworld", "step {step}");
            assert_eq!(rest, b"NEXT", "step {step}");
        }
    }

    #[test]
    fn a_length_ends_the_body() {
        for step in 1..=8 {
            let (body, rest) = read(Framing::Length(5), b"helloNEXT", step).expect("well-formed");
            assert_eq!((body.as_slice(), rest.as_slice()), (&b"hello"[..], &b"NEXT"[..]));
        }
    }

    #[test]
    fn data_longer_than_its_size_is_malformed() {
        assert_eq!(read(Framing::chunked(), b"2\r\nabc\r\n0\r\n\r\n", 64), Err(Malformed));
    }
}
