//! Streams that the policy ends.

use super::*;

const GUARDED: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 100
guardrails:
  - { when: { tenant: [acme] }, max_output_tokens: 3, on_exceeded: stop }
  - { when: { tenant: globex, model: gpt-* }, max_output_tokens: 30 }
budgets: [{ name: hourly, per: [tenant], limit: 10000 tokens, window: 1h }]
";

fn word(text: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// What ends such a stream where the client did not ask for usage.
const LAST: &str = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n";
const USAGE: &str = "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,\"total_tokens\":17}}\n\ndata: [DONE]\n\n";

/// One token each in o200k_base.
const WORDS: [&str; 7] = [" the", " mesh", " holds", " nobody", " up", " for", " long"];

fn started(mesh: &mut Mesh, tenant: &str) -> u32 {
    let (context, sent) = mesh.call(tenant, STREAM);
    upstream_body(&sent);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "text/event-stream")]);
    context
}

#[test]
fn a_guardrail_ends_a_stream_after_its_last_token_in_any_split() {
    let stream = [WORDS.map(word).concat(), USAGE.to_owned()].concat();
    for size in [1, 10, 150, 400, 5_000] {
        let mut mesh = Mesh::with(GUARDED);
        let context = started(&mut mesh, "acme");
        let pieces: Vec<&[u8]> = stream.as_bytes().chunks(size).collect();
        for (at, piece) in pieces.iter().enumerate() {
            mesh.workers[0].response_piece(context, piece, at + 1 == pieces.len());
        }
        let expected = [WORDS.map(word)[..3].concat(), LAST.to_owned()].concat();
        assert_eq!(String::from_utf8(mesh.workers[0].received(context)).unwrap(), expected, "{size}");
        mesh.workers[0].close(context);
        mesh.report();
        // The provider went on, and said what that cost.
        let row = mesh.server.ledger("acme", "stopped").unwrap();
        assert_eq!((row.tokens[0], row.tokens[6], row.source.as_str()), (10, 7, "reported"));
        let prefix = "tenant=.=acme;.;model=.=gpt-4o;.;provider=.=openai;.;reason=.=guardrail;.;";
        assert_eq!(mesh.process.metric(&format!("{prefix}tollkeeper_stopped_total")), 1);
    }
}

#[test]
fn a_client_that_leaves_after_the_last_event_pays_for_what_the_provider_had_sent() {
    let mut mesh = Mesh::with(GUARDED);
    let context = started(&mut mesh, "acme");
    for text in &WORDS[..5] {
        mesh.workers[0].response_piece(context, word(text).as_bytes(), false);
    }
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("acme", "stopped").unwrap();
    assert_eq!((row.tokens[0], row.tokens[6], row.source.as_str()), (ASK_TOKENS, 5, "counted"));
}

#[test]
fn three_tokens_are_the_end_whatever_would_have_followed() {
    let mut mesh = Mesh::with(GUARDED);
    let context = started(&mut mesh, "acme");
    let stop = word("").replace("null}]", "\"stop\"}]");
    let stream = [WORDS.map(word)[..3].concat(), stop, "data: [DONE]\n\n".to_owned()].concat();
    mesh.workers[0].response_piece(context, &stream.as_bytes()[..word(WORDS[0]).len()], false);
    mesh.workers[0].response_piece(context, &stream.as_bytes()[word(WORDS[0]).len()..], true);
    let received = String::from_utf8(mesh.workers[0].received(context)).unwrap();
    assert!(received.ends_with(LAST), "as with a provider's own limit");
    // Nobody limits this one.
    let mut mesh = Mesh::with(GUARDED);
    let context = started(&mut mesh, "initech");
    mesh.workers[0].response_piece(context, stream.as_bytes(), true);
    assert_eq!(mesh.workers[0].received(context), stream.as_bytes());
}

#[test]
fn a_clamp_gives_the_request_the_limit_and_reserves_no_more() {
    let mut mesh = Mesh::with(GUARDED);
    let body = ASK.replace("\"messages\"", "\"max_completion_tokens\":80,\"messages\"");
    let (context, sent) = mesh.call("globex", &body);
    assert!(upstream_body(&sent).contains("\"max_completion_tokens\":30,"));
    mesh.answer(context, 10, 30);
    let (_, sent) = mesh.call("initech", &body);
    assert!(upstream_body(&sent).contains("\"max_completion_tokens\":80,"));
}

#[test]
fn a_stream_that_outgrows_its_reservation_is_ended_where_the_budget_says_so() {
    let overrun = |on_overrun: &str| {
        let mut mesh =
            Mesh::with(&BUDGET.replace("window: 1h", &format!("window: 1h, on_overrun: {on_overrun}")));
        let body = STREAM.replace("\"messages\"", "\"max_completion_tokens\":4,\"messages\"");
        let (context, _) = mesh.call("acme", &body);
        mesh.workers[0]
            .response_begins(context, &[(":status", "200"), ("content-type", "text/event-stream")]);
        for text in WORDS.iter().cycle().take(40) {
            mesh.workers[0].response_piece(context, word(text).as_bytes(), false);
        }
        mesh.workers[0].response_piece(context, b"data: [DONE]\n\n", true);
        let received = String::from_utf8(mesh.workers[0].received(context)).unwrap();
        mesh.workers[0].close(context);
        mesh.report();
        (received.matches("\"content\"").count(), mesh.server.used("hourly", "acme"))
    };
    // The provider's count may differ a little from ours: what keeps the limit must not be cut.
    assert_eq!(overrun("stop"), (4 + 9, ASK_TOKENS + 40));
    assert_eq!(overrun("charge"), (40, ASK_TOKENS + 40));
}
