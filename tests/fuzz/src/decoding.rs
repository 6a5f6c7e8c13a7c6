//! Content codings: the same in any split, whole where they are whole, and never more than their share of memory.

use crate::memory::peak;
use crate::seeds::{EVENTS, JSON, Seeds};
use crate::{Random, Target};
use flate2::Compression;
use std::io::Write;
use wire::{Api, Decoder};

/// Bytes beyond what a decoder says it takes: what it hands over, and what comes and goes inside.
const BESIDE: usize = 1 << 20;

pub(crate) fn targets(seeds: &Seeds) -> Vec<Target> {
    let mut plain = seeds.responses(Api::OpenAiChat, EVENTS);
    plain.extend(seeds.responses(Api::OpenAiChat, JSON));
    plain.truncate(12);
    let gzip = plain.iter().map(|body| gzip(body)).collect::<Vec<_>>();
    let zlib = plain.iter().map(|body| zlib(body)).collect::<Vec<_>>();
    let twice = gzip.iter().map(|body| zlib_of(body)).collect();
    let encodings = [
        ("gzip", gzip),
        ("deflate", zlib),
        ("gzip, deflate", twice),
        // Files of the decoder's own tests; there is no encoder among our dependencies.
        ("br", files("br")),
        ("zstd", files("zstd")),
    ];
    let targets = encodings.into_iter().map(|(name, seeds)| Target {
        name: format!("decoder/{}", name.replace(", ", "+")),
        seeds,
        check: Box::new(move |body| check(name, body)),
    });
    targets.collect()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::default());
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

fn zlib_of(body: &[u8]) -> Vec<u8> {
    zlib(body)
}

fn files(extension: &str) -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../crates/wire/tests/encoding");
    ["events", "bomb"]
        .iter()
        .filter_map(|name| std::fs::read(format!("{folder}/{name}.{extension}")).ok())
        .collect()
}

fn check(encoding: &str, body: &[u8]) {
    let mut random = Random::of(body);
    let whole = decoded(encoding, body, &[0, body.len()]);
    let each_byte: Vec<usize> = (0..=body.len().min(2_000)).chain([body.len()]).collect();
    for cuts in [random.cuts(body.len()), each_byte] {
        let pieces = decoded(encoding, body, &cuts);
        if whole.1 > 0 || pieces.1 > 0 {
            // It is read up to about the damage: a piece counts as a whole.
            assert!(whole.1 > 0 && pieces.1 > 0, "damaged in one split only: {cuts:?}");
            let common = whole.0.len().min(pieces.0.len());
            assert!(whole.0[..common] == pieces.0[..common], "other bytes came out, cut at {cuts:?}");
        } else {
            assert_eq!(pieces.2, whole.2, "cut at {cuts:?}");
            let sizes = (pieces.0.len(), whole.0.len());
            assert!(pieces.0 == whole.0, "{sizes:?} bytes came out, cut at {cuts:?}");
        }
    }
}

/// What came out, the bytes that were not read, and whether the end was missing.
fn decoded(encoding: &str, body: &[u8], cuts: &[usize]) -> (Vec<u8>, u64, bool) {
    let Some(mut decoder) = Decoder::new(encoding.as_bytes()) else { return (body.to_vec(), 0, false) };
    let mut out = Vec::with_capacity(body.len() * 64 + (2 << 20));
    for ends in cuts.windows(2) {
        let ((), bytes) =
            peak(|| decoder.feed(&body[ends[0]..ends[1]], &mut |piece| out.extend_from_slice(piece)));
        let may = usize::try_from(decoder.memory()).unwrap_or(usize::MAX).saturating_add(BESIDE);
        assert!(bytes <= may.max(MOST), "{bytes} bytes of memory where {may} were to do");
    }
    decoder.finish(&mut |piece| out.extend_from_slice(piece));
    (out, decoder.unread_bytes(), decoder.is_truncated())
}

/// What a decoder may take before it says that it gives up: brotli's largest window (RFC 7932, 9.1) is 16 MiB.
const MOST: usize = 20 << 20;
