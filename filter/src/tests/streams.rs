//! Streams: what goes up, what comes down, and that nothing waits.

use super::*;
use proptest::prelude::*;

const CHUNK: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Grüße 🙂\"},\"finish_reason\":null}],\"usage\":null}\n\n";
const STOP: &str = "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21,\"prompt_tokens_details\":{\"cached_tokens\":4},\"completion_tokens_details\":{\"reasoning_tokens\":5}}}\n\n";
const DONE: &str = "data: [DONE]\n\n";

/// Sends a streamed call and its answer in the given pieces; returns what the client got.
fn stream(mesh: &mut Mesh, body: &str, pieces: &[&[u8]]) -> String {
    let (context, sent) = mesh.call("acme", body);
    assert!(upstream_body(&sent).contains(r#""include_usage":true"#));
    mesh.workers[0].response_begins(
        context,
        &[(":status", "200"), ("content-type", "text/event-stream; charset=utf-8")],
    );
    for (at, piece) in pieces.iter().enumerate() {
        mesh.workers[0].response_piece(context, piece, at + 1 == pieces.len());
    }
    let received = mesh.workers[0].received(context);
    mesh.workers[0].close(context);
    String::from_utf8(received).unwrap()
}

#[test]
fn usage_is_asked_for_and_its_chunk_taken_out_again() {
    let mut mesh = Mesh::with(BUDGET);
    let answer = [CHUNK, STOP, USAGE, DONE].concat();
    let received = stream(&mut mesh, STREAM, &[answer.as_bytes()]);
    assert_eq!(received, [CHUNK, STOP, DONE].concat());
    mesh.report();
    let row = mesh.server.ledger("acme", "ok").unwrap();
    // 9 prompt tokens, 4 of them cached; 12 output tokens, 5 of them reasoning.
    assert_eq!((row.tokens[0], row.tokens[1], row.tokens[6], row.tokens[7]), (5, 4, 7, 5));
    assert_eq!(row.source, "reported");
}

#[test]
fn a_client_that_asked_for_usage_gets_it() {
    let mut mesh = Mesh::with(BUDGET);
    let body =
        STREAM.replace("\"stream\":true", "\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    let answer = [CHUNK, USAGE, DONE].concat();
    assert_eq!(stream(&mut mesh, &body, &[answer.as_bytes()]), answer);
}

#[test]
fn each_piece_passes_at_once() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", STREAM);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "text/event-stream")]);
    let mut expected = String::new();
    for _ in 0..20 {
        mesh.workers[0].response_piece(context, CHUNK.as_bytes(), false);
        expected.push_str(CHUNK);
        assert_eq!(mesh.workers[0].received(context), expected.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_split_gives_the_same_charge_and_the_same_bytes(cuts in prop::collection::btree_set(1usize..600, 0..40)) {
        let answer = [CHUNK, CHUNK, STOP, USAGE, DONE].concat();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts.into_iter().filter(|cut| *cut < answer.len()) {
            pieces.push(&answer.as_bytes()[from..cut]);
            from = cut;
        }
        pieces.push(&answer.as_bytes()[from..]);
        let mut mesh = Mesh::with(BUDGET);
        prop_assert_eq!(stream(&mut mesh, STREAM, &pieces), [CHUNK, CHUNK, STOP, DONE].concat());
        mesh.report();
        prop_assert_eq!(mesh.server.used("hourly", "acme"), 21);
        prop_assert_eq!(mesh.server.ledger("acme", "ok").unwrap().source, "reported");
    }
}

#[test]
fn an_upstream_that_refuses_the_field_is_asked_once_and_the_client_told_to_try_again() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", STREAM);
    mesh.workers[0].response_begins(context, &[(":status", "400"), ("content-type", "application/json")]);
    let error = br#"{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error","param":null,"code":null}}"#;
    mesh.workers[0].response_piece(context, &error[..20], false);
    assert!(mesh.workers[0].received(context).is_empty(), "the headers wait for the reason");
    mesh.workers[0].response_piece(context, &error[20..], true);
    assert_eq!(mesh.workers[0].received(context), error);
    assert_eq!(
        mesh.workers[0].response_header(context, "x-should-retry").as_deref(),
        Some(b"true".as_slice())
    );
    mesh.workers[0].close(context);

    let (_, again) = mesh.call("acme", STREAM);
    assert!(!upstream_body(&again).contains("stream_options"), "the second attempt goes without the field");
}

#[test]
fn another_bad_request_is_passed_on_as_it_is() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", STREAM);
    mesh.workers[0].response_begins(context, &[(":status", "400"), ("content-type", "application/json")]);
    mesh.workers[0].response_piece(context, br#"{"error":{"message":"bad temperature"}}"#, true);
    assert_eq!(mesh.workers[0].response_header(context, "x-should-retry"), None);
    mesh.workers[0].close(context);
    assert!(upstream_body(&mesh.call("acme", STREAM).1).contains("stream_options"));
}
