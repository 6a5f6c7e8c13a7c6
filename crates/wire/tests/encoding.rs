//! Content codings: bodies encoded by other implementations, in any split, whole, damaged and hostile.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg(not(target_arch = "wasm32"))]

use proptest::prelude::*;
use std::path::Path;
use wire::Decoder;

/// The flushed pieces of a fixture (`encoding/make.py` writes them).
fn pieces(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/encoding").join(name);
    let bytes = std::fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut pieces = Vec::new();
    while let Some((size, behind)) = rest.split_first_chunk::<4>() {
        let (piece, behind) = behind.split_at(u32::from_le_bytes(*size) as usize);
        pieces.push(piece.to_vec());
        rest = behind;
    }
    pieces
}

fn whole(name: &str) -> Vec<u8> {
    pieces(name).concat()
}

/// Content codings, and the fixtures encoded by them.
const CODINGS: [(&str, &str); 6] = [
    ("gzip", "events.gzip"),
    ("deflate", "events.deflate"),
    ("Deflate", "events.bare-deflate"),
    ("br", "events.br"),
    ("zstd", "events.zstd"),
    ("gzip, br", "events.gzip-br"),
];

/// Everything that comes out, and how many bytes could not be read.
fn decode<'p>(coding: &str, pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<u8>, u64) {
    let (decoded, decoder) = decoded(coding, pieces);
    (decoded, decoder.unread_bytes())
}

fn decoded<'p>(coding: &str, pieces: impl IntoIterator<Item = &'p [u8]>) -> (Vec<u8>, Decoder) {
    let mut decoder = Decoder::new(coding.as_bytes()).unwrap();
    let mut decoded = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| decoded.extend_from_slice(bytes));
    }
    decoder.finish(&mut |bytes| decoded.extend_from_slice(bytes));
    (decoded, decoder)
}

#[test]
fn every_coding_is_read_whole_and_byte_by_byte() {
    let plain = whole("events.plain");
    for (coding, file) in CODINGS {
        let encoded = whole(file);
        assert_eq!(decode(coding, [encoded.as_slice()]), (plain.clone(), 0), "{coding}");
        assert_eq!(decode(coding, encoded.chunks(1)), (plain.clone(), 0), "{coding}, byte by byte");
        assert!(!decoded(coding, encoded.chunks(100)).1.is_truncated(), "{coding}");
    }
}

#[test]
fn what_is_not_encoded_needs_no_decoder() {
    for plain in ["", "identity", " Identity ,"] {
        assert!(Decoder::new(plain.as_bytes()).is_none(), "{plain}");
    }
}

#[test]
fn a_flushed_event_comes_out_at_once() {
    let events = pieces("events.plain");
    for (coding, file) in &CODINGS[..4] {
        let mut decoder = Decoder::new(coding.as_bytes()).unwrap();
        assert!(decoder.is_prompt());
        for (event, piece) in events.iter().zip(pieces(file)) {
            let mut decoded = Vec::new();
            decoder.feed(&piece, &mut |bytes| decoded.extend_from_slice(bytes));
            assert_eq!(&decoded, event, "{coding}");
        }
    }
    assert!(!Decoder::new(b"zstd").unwrap().is_prompt());
}

#[test]
fn a_body_that_was_cut_short_is_read_as_far_as_it_went() {
    let plain = pieces("events.plain");
    for (coding, file) in CODINGS.iter().filter(|(coding, _)| !coding.contains(',')) {
        let encoded = pieces(file);
        for seen in [1, 7, 30] {
            let (decoded, decoder) = decoded(coding, encoded[..seen].iter().map(Vec::as_slice));
            assert_eq!((&decoded, decoder.unread_bytes()), (&plain[..seen].concat(), 0), "{coding}, {seen}");
            assert!(decoder.is_truncated(), "{coding}, {seen} pieces");
        }
    }
}

#[test]
fn codings_that_are_not_known_leave_everything_unread() {
    for coding in ["compress", "gzip, dcb", "gzip;q=1", "br, gzip, br", "\u{e9}"] {
        assert_eq!(decode(coding, [b"0123456789".as_slice(), b"01234"]), (Vec::new(), 15), "{coding}");
    }
}

#[test]
fn what_follows_damage_is_unread() {
    for (coding, file) in CODINGS {
        let mut encoded = pieces(file);
        let size = encoded.iter().map(Vec::len).sum::<usize>() as u64;
        encoded.push(b"<html>".repeat(10));
        let (decoded, unread) = decode(coding, encoded.iter().map(Vec::as_slice));
        assert_eq!((decoded, unread), (whole("events.plain"), 60), "{coding} with something behind it");
        let (decoded, unread) = decode(coding, [b"{\"not\": \"encoded\"}".repeat(90).as_slice()]);
        assert!(unread > 0 && decoded.len() < 2_000, "{coding}: {} bytes of {size}", decoded.len());
    }
}

#[test]
fn several_members_follow_each_other() {
    let plain = whole("events.plain").repeat(2);
    for (coding, file) in [("x-gzip", "events.gzip"), ("zstd", "events.zstd")] {
        assert_eq!(decode(coding, whole(file).repeat(2).chunks(5)), (plain.clone(), 0), "{coding}");
    }
}

#[test]
fn a_bomb_goes_off_in_a_small_room() {
    for coding in ["gzip", "br", "zstd"] {
        let bomb = whole(&format!("bomb.{coding}"));
        let mut decoder = Decoder::new(coding.as_bytes()).unwrap();
        let (mut decoded, mut largest, mut memory) = (0, 0, 0);
        for piece in bomb.chunks(16 * 1024) {
            decoder.feed(piece, &mut |bytes| {
                decoded += bytes.len();
                largest = largest.max(bytes.len());
            });
            memory = memory.max(decoder.memory());
        }
        decoder.finish(&mut |bytes| decoded += bytes.len());
        assert!(decoder.unread_bytes() > 0, "{coding} was read to its end");
        // A mebibyte is free, and 64 bytes for each encoded one; the piece that goes beyond is not handed over.
        assert!(decoded <= (1 << 20) + 64 * bomb.len(), "{coding}: {decoded} of {}", bomb.len());
        assert!(largest <= 512 * 1024, "{coding}: {largest} at once");
        assert!(memory <= 17 << 20, "{coding}: {memory}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_decodes_to_the_same(coding in 0..CODINGS.len(), cuts in prop::collection::btree_set(1usize..2_000, 0..30)) {
        let (coding, file) = CODINGS[coding];
        let encoded = whole(file);
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().filter(|cut| *cut < encoded.len()) {
            pieces.push(&encoded[from..cut]);
            from = cut;
        }
        pieces.push(&encoded[from..]);
        prop_assert!(decode(coding, pieces) == (whole("events.plain"), 0));
    }

    #[test]
    fn damage_never_panics_and_cuts_off_what_follows(
        coding in 0..CODINGS.len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4),
        size in 1usize..900,
    ) {
        let (coding, file) = CODINGS[coding];
        let mut encoded = whole(file);
        for (at, flip) in flips {
            let at = at.index(encoded.len());
            encoded[at] ^= flip;
        }
        // Where it is noticed depends on how the body was cut, not what comes before.
        let (at_once, _) = decode(coding, [encoded.as_slice()]);
        let (in_pieces, _) = decode(coding, encoded.chunks(size));
        let same = at_once.len().min(in_pieces.len());
        prop_assert!(at_once[..same] == in_pieces[..same]);
    }

    #[test]
    fn no_bytes_panic(coding in 0..CODINGS.len(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(CODINGS[coding].0, [bytes.as_slice()]);
    }
}
