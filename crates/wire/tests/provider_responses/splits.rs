//! However a response is cut, encoded or not, the meter says the same, and the client gets the same bytes.

use crate::common;
use crate::corpus::exchanges;
use crate::documented;
use crate::fixtures::all;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use tokens::Encoding::O200kBase;
use wire::{Decoder, Extras, FinishReason, Passed, Reported, ResponseMeter};

/// So many places of a body are cut, spread over it: of the documented ones nearly all; of the recorded ones, which
/// are many and alike, every place of those up to 4 kB and at least so many of longer ones, unless `EVERY_SPLIT` is set.
const DOCUMENTED: usize = 2_000;
const RECORDED: usize = 100;
const RECORDED_BYTES: usize = 16_000_000;

pub(crate) struct Metered {
    pub(crate) said: Said,
    pub(crate) client: Vec<u8>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Said {
    usage: Option<Reported>,
    extras: Extras,
    output: (u64, u64),
    facts: (Option<String>, Option<FinishReason>, Option<String>, u64, bool),
    pub(crate) unread: u64,
    pub(crate) truncated: bool,
}

pub(crate) fn metered<'p>(mut meter: ResponseMeter, pieces: impl IntoIterator<Item = &'p [u8]>) -> Metered {
    let mut client = Vec::new();
    for piece in pieces {
        match meter.feed(piece, false) {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend(bytes),
        }
    }
    client.extend(meter.release());
    let said = Said {
        usage: meter.usage(),
        extras: meter.extras(),
        output: (meter.output_chunks(), meter.count_output(O200kBase).tokens),
        facts: (
            meter.model().map(str::to_owned),
            meter.finish_reason(),
            meter.error().map(str::to_owned),
            meter.tool_calls(),
            meter.error_seen(),
        ),
        unread: meter.unread_bytes(),
        truncated: meter.is_truncated(),
    };
    Metered { said, client }
}

/// A generator of numbers (xorshift): the cuts are the same in every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).unwrap()
    }
}

fn check(name: &str, body: &[u8], meter: impl Fn() -> ResponseMeter, random: &mut Random, most: usize) {
    let whole = metered(meter(), [body]);
    let same = |other: Metered, how: String| {
        assert_eq!(other.said, whole.said, "{name}, {how}");
        assert!(other.client == whole.client, "{name}, {how}: other bytes");
    };
    let places = body.len() + 1;
    let step = places.div_ceil(most);
    for cut in (0..places).step_by(step) {
        let (a, b) = body.split_at(cut);
        same(metered(meter(), [a, b]), format!("cut at {cut}"));
    }
    for _ in 0..20 {
        let mut cuts: Vec<usize> = (0..random.below(12)).map(|_| random.below(places)).collect();
        cuts.extend([0, body.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|ends| &body[ends[0]..ends[1]]);
        same(metered(meter(), pieces), format!("cut at {cuts:?}"));
    }
    for size in [1, 2, 3, 61] {
        same(metered(meter(), body.chunks(size)), format!("in pieces of {size}"));
    }
}

#[test]
fn documented_responses_are_metered_alike_in_any_split() {
    let mut random = Random(7);
    for fixture in all() {
        for strip in [false, true] {
            check(
                fixture.name,
                &fixture.body,
                || documented::meter(&fixture, strip),
                &mut random,
                DOCUMENTED,
            );
        }
        // A stream that breaks off, too.
        let half = &fixture.body[..fixture.body.len() / 2];
        check(fixture.name, half, || documented::meter(&fixture, true), &mut random, DOCUMENTED);
    }
}

#[test]
fn recorded_responses_are_metered_alike_in_any_split() {
    let mut random = Random(8);
    let every = std::env::var_os("EVERY_SPLIT").is_some();
    for exchange in exchanges() {
        let places = RECORDED_BYTES / exchange.response.len().max(1);
        let most = if every { usize::MAX } else { places.max(RECORDED) };
        let strips = exchange.content_type.starts_with("text/event-stream");
        for strip in if strips { &[false, true][..] } else { &[false] } {
            let meter = || common::meter(exchange.api, &exchange.content_type, *strip);
            check(&exchange.id, &exchange.response, meter, &mut random, most);
        }
    }
}

/// Meters a body that comes gzipped, in these pieces.
fn unzipped<'p>(meter: ResponseMeter, pieces: impl IntoIterator<Item = &'p [u8]>) -> Metered {
    let mut decoder = Decoder::new(b"gzip").unwrap();
    let mut decoded: Vec<Vec<u8>> = Vec::new();
    for piece in pieces {
        decoder.feed(piece, &mut |bytes| decoded.push(bytes.to_vec()));
    }
    decoder.finish(&mut |bytes| decoded.push(bytes.to_vec()));
    assert_eq!((decoder.unread_bytes(), decoder.is_truncated()), (0, false));
    metered(meter, decoded.iter().map(Vec::as_slice))
}

fn check_zipped(name: &str, body: &[u8], meter: impl Fn() -> ResponseMeter, random: &mut Random) {
    let whole = metered(meter(), [body]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).unwrap();
    let zipped = encoder.finish().unwrap();
    let same = |other: Metered, how: String| {
        assert_eq!(other.said, whole.said, "{name}, gzipped, {how}");
        assert!(other.client == whole.client, "{name}, gzipped, {how}: other bytes");
    };
    for size in [1, 7, 1_000, usize::MAX] {
        same(unzipped(meter(), zipped.chunks(size)), format!("in pieces of {size}"));
    }
    for _ in 0..4 {
        let (a, b) = zipped.split_at(random.below(zipped.len() + 1));
        same(unzipped(meter(), [a, b]), format!("cut at {}", a.len()));
    }
}

#[test]
fn gzipped_responses_are_metered_like_plain_ones_in_any_split() {
    let mut random = Random(9);
    for fixture in all() {
        check_zipped(fixture.name, &fixture.body, || documented::meter(&fixture, true), &mut random);
    }
    for exchange in exchanges() {
        let strip = exchange.content_type.starts_with("text/event-stream");
        let meter = || common::meter(exchange.api, &exchange.content_type, strip);
        check_zipped(&exchange.id, &exchange.response, meter, &mut random);
    }
}
