//! Damaged responses: nothing panics, the cuts make no difference, and what is no JSON is what a parser finds none.

use crate::common;
use crate::documented;
use crate::fixtures::{EVENT_STREAM, LINES, all};
use crate::splits::{Random, metered};
use wire::Api;

const CONTENT_TYPES: [&str; 5] = [common::JSON, common::EVENTS, LINES, EVENT_STREAM, ""];
const BYTES: &[u8] = b"{}[]\":,\\\r\n \x000eu-.datf\xc3\xff";

fn damage(body: &[u8], random: &mut Random) -> Vec<u8> {
    let mut damaged = body.to_vec();
    for _ in 0..=random.below(3) {
        let place = random.below(damaged.len());
        let other = random.below(damaged.len());
        match random.below(4) {
            0 => damaged[place] = BYTES[random.below(BYTES.len())],
            1 => damaged[place] ^= 1 << random.below(8),
            2 => damaged.truncate(place.max(1)),
            _ => {
                let piece = damaged[place.min(other)..place.max(other)].to_vec();
                damaged.splice(place..place, piece);
            }
        }
    }
    damaged
}

#[test]
fn damaged_responses_are_metered_alike_in_any_split() {
    let mut random = Random(9);
    for fixture in all() {
        for _ in 0..60 {
            let body = damage(&fixture.body, &mut random);
            let whole = metered(documented::meter(&fixture, true), [body.as_slice()]);
            let size = 1 + random.below(40);
            let pieces = metered(documented::meter(&fixture, true), body.chunks(size));
            assert_eq!(
                pieces.said,
                whole.said,
                "{}: {:?} by {size}",
                fixture.name,
                body.escape_ascii().to_string()
            );
            assert!(pieces.client == whole.client, "{}: other bytes", fixture.name);
        }
    }
}

#[test]
fn any_format_takes_anything_in_any_framing() {
    let mut random = Random(10);
    for fixture in all() {
        let body = damage(&fixture.body, &mut random);
        for api in Api::ALL {
            for content_type in CONTENT_TYPES {
                let meter = || common::meter(api, content_type, true);
                let whole = metered(meter(), [body.as_slice()]);
                let size = 1 + random.below(40);
                let pieces = metered(meter(), body.chunks(size));
                assert_eq!(pieces.said, whole.said, "{} as {api:?}, {content_type}", fixture.name);
            }
        }
    }
}

#[test]
fn a_document_is_read_to_its_end_exactly_where_serde_reads_it() {
    let mut random = Random(11);
    let mut judged = [0; 2];
    for fixture in all().iter().filter(|fixture| fixture.content_type == common::JSON) {
        for _ in 0..200 {
            let mut body = fixture.body.trim_ascii().to_vec();
            let place = 1 + random.below(body.len() - 1);
            body[place] = b"{}[]\":,\\ 0eu-.dat"[random.below(17)];
            let Ok(text) = str::from_utf8(&body) else { continue };
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
            let said = metered(documented::meter(fixture, false), body.chunks(7)).said;
            let is_read = said.unread == 0 && !said.truncated;
            assert_eq!(is_read, is_json, "{}: {text}", fixture.name);
            judged[usize::from(is_json)] += 1;
        }
    }
    assert!(judged.iter().all(|n| *n > 100), "{judged:?}");
}
