//! Requests that come encoded, and answers that do though nobody asked for an encoding.

use super::*;

/// 48 events of a chat: 16 words thrice, then usage (17 prompt, 45 output tokens), then `[DONE]`; as pieces
/// that were flushed, each after its length.
macro_rules! events {
    ($coding:literal) => {
        pieces(include_bytes!(concat!("../../../crates/wire/tests/encoding/events.", $coding)))
    };
}

fn pieces(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    while let Some((size, behind)) = rest.split_first_chunk::<4>() {
        let (piece, behind) = behind.split_at(u32::from_le_bytes(*size) as usize);
        pieces.push(piece);
        rest = behind;
    }
    pieces
}

/// Sends a streamed call and an answer in a coding; returns what the client got, and whether it was said to be encoded.
fn answered(mesh: &mut Mesh, asks_for_usage: bool, coding: &str, pieces: &[&[u8]]) -> (Vec<u8>, bool) {
    let body = if asks_for_usage {
        STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}")
    } else {
        STREAM.to_owned()
    };
    let (context, sent) = mesh.call("acme", &body);
    let Sent::Upstream { headers, .. } = &sent else { panic!("{sent:?}") };
    assert!(!headers.contains_key("accept-encoding"), "nobody asked for one");
    let headers = [(":status", "200"), ("content-type", "text/event-stream"), ("content-encoding", coding)];
    mesh.workers[0].response_begins(context, &headers);
    for (at, piece) in pieces.iter().enumerate() {
        mesh.workers[0].response_piece(context, piece, at + 1 == pieces.len());
    }
    let received = mesh.workers[0].received(context);
    let encoded = mesh.workers[0].response_header(context, "content-encoding").is_some();
    mesh.workers[0].close(context);
    mesh.report();
    (received, encoded)
}

fn charged(mesh: &Mesh) -> (u64, u64, String) {
    let row = mesh.server.ledger("acme", "ok").unwrap();
    (row.tokens[0], row.tokens[6], row.source)
}

fn unread(mesh: &Mesh) -> u64 {
    mesh.process.metric("tenant=.=acme;.;model=.=gpt-4o;.;provider=.=openai;.;tollkeeper_unread_bytes_total")
}

#[test]
fn they_are_read_as_they_pass_and_the_client_gets_what_was_sent() {
    let codings = [
        ("gzip", events!("gzip")),
        ("deflate", events!("deflate")),
        ("br", events!("br")),
        ("zstd", events!("zstd")),
    ];
    for (coding, pieces) in codings {
        let mut mesh = Mesh::with(BUDGET);
        let received = answered(&mut mesh, true, coding, &pieces);
        assert_eq!(received, (pieces.concat(), true), "{coding}");
        assert_eq!(charged(&mesh), (17, 45, "reported".to_owned()), "{coding}");
        assert_eq!(unread(&mesh), 0, "{coding}");
    }
}

#[test]
fn where_the_usage_chunk_has_to_be_taken_out_the_client_gets_the_answer_decoded() {
    for (coding, pieces) in [("gzip", events!("gzip")), ("br", events!("br"))] {
        let mut mesh = Mesh::with(BUDGET);
        let mut plain = events!("plain");
        let usage = plain.remove(plain.len() - 2);
        assert!(usage.windows(7).any(|window| window == b"\"usage\""));
        assert_eq!(answered(&mut mesh, false, coding, &pieces), (plain.concat(), false), "{coding}");
        assert_eq!(charged(&mesh), (17, 45, "reported".to_owned()), "{coding}");
    }
}

#[test]
fn one_that_is_decoded_late_keeps_its_usage_chunk_rather_than_make_the_client_wait() {
    let mut mesh = Mesh::with(BUDGET);
    let pieces = events!("zstd");
    assert_eq!(answered(&mut mesh, false, "zstd", &pieces), (pieces.concat(), true));
    assert_eq!(charged(&mesh), (17, 45, "reported".to_owned()));
}

#[test]
fn one_that_cannot_be_read_is_charged_at_its_limit_and_seen_in_a_stat() {
    for (coding, piece) in [("compress", b"0123456789".as_slice()), ("gzip", b"not gzip!!"), ("br", &[7; 10])]
    {
        let mut mesh = Mesh::with(BUDGET);
        assert_eq!(answered(&mut mesh, true, coding, &[piece]), (piece.to_vec(), true), "{coding}");
        assert_eq!(charged(&mesh), (ASK_TOKENS, 100, "estimated".to_owned()), "{coding}");
        assert_eq!(unread(&mesh), 10, "{coding}");
    }
}

#[test]
fn one_without_its_end_is_charged_at_its_limit() {
    let mut mesh = Mesh::with(BUDGET);
    let _ = answered(&mut mesh, true, "gzip", &events!("gzip")[..3]);
    assert_eq!(charged(&mesh), (ASK_TOKENS, 100, "estimated".to_owned()));
}

#[test]
fn a_client_that_hangs_up_pays_for_what_it_saw() {
    for (coding, pieces) in [("gzip", events!("gzip")), ("br", events!("br")), ("zstd", events!("zstd"))] {
        let mut mesh = Mesh::with(BUDGET);
        let (context, _) = mesh.call("acme", STREAM);
        let headers =
            [(":status", "200"), ("content-type", "text/event-stream"), ("content-encoding", coding)];
        mesh.workers[0].response_begins(context, &headers);
        for piece in &pieces[..3] {
            mesh.workers[0].response_piece(context, piece, false);
        }
        mesh.workers[0].close(context);
        mesh.report();
        let row = mesh.server.ledger("acme", "client_closed").unwrap();
        // " The", " mesh" and " meters".
        assert_eq!((row.tokens[6], row.source.as_str()), (3, "counted"), "{coding}");
    }
}

#[test]
fn a_request_that_comes_encoded_is_held_to_its_budget_and_sent_on_plain_where_it_is_changed() {
    let mut mesh = Mesh::with(BUDGET);
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut encoder, ASK.as_bytes()).unwrap();
    let body = encoder.finish().unwrap();
    let mut headers = chat_headers("acme");
    headers.push(("content-encoding", b"gzip"));
    let (context, mut sent) = mesh.workers[0].request(&headers, &[&body], false);
    while matches!(sent, Sent::Held) {
        sent = mesh.serve(0).into_iter().rfind(|(answered, _)| *answered == context).expect("an answer").1;
    }
    let Sent::Upstream { headers, body } = sent else { panic!("{sent:?}") };
    assert!(!headers.contains_key("content-encoding") && !headers.contains_key("content-length"));
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("Say hello.") && body.contains("\"max_completion_tokens\":100"), "{body}");
    mesh.answer(context, 9, 4);
    mesh.report();
    assert_eq!(mesh.tokens("acme", "uncached_input"), 9);
}
