//! Input that wants to break something.

use super::*;
use proptest::prelude::*;

#[test]
fn headers_that_are_not_text_become_a_label_that_is() {
    let mut mesh = Mesh::with(BUDGET);
    let mut headers = chat_headers("acme");
    headers.retain(|(name, _)| *name != "x-tenant-id");
    headers.push(("x-tenant-id", b"\xff\xfe;.;evil=.=1"));
    let (context, sent) = mesh.workers[0].request(&headers, &[ASK.as_bytes()], false);
    assert!(matches!(sent, Sent::Held), "asks for the policy");
    let _ = mesh.serve(0);
    let _ = mesh.serve(0);
    mesh.answer(context, 9, 4);
    mesh.report();
    assert_eq!(mesh.tokens("___._evil_._1", "uncached_input"), 9);
}

#[test]
fn bodies_that_are_no_chat_request_are_refused_with_a_reason() {
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\u{0}",
        r#"{"messages":[]}"#,
        r#"{"model":4,"messages":[]}"#,
        r#"{"model":"gpt-4o","messages":[}"#,
        &format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000)),
    ] {
        let mut mesh = Mesh::with(BUDGET);
        let (_, sent) = mesh.call("acme", body);
        let Sent::Replied(reply) = &sent else { panic!("{body:.40}: {sent:?}") };
        assert_eq!((reply.status, reply.headers["x-tollkeeper-refused"].as_str()), (400, "invalid_request"));
        assert!(!reply.body.is_empty());
    }
}

#[test]
fn the_refusal_repeats_nothing_of_the_prompt() {
    let mut mesh = Mesh::with(BUDGET);
    let (_, sent) = mesh.call("acme", r#"{"model":"gpt-4o","messages":[{"content":"my secret is 1234"]}"#);
    let Sent::Replied(reply) = sent else { panic!() };
    assert!(!String::from_utf8_lossy(&reply.body).contains("secret"));
}

#[test]
fn a_call_larger_than_its_budget_is_told_so() {
    let mut mesh = Mesh::with(&BUDGET.replace("10000", "50"));
    let (_, sent) = mesh.call("acme", ASK);
    assert_eq!(code(&sent), (429, "insufficient_quota".to_owned()));
}

#[test]
fn absurd_limits_saturate() {
    let mut mesh = Mesh::with(BUDGET);
    for body in [
        r#"{"model":"gpt-4o","max_tokens":18446744073709551615,"n":18446744073709551615,"messages":[]}"#,
        r#"{"model":"gpt-4o","max_tokens":9007199254740993,"n":128,"messages":[]}"#,
    ] {
        let (_, sent) = mesh.call("acme", body);
        assert!(matches!(sent, Sent::Replied(_)), "{body}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic_the_filter(
        body in prop::collection::vec(any::<u8>(), 0..200),
        answer in prop::collection::vec(any::<u8>(), 0..200),
        events in any::<bool>(),
    ) {
        let mut mesh = Mesh::with(BUDGET);
        let (context, _) = mesh.call("acme", STREAM);
        let kind = if events { "text/event-stream" } else { "application/json" };
        mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", kind)]);
        mesh.workers[0].response_piece(context, &answer, false);
        mesh.workers[0].close(context);
        let (context, _) = mesh.workers[0].request(&chat_headers("acme"), &[&body], false);
        mesh.workers[0].close(context);
        mesh.report();
        prop_assert_eq!(mesh.server.outstanding("hourly", "acme") > 0, true);
    }

    #[test]
    fn no_answer_of_a_server_panics_the_filter(answer in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut mesh = Mesh::with(BUDGET);
        let _ = mesh.workers[0].request(&chat_headers("acme"), &[ASK.as_bytes()], false);
        let _ = mesh.workers[0].answer_calls(|_| Ok(answer.clone()));
        mesh.workers[0].tick();
        let _ = mesh.workers[0].answer_calls(|_| Ok(answer.clone()));
        mesh.workers[0].tick();
    }
}
