//! gzip (RFC 1952) and deflate, by `flate2`.

use super::{Damaged, Sink};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::fmt;
use std::io::Write;

/// One byte of deflate becomes at most 1,032: this many at a time cannot become more than 270 kB.
const SLICE: usize = 256;

/// Window, tables and the library's output buffer.
pub(super) const MEMORY: u64 = 96 * 1024;

/// Any number of gzip members.
pub(super) struct Gzip(MultiGzDecoder<Vec<u8>>);

impl Default for Gzip {
    fn default() -> Self {
        Gzip(MultiGzDecoder::new(Vec::new()))
    }
}

impl Gzip {
    pub(super) fn decode(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        run(&mut self.0, MultiGzDecoder::get_mut, input, sink)
    }

    /// Whether the last member came to its end, and is what its checksum says. Nothing can be decoded after this.
    pub(super) fn is_whole(&mut self) -> bool {
        self.0.try_finish().is_ok()
    }
}

/// zlib's format (RFC 1950), as the specification has it, or bare deflate (RFC 1951), as some servers have it.
#[derive(Default)]
pub(super) enum Deflate {
    #[default]
    Unknown,
    /// The first byte; the second one tells.
    Begun(u8),
    Zlib(ZlibDecoder<Vec<u8>>),
    Bare(DeflateDecoder<Vec<u8>>),
}

impl Deflate {
    pub(super) fn decode(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        match (&mut *self, input) {
            (Deflate::Zlib(zlib), _) => run(zlib, ZlibDecoder::get_mut, input, sink),
            (Deflate::Bare(bare), _) => run(bare, DeflateDecoder::get_mut, input, sink),
            (_, []) => Ok(()),
            (Deflate::Unknown, [first]) => {
                *self = Deflate::Begun(*first);
                Ok(())
            }
            (Deflate::Unknown, [first, second, ..]) => {
                *self = Deflate::starting(*first, *second);
                self.decode(input, sink)
            }
            (Deflate::Begun(first), [second, ..]) => {
                let first = *first;
                *self = Deflate::starting(first, *second);
                self.decode(&[first], sink)?;
                self.decode(input, sink)
            }
        }
    }

    /// Whether it came to its end. Nothing can be decoded after this.
    pub(super) fn is_whole(&mut self) -> bool {
        match self {
            Deflate::Unknown | Deflate::Begun(_) => false,
            Deflate::Zlib(zlib) => zlib.try_finish().is_ok(),
            Deflate::Bare(bare) => bare.try_finish().is_ok(),
        }
    }

    /// zlib's header names method 8 and is a multiple of 31 (RFC 1950, 2.2).
    fn starting(first: u8, second: u8) -> Deflate {
        if first & 0x0f == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31) {
            Deflate::Zlib(ZlibDecoder::new(Vec::new()))
        } else {
            Deflate::Bare(DeflateDecoder::new(Vec::new()))
        }
    }
}

fn run<D: Write>(
    decoder: &mut D,
    output: fn(&mut D) -> &mut Vec<u8>,
    input: &[u8],
    sink: &mut Sink<'_>,
) -> Result<(), Damaged> {
    for slice in input.chunks(SLICE) {
        // What was decoded before the damage is handed over all the same.
        let written = decoder.write_all(slice).and_then(|()| decoder.flush());
        let mut decoded = std::mem::take(output(decoder));
        if !decoded.is_empty() {
            sink(&decoded)?;
        }
        decoded.clear();
        *output(decoder) = decoded;
        written.map_err(|_| Damaged)?;
    }
    Ok(())
}

impl fmt::Debug for Gzip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gzip")
    }
}

impl fmt::Debug for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deflate")
    }
}
