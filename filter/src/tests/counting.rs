//! When prompts are counted, by whose rules, and what is learned of the others.

use super::*;

const COUNTED: &str = "tollkeeper_prompts_counted_total";

#[test]
fn prompts_are_counted_when_it_matters_or_always() {
    for (count, expected) in [("", 0), ("count: always\n", 3)] {
        let mut mesh = Mesh::with(&format!("{count}{BUDGET}"));
        for _ in 0..3 {
            let (context, sent) = mesh.call("acme", ASK);
            upstream_body(&sent);
            mesh.answer(context, 10, 4);
        }
        mesh.report();
        // Counted or not, the charge is the provider's figure. The first call is counted in any case: there is no lease
        // yet, and what is asked for is no more than it must be.
        assert_eq!(mesh.process.metric(COUNTED), expected.max(1));
        assert_eq!(mesh.server.used("hourly", "acme"), 3 * 14);
    }
}

#[test]
fn long_prompts_are_counted_only_where_there_is_no_room_to_keep_them() {
    // There is no budget that could want a count for its verdict.
    let mut mesh = Mesh::with("dimensions: { tenant: { header: x-tenant-id } }");
    let body = ASK.replace("Say hello.", &"word ".repeat(100_000));
    let call = |mesh: &mut Mesh| {
        let (context, sent) = mesh.call("acme", &body);
        upstream_body(&sent);
        context
    };
    // 33 of half a megabyte find room in 16 MiB.
    let in_flight: Vec<u32> = (0..36).map(|_| call(&mut mesh)).collect();
    in_flight.into_iter().for_each(|context| mesh.answer(context, 100_000, 4));
    mesh.report();
    assert_eq!(mesh.process.metric(COUNTED), 3);
    // The room is free again.
    let context = call(&mut mesh);
    mesh.answer(context, 100_000, 4);
    mesh.report();
    assert_eq!(mesh.process.metric(COUNTED), 3);
}

#[test]
fn a_deployment_counts_and_costs_as_the_model_behind_it() {
    let policy = format!("{BUDGET}models: {{ chat-prod: gpt-4o }}\n");
    let mut mesh = Mesh::with(&policy);
    let (context, sent) = mesh.call("acme", &ASK.replace("gpt-4o", "chat-prod"));
    assert!(upstream_body(&sent).contains("chat-prod"), "the provider knows it by that name only");
    // No usage: it is charged by count.
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
    let body =
        r#"{"model":"chat-prod","choices":[{"index":0,"message":{"role":"assistant","content":"Hello!"}}]}"#;
    mesh.workers[0].response_piece(context, body.as_bytes(), true);
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("acme", "ok").expect("a ledger row");
    assert_eq!(row.tokens[0], ASK_TOKENS);
    // "Hello!" is two tokens; gpt-4o: 2.50 and 10 USD per million tokens.
    assert_eq!(row.cost_pico_usd, ASK_TOKENS * 2_500_000 + 2 * 10_000_000);
    assert_eq!(mesh.source("chat-prod", "counted"), 1);
}

/// A provider with a tokenizer of its own: three tokens for each of ours, and 40 around a prompt.
fn provider(words: u64) -> u64 {
    words * 3 + 40
}

fn prompt(words: u64) -> String {
    let text = "hello ".repeat(usize::try_from(words).unwrap());
    format!(
        r#"{{"model":"sphinx-1","max_tokens":10,"messages":[{{"role":"user","content":"{}"}}]}}"#,
        text.trim_end()
    )
}

fn learn(mesh: &mut Mesh, calls: u64) {
    for at in 0..calls {
        let words = 50 + at * 37 % 400;
        let (context, sent) = mesh.call("acme", &prompt(words));
        upstream_body(&sent);
        mesh.answer(context, provider(words), 5);
    }
}

#[test]
fn what_a_provider_reports_teaches_what_it_would_have_reported() {
    let mut mesh = Mesh::with(&BUDGET.replace("10000", "10000000"));
    learn(&mut mesh, 60);
    // The client leaves: nothing is reported, and half an answer was seen.
    let (context, sent) = mesh.call("zeta", &prompt(300).replace(r#""max"#, r#""stream":true,"max"#));
    upstream_body(&sent);
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "text/event-stream")]);
    let chunk = "data: {\"model\":\"sphinx-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello hello hello hello\"}}]}\n\n";
    mesh.workers[0].response_piece(context, chunk.as_bytes(), false);
    mesh.workers[0].close(context);
    mesh.report();
    let row = mesh.server.ledger("zeta", "client_closed").expect("a ledger row");
    assert!(row.tokens[0].abs_diff(provider(300)) < 30, "{:?} for {}", row.tokens, provider(300));
    assert!((10..=14).contains(&row.tokens[6]), "four of ours are twelve of theirs: {:?}", row.tokens);
    assert_eq!(mesh.source_of("zeta", "sphinx-1", "estimated"), 1);
}

#[test]
fn enough_figures_make_room_that_the_bound_does_not_see() {
    // 400 words of 6 bytes: 2,400 by the bound, 1,240 by the provider, 1,250 and some by the quantile.
    let policy = BUDGET.replace("limit: 10000", "limit: 1500");
    let mut mesh = Mesh::with(&policy);
    assert_eq!(code(&mesh.call("acme", &prompt(400)).1).1, "insufficient_quota");
    mesh.server = Server::new(&BUDGET.replace("10000", "10000000"));
    mesh.process.advance(3_600_000);
    mesh.report();
    learn(&mut mesh, 200);
    mesh.server = Server::new(&policy);
    mesh.process.advance(3_600_000);
    mesh.report();
    let (context, sent) = mesh.call("late", &prompt(400));
    upstream_body(&sent);
    mesh.answer(context, provider(400), 5);
}

#[test]
fn what_is_not_all_in_the_request_teaches_nothing() {
    let mut mesh = Mesh::with(BUDGET);
    let body = prompt(20).replace(r#""max"#, r#""tools":[{"type":"web_search","name":"search"}],"max"#);
    let (context, sent) = mesh.call("acme", &body);
    upstream_body(&sent);
    mesh.answer(context, 9_000, 5);
    mesh.report();
    assert_eq!(mesh.process.metric("tollkeeper_prompts_learned_total"), 0);
}
