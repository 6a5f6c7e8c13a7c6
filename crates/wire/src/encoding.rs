//! Content codings (RFC 9110, 8.4): encoded bytes, in any split, become decoded bytes, in bounded memory.

mod brotli;
mod deflate;
mod zstd;

use brotli::Brotli;
use deflate::{Deflate, Gzip};
use std::fmt;
use zstd::Zstd;

/// Codings on top of each other. Nobody needs more than one; more would only multiply what a bomb can do.
const MOST_LAYERS: usize = 2;

/// Decoded bytes that a body may have for each encoded byte, beyond the first [`FREE`]. Events that are flushed one by
/// one shrink to a tenth; whole streams of short events, as recorded, to a twentieth.
const RATIO: u64 = 64;
const FREE: u64 = 1 << 20;

/// Decodes one body while it passes.
///
/// What comes out does not depend on how the body was cut, and is handed over in pieces. A body that is damaged, or
/// grows beyond all proportion (a decompression bomb), is read up to about that point, one in a coding that is not
/// known not at all; the rest is counted in [`Decoder::unread_bytes`].
pub struct Decoder {
    /// The one applied last comes first. `None`: given up.
    layers: Option<Vec<Layer>>,
    growth: Growth,
    unread: u64,
    truncated: bool,
}

/// How a layer ended.
struct End {
    /// Encoded bytes at the end that nothing could be made of.
    left: u64,
    /// Whether the encoded body came to its end, as the coding marks it.
    whole: bool,
}

enum Layer {
    Gzip(Gzip),
    Deflate(Deflate),
    Brotli(Box<Brotli>),
    Zstd(Box<Zstd>),
}

/// The encoded bytes are not what they claim to be, or claim too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Damaged;

/// Takes decoded bytes.
type Sink<'s> = dyn FnMut(&[u8]) -> Result<(), Damaged> + 's;

/// What went in and what came out, of all layers together.
#[derive(Debug, Default)]
struct Growth {
    encoded: u64,
    decoded: u64,
}

impl Growth {
    fn add(&mut self, decoded: usize) -> Result<(), Damaged> {
        self.decoded = self.decoded.saturating_add(decoded as u64);
        let most = self.encoded.saturating_mul(RATIO).saturating_add(FREE);
        if self.decoded > most { Err(Damaged) } else { Ok(()) }
    }
}

impl Decoder {
    /// For a body with this `content-encoding`. `None`: it is not encoded.
    #[must_use]
    pub fn new(content_encoding: &[u8]) -> Option<Decoder> {
        let mut layers = Some(Vec::new());
        let names = content_encoding.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        for name in names.filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(b"identity")) {
            let layer = Layer::named(name);
            layers = layers.zip(layer).map(|(mut layers, layer)| {
                layers.insert(0, layer);
                layers
            });
        }
        let layers = layers.filter(|layers| layers.len() <= MOST_LAYERS);
        match &layers {
            Some(layers) if layers.is_empty() => None,
            _ => Some(Decoder { layers, growth: Growth::default(), unread: 0, truncated: false }),
        }
    }

    /// Takes the next piece, and hands over what it decodes to. One piece may give many, or none.
    pub fn feed(&mut self, piece: &[u8], decoded: &mut dyn FnMut(&[u8])) {
        let size = piece.len() as u64;
        self.growth.encoded = self.growth.encoded.saturating_add(size);
        let Some(layers) = &mut self.layers else {
            self.unread = self.unread.saturating_add(size);
            return;
        };
        if decode(layers, piece, &mut self.growth, decoded).is_err() {
            self.give_up();
            self.unread = self.unread.saturating_add(size);
        }
    }

    /// The body is over, or cut short: hands over what is left.
    pub fn finish(&mut self, decoded: &mut dyn FnMut(&[u8])) {
        if let Some(mut layers) = self.layers.take() {
            let end = finish(&mut layers, &mut self.growth, decoded);
            self.unread = self.unread.saturating_add(end.as_ref().map_or(0, |end| end.left));
            self.truncated = self.growth.encoded > 0 && !end.is_ok_and(|end| end.whole);
        }
    }

    /// Reads nothing more: the rest is counted as unread. Frees its memory.
    pub fn give_up(&mut self) {
        self.layers = None;
    }

    /// Encoded bytes that could not be read.
    #[must_use]
    pub const fn unread_bytes(&self) -> u64 {
        self.unread
    }

    /// Whether the body ended, by [`Decoder::finish`], before its coding says it does.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether what was flushed by the sender also comes out at once. Not so for zstd, which is read a window late.
    #[must_use]
    pub fn is_prompt(&self) -> bool {
        self.layers.as_ref().is_some_and(|layers| !layers.iter().any(|layer| matches!(layer, Layer::Zstd(_))))
    }

    /// Bytes of memory that it takes by now, at most.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let layers = self.layers.as_deref().unwrap_or_default();
        layers.iter().fold(0, |sum, layer| sum.saturating_add(layer.memory(self.growth.decoded)))
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("growth", &self.growth).field("unread", &self.unread).finish()
    }
}

impl Layer {
    fn named(name: &[u8]) -> Option<Layer> {
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        if is("gzip") || is("x-gzip") {
            Some(Layer::Gzip(Gzip::default()))
        } else if is("deflate") {
            Some(Layer::Deflate(Deflate::default()))
        } else if is("br") {
            Some(Layer::Brotli(Box::default()))
        } else if is("zstd") {
            Some(Layer::Zstd(Box::default()))
        } else {
            None
        }
    }

    fn decode(&mut self, input: &[u8], sink: &mut Sink<'_>) -> Result<(), Damaged> {
        match self {
            Layer::Gzip(gzip) => gzip.decode(input, sink),
            Layer::Deflate(deflate) => deflate.decode(input, sink),
            Layer::Brotli(brotli) => brotli.decode(input, sink),
            Layer::Zstd(zstd) => zstd.decode(input, sink),
        }
    }

    /// Hands over what it has kept back.
    fn finish(&mut self, sink: &mut Sink<'_>) -> Result<End, Damaged> {
        let at_end = |whole| Ok(End { left: 0, whole });
        match self {
            Layer::Gzip(gzip) => at_end(gzip.is_whole()),
            Layer::Deflate(deflate) => at_end(deflate.is_whole()),
            Layer::Brotli(brotli) => at_end(brotli.is_whole()),
            Layer::Zstd(zstd) => zstd.finish(sink),
        }
    }

    fn memory(&self, decoded: u64) -> u64 {
        match self {
            Layer::Gzip(_) | Layer::Deflate(_) => deflate::MEMORY,
            // Their windows grow with what was decoded, by doubling.
            Layer::Brotli(_) => brotli::TABLES.saturating_add(decoded.saturating_mul(2).min(brotli::WINDOW)),
            Layer::Zstd(_) => zstd::TABLES.saturating_add(decoded.saturating_mul(2).min(zstd::WINDOW)),
        }
    }
}

fn decode(
    layers: &mut [Layer],
    input: &[u8],
    growth: &mut Growth,
    decoded: &mut dyn FnMut(&[u8]),
) -> Result<(), Damaged> {
    let Some((layer, inner)) = layers.split_first_mut() else {
        decoded(input);
        return Ok(());
    };
    layer.decode(input, &mut |output| {
        growth.add(output.len())?;
        decode(inner, output, growth, decoded)
    })
}

fn finish(layers: &mut [Layer], growth: &mut Growth, decoded: &mut dyn FnMut(&[u8])) -> Result<End, Damaged> {
    let Some((layer, inner)) = layers.split_first_mut() else { return Ok(End { left: 0, whole: true }) };
    let end = layer.finish(&mut |output| {
        growth.add(output.len())?;
        decode(inner, output, growth, decoded)
    })?;
    let within = finish(inner, growth, decoded)?;
    Ok(End { left: end.left.saturating_add(within.left), whole: end.whole && within.whole })
}
