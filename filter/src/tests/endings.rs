//! Every way a call can end, and what it is charged.

use super::*;

/// What was charged: requests, prompt and output tokens, and where the figures came from.
fn charged(mesh: &mut Mesh, outcome: &str) -> (u64, u64, u64, String) {
    mesh.report();
    let row = mesh.server.ledger("acme", outcome).unwrap_or_else(|| panic!("no row for {outcome}"));
    assert_eq!(mesh.server.used("hourly", "acme"), row.tokens.iter().sum::<u64>(), "budget and ledger agree");
    (row.requests, row.tokens[0], row.tokens[6], row.source)
}

fn nothing_stays_held(mesh: &mut Mesh) {
    mesh.process.advance(6_000);
    mesh.report();
    mesh.report();
    assert_eq!(mesh.server.outstanding("hourly", "acme"), 0);
}

const PIECES: [&str; 3] = [
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}],\"usage\":null}\n\n",
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" there\"},\"finish_reason\":null}],\"usage\":null}\n\n",
];

fn streaming(mesh: &mut Mesh) -> u32 {
    let (context, sent) = mesh.call("acme", STREAM);
    upstream_body(&sent);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "text/event-stream")]);
    for piece in PIECES {
        mesh.workers[0].response_piece(context, piece.as_bytes(), false);
    }
    context
}

#[test]
fn a_client_that_hangs_up_mid_stream_pays_for_what_it_saw() {
    let mut mesh = Mesh::with(BUDGET);
    let context = streaming(&mut mesh);
    mesh.workers[0].close(context);
    // "Hello" and " there" are one token each in o200k_base.
    assert_eq!(charged(&mut mesh, "client_closed"), (1, ASK_TOKENS, 2, "counted".to_owned()));
    nothing_stays_held(&mut mesh);
}

#[test]
fn an_upstream_that_resets_mid_stream_is_charged_as_far_as_it_got() {
    let mut mesh = Mesh::with(BUDGET);
    let context = streaming(&mut mesh);
    // Upstream remote reset.
    mesh.workers[0].set_property("response.flags", &(1u64 << 4).to_le_bytes());
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "upstream_gone"), (1, ASK_TOKENS, 2, "estimated".to_owned()));
}

#[test]
fn a_stream_without_usage_is_counted() {
    let mut mesh = Mesh::with(BUDGET);
    let context = streaming(&mut mesh);
    mesh.workers[0].response_piece(context, b"data: [DONE]\n\n", true);
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "ok"), (1, ASK_TOKENS, 2, "counted".to_owned()));
}

#[test]
fn trailers_end_an_answer_too() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
    mesh.workers[0].response_piece(context, completion(9, 4).as_bytes(), false);
    mesh.workers[0].response_trailers(context);
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "ok"), (1, 9, 4, "reported".to_owned()));
}

#[test]
fn request_trailers_do_not_hide_the_body() {
    let mut mesh = Mesh::with(BUDGET);
    mesh.call("acme", ASK);
    let (_, sent) = mesh.workers[0].request(&chat_headers("acme"), &[ASK.as_bytes()], true);
    assert!(upstream_body(&sent).contains("max_completion_tokens"));
}

#[test]
fn a_providers_error_costs_nothing() {
    for status in ["400", "401", "429", "500", "503"] {
        let mut mesh = Mesh::with(BUDGET);
        let (context, _) = mesh.call("acme", ASK);
        mesh.workers[0]
            .response_begins(context, &[(":status", status), ("content-type", "application/json")]);
        mesh.workers[0].response_piece(context, br#"{"error":{"message":"no","type":"server_error"}}"#, true);
        mesh.workers[0].close(context);
        assert_eq!(charged(&mut mesh, "upstream_error"), (1, 0, 0, "none".to_owned()), "{status}");
        nothing_stays_held(&mut mesh);
    }
}

#[test]
fn a_providers_error_costs_nothing_even_if_it_breaks_off() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.workers[0].response_begins(context, &[(":status", "429"), ("content-type", "application/json")]);
    mesh.workers[0].response_piece(context, br#"{"error":{"mess"#, false);
    // The connection ends inside the body: flag UPE, and the details no longer say whose the status was.
    mesh.workers[0].set_property("response.code_details", b"upstream_reset_after_response_started");
    mesh.workers[0].set_property("response.flags", &(1u64 << 23).to_le_bytes());
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "upstream_error"), (1, 0, 0, "none".to_owned()));
    nothing_stays_held(&mut mesh);
}

#[test]
fn a_timeout_charges_the_prompt_that_the_provider_had() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    // Envoy answers by itself: 504, flag UT.
    mesh.workers[0].set_property("response.code_details", b"upstream_response_timeout");
    mesh.workers[0].set_property("response.flags", &(1u64 << 2).to_le_bytes());
    mesh.workers[0].response_begins(context, &[(":status", "504"), ("content-type", "text/plain")]);
    mesh.workers[0].response_piece(context, b"upstream request timeout", true);
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "upstream_gone"), (1, ASK_TOKENS, 0, "estimated".to_owned()));
}

#[test]
fn a_call_that_never_reached_the_provider_costs_nothing() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    // No connection to the upstream: 503, flag UF.
    mesh.workers[0]
        .set_property("response.code_details", b"upstream_reset_before_response_started{connection_failure}");
    mesh.workers[0].set_property("response.flags", &(1u64 << 5).to_le_bytes());
    mesh.workers[0].response_begins(context, &[(":status", "503"), ("content-type", "text/plain")]);
    mesh.workers[0].response_piece(context, b"no healthy upstream", true);
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "not_reached"), (1, 0, 0, "none".to_owned()));
    nothing_stays_held(&mut mesh);
}

#[test]
fn a_client_that_leaves_before_any_answer_pays_for_its_prompt() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.workers[0].close(context);
    assert_eq!(charged(&mut mesh, "client_closed"), (1, ASK_TOKENS, 0, "estimated".to_owned()));
}

#[test]
fn a_client_that_leaves_while_the_server_is_asked_holds_nothing() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("globex", ASK);
    mesh.answer(context, 9, 4);
    let (context, sent) = mesh.workers[0].request(&chat_headers("acme"), &[ASK.as_bytes()], false);
    assert!(matches!(sent, Sent::Held));
    // The server gets the question, and its answer finds nobody.
    mesh.server.answers_get_lost = true;
    let now = mesh.process.now_ms.get();
    let server = &mut mesh.server;
    let mut lost = None;
    mesh.workers[0].envoy.peek_calls(|call| lost = Some(server.answer(call, now)));
    assert!(lost.is_some());
    assert!(mesh.server.outstanding("hourly", "acme") > 0);
    mesh.server.answers_get_lost = false;
    mesh.workers[0].close(context);
    mesh.report();
    assert_eq!(mesh.server.outstanding("hourly", "acme"), 0);
}

#[test]
fn ending_callbacks_may_come_more_than_once_or_for_nobody() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 9, 4);
    mesh.workers[0].close(context);
    mesh.workers[0].close(4_711);
    assert_eq!(charged(&mut mesh, "ok"), (1, 9, 4, "reported".to_owned()));
}

#[test]
fn a_plugin_that_is_taken_away_reports_first() {
    let mut mesh = Mesh::with(BUDGET);
    assert!(mesh.workers[0].take_away(), "nothing to say");
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 9, 4);
    assert!(!mesh.workers[0].take_away());
    mesh.serve(0);
    assert!(mesh.workers[0].envoy.closed.get());
    assert_eq!(mesh.server.used("hourly", "acme"), 13);
    assert_eq!(mesh.tokens("acme", "uncached_input"), 9);
}

#[test]
fn a_plugin_that_is_taken_away_does_not_wait_for_a_server_that_is_down() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 9, 4);
    mesh.server.down = true;
    assert!(!mesh.workers[0].take_away());
    mesh.serve(0);
    assert!(mesh.workers[0].envoy.closed.get());
}
