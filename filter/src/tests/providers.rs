//! Every provider's calls through the filter: a complete answer, a streamed one, and one whose client leaves.

mod cases;
mod streamed;

use super::*;
use cases::{CASES, Case};
use streamed::{Streamed, streams};

/// Sends a call of `acme`, until it is decided.
fn send(mesh: &mut Mesh, host: &str, path: &str, ask: &str, more: &[(&str, &[u8])]) -> (u32, Sent) {
    let mut headers: Vec<(&str, &[u8])> = vec![
        (":method", b"POST"),
        (":path", path.as_bytes()),
        (":authority", host.as_bytes()),
        ("content-type", b"application/json"),
        ("accept-encoding", b"gzip, deflate"),
        ("x-tenant-id", b"acme"),
    ];
    headers.extend_from_slice(more);
    let (context, mut sent) = mesh.workers[0].request(&headers, &[ask.as_bytes()], false);
    while matches!(sent, Sent::Held) {
        sent = mesh.serve(0).into_iter().rfind(|(answered, _)| *answered == context).expect("an answer").1;
    }
    (context, sent)
}

fn charged(mesh: &Mesh, outcome: &str) -> ([u64; 4], String, String) {
    let row = mesh.server.ledger("acme", outcome).unwrap_or_else(|| panic!("no row for {outcome}"));
    assert_eq!(row.requests, 1);
    assert_eq!(mesh.server.used("hourly", "acme"), row.tokens.iter().sum::<u64>(), "budget and ledger agree");
    let tokens = [row.tokens[0], row.tokens[1], row.tokens[6], row.tokens[7]];
    (tokens, row.source, row.provider)
}

#[test]
fn a_complete_answer_is_charged_as_reported() {
    for case in &CASES {
        let mut mesh = Mesh::with(BUDGET);
        let (context, sent) = send(&mut mesh, case.host, case.path, case.ask, &[]);
        let _ = upstream_body(&sent);
        let json = [(":status", "200"), ("content-type", "application/json")];
        mesh.workers[0].response_begins(context, &json);
        mesh.workers[0].response_piece(context, case.answer.as_bytes(), true);
        assert_eq!(mesh.workers[0].received(context), case.answer.as_bytes(), "{}", case.name);
        mesh.workers[0].close(context);
        mesh.report();
        let expected = (case.tokens, "reported".to_owned(), case.provider.to_owned());
        assert_eq!(charged(&mesh, "ok"), expected, "{}", case.name);
        mesh.process.advance(6_000);
        mesh.report();
        mesh.report();
        assert_eq!(mesh.server.outstanding("hourly", "acme"), 0, "{}", case.name);
    }
}

fn started(mesh: &mut Mesh, stream: &Streamed) -> u32 {
    let (context, sent) = send(mesh, stream.host, stream.path, stream.ask, &[]);
    let _ = upstream_body(&sent);
    let headers = [(":status", "200"), ("content-type", stream.content_type)];
    mesh.workers[0].response_begins(context, &headers);
    context
}

#[test]
fn a_stream_is_charged_as_reported_and_passes_as_it_comes() {
    for stream in streams() {
        let mut mesh = Mesh::with(BUDGET);
        let context = started(&mut mesh, &stream);
        for (at, piece) in stream.pieces.iter().enumerate() {
            mesh.workers[0].response_piece(context, piece, at + 1 == stream.pieces.len());
            assert_eq!(mesh.workers[0].received(context), stream.pieces[..=at].concat(), "{}", stream.name);
        }
        mesh.workers[0].close(context);
        mesh.report();
        let (tokens, source, _) = charged(&mesh, "ok");
        assert_eq!((tokens, source.as_str()), (stream.tokens, "reported"), "{}", stream.name);
    }
}

#[test]
fn a_client_that_leaves_pays_for_its_prompt_and_what_it_saw() {
    for stream in streams() {
        let mut mesh = Mesh::with(BUDGET);
        let context = started(&mut mesh, &stream);
        for piece in &stream.pieces[..stream.pieces.len() - 2] {
            mesh.workers[0].response_piece(context, piece, false);
        }
        mesh.workers[0].close(context);
        mesh.report();
        let ([input, _, output, _], source, _) = charged(&mesh, "client_closed");
        assert!(["counted", "estimated"].contains(&source.as_str()), "{}: {source}", stream.name);
        assert!(input > 0 && output >= stream.seen, "{}: {input} and {output}", stream.name);
        assert!(output <= stream.seen + 4, "{}: {output} for a few words", stream.name);
        mesh.process.advance(6_000);
        mesh.report();
        mesh.report();
        assert_eq!(mesh.server.outstanding("hourly", "acme"), 0, "{}", stream.name);
    }
}

#[test]
fn an_error_inside_a_200_is_told_from_an_answer() {
    let overloaded = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let stream = &streams()[1];
    for (before, outcome, source) in [(0, "upstream_error", "none"), (3, "broken_off", "estimated")] {
        let mut mesh = Mesh::with(BUDGET);
        let context = started(&mut mesh, stream);
        for piece in &stream.pieces[..before] {
            mesh.workers[0].response_piece(context, piece, false);
        }
        let error = format!("event: error\ndata: {overloaded}\n\n");
        mesh.workers[0].response_piece(context, error.as_bytes(), true);
        mesh.workers[0].close(context);
        mesh.report();
        let (tokens, found, _) = charged(&mesh, outcome);
        let prefix = "tenant=.=acme;.;model=.=claude-sonnet-4-5;.;provider=.=anthropic;.;";
        let stat = format!("{prefix}outcome=.={outcome};.;tollkeeper_outcomes_total");
        assert_eq!((found.as_str(), mesh.process.metric(&stat)), (source, 1));
        assert_eq!(tokens[0], if before == 0 { 0 } else { 10 });
    }
}

#[test]
fn a_deployments_call_costs_what_its_model_costs() {
    let case = &CASES[4];
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = send(&mut mesh, case.host, case.path, case.ask, &[]);
    let json = [(":status", "200"), ("content-type", "application/json")];
    mesh.workers[0].response_begins(context, &json);
    mesh.workers[0].response_piece(context, case.answer.as_bytes(), true);
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("acme", "ok").unwrap();
    // gpt-4o: 2.50 and 10 USD per million tokens.
    assert_eq!((row.cost_pico_usd, row.unpriced), (10 * 2_500_000 + 2 * 10_000_000, 0));
}

#[test]
fn a_model_that_nobody_has_a_price_for_is_unpriced_not_free() {
    let mut mesh = Mesh::with(BUDGET);
    let stream = streams().remove(8);
    let context = started(&mut mesh, &stream);
    mesh.workers[0].response_piece(context, &stream.pieces.concat(), true);
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("acme", "ok").unwrap();
    assert_eq!((row.cost_pico_usd, row.unpriced), (0, 1));
}

#[test]
fn a_signed_request_goes_on_as_its_client_signed_it() {
    let case = &CASES[9];
    let signature =
        |headers: &str| format!("AWS4-HMAC-SHA256 Credential=A/b, SignedHeaders={headers}, Signature=0");
    for (headers, encodings) in [("host;x-amz-date", false), ("accept-encoding;host;x-amz-date", true)] {
        let mut mesh = Mesh::with(BUDGET);
        let authorization = signature(headers);
        let more = [("authorization", authorization.as_bytes())];
        let (_, sent) = send(&mut mesh, case.host, case.path, case.ask, &more);
        assert_eq!(upstream_body(&sent), case.ask, "no limit is put in");
        let Sent::Upstream { headers, .. } = sent else { panic!() };
        assert_eq!(headers.contains_key("accept-encoding"), encodings);
        mesh.report();
        assert_eq!(mesh.process.metric("tollkeeper_signed_unchanged_total"), 1);
    }
    // Bedrock's API keys sign nothing.
    let mut mesh = Mesh::with(BUDGET);
    let (_, sent) =
        send(&mut mesh, case.host, case.path, case.ask, &[("authorization", b"Bearer bedrock-key")]);
    assert!(upstream_body(&sent).contains("\"maxTokens\":100"));
}

#[test]
fn a_refusal_is_in_the_providers_own_words() {
    let policy = BUDGET.replace("10000 tokens", "1 requests");
    let error_of = |case: &Case| {
        let mut mesh = Mesh::with(&policy);
        let (context, sent) = send(&mut mesh, case.host, case.path, case.ask, &[]);
        let _ = upstream_body(&sent);
        mesh.workers[0].close(context);
        mesh.report();
        let (_, Sent::Replied(reply)) = send(&mut mesh, case.host, case.path, case.ask, &[]) else {
            panic!("{} is not refused", case.name)
        };
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        (reply.status, body)
    };
    assert_eq!(error_of(&CASES[0]).1["error"]["code"], "insufficient_quota");
    assert_eq!(error_of(&CASES[5]).1["error"]["type"], "rate_limit_error");
    assert_eq!(error_of(&CASES[6]).1["error"]["status"], "RESOURCE_EXHAUSTED");
    assert_eq!(error_of(&CASES[9]).0, 400, "ServiceQuotaExceededException");
    assert_eq!(error_of(&CASES[11]).0, 402);
    assert!(error_of(&CASES[14]).1["error"].is_string());
}

#[test]
fn an_operator_says_what_detection_cannot_know() {
    let configuration = r#"{"quota_cluster": "tollkeeper", "routes": [
        {"host": "llm.corp", "path_prefix": "/ask", "api": "openai_chat", "provider": "ours"},
        {"path_prefix": "/v1/chat/completions/unmetered", "api": "none"},
        {"host": "*.lab", "api": "none"}
    ]}"#;
    let mut mesh = Mesh::with(BUDGET);
    mesh.workers[0] = Worker::new(&mesh.process, configuration).unwrap();
    let (context, sent) = send(&mut mesh, "llm.corp:8443", "/ask?x", ASK, &[]);
    assert!(upstream_body(&sent).contains("max_completion_tokens"));
    mesh.answer(context, 9, 4);
    mesh.report();
    assert_eq!(charged(&mesh, "ok"), ([9, 0, 4, 0], "reported".to_owned(), "ours".to_owned()));
    for (host, path) in
        [("a.lab", "/v1/chat/completions"), ("h", "/v1/chat/completions/unmetered"), ("h", "/ask")]
    {
        let (_, sent) = send(&mut mesh, host, path, ASK, &[]);
        assert_eq!(upstream_body(&sent), ASK, "{host}{path}");
    }
    // What no rule speaks of is detected.
    let (_, sent) = send(&mut mesh, "h", "/v1/chat/completions", ASK, &[]);
    assert!(upstream_body(&sent).contains("max_completion_tokens"));
}

#[test]
fn a_form_with_a_recording_is_a_call_too() {
    let form = concat!(
        "--x\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-4o-transcribe\r\n",
        "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n",
        "Content-Type: audio/wav\r\n\r\nRIFF----WAVEfmt \r\n--x--\r\n",
    );
    let mut mesh = Mesh::with(BUDGET);
    let more: [(&str, &[u8]); 1] = [("content-type", b"multipart/form-data; boundary=x")];
    let (context, sent) = send(&mut mesh, "api.openai.com", "/v1/audio/transcriptions", form, &more);
    assert_eq!(upstream_body(&sent), form);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
    let answer = br#"{"text":"Hello.","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":3,"total_tokens":17}}"#;
    mesh.workers[0].response_piece(context, answer, true);
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("acme", "ok").unwrap();
    // Text and audio going in, text coming out.
    assert_eq!((row.tokens[0], row.tokens[4], row.tokens[6]), (4, 10, 3));
    assert_eq!((row.source.as_str(), row.model.as_str()), ("reported", "gpt-4o-transcribe"));
}

/// The client asks for the answer later, past this call: all that it may have had is charged.
#[test]
fn an_answer_made_in_the_background_is_charged_at_its_limit() {
    let mut mesh = Mesh::with(BUDGET);
    let ask = r#"{"model":"gpt-4o","input":"Say hello.","background":true,"max_output_tokens":40}"#;
    let (context, sent) = send(&mut mesh, "api.openai.com", "/v1/responses", ask, &[]);
    let _ = upstream_body(&sent);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
    let queued = br#"{"id":"resp_1","status":"queued","output":[],"usage":null}"#;
    mesh.workers[0].response_piece(context, queued, true);
    mesh.workers[0].close(context);
    mesh.report();
    let ([_, _, output, _], source, _) = charged(&mesh, "ok");
    assert_eq!((output, source.as_str()), (40, "estimated"));
}
