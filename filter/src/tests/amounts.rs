//! What budgets count, and how much of it is whose.

use super::*;

/// How many calls of `tenant` get through that take 10 of prompt and 90 of output each.
fn admitted(mesh: &mut Mesh, tenant: &str) -> usize {
    let mut admitted = 0;
    for _ in 0..12 {
        let (context, sent) = mesh.call(tenant, ASK);
        if matches!(sent, Sent::Upstream { .. }) {
            admitted += 1;
            mesh.answer(context, ASK_TOKENS, 90);
        }
        mesh.report();
    }
    admitted
}

#[test]
fn a_tenant_with_a_limit_of_its_own_is_held_to_that() {
    let overrides = "overrides: [{ when: { tenant: acme }, limit: 800 tokens }, \
                     { when: { tenant: trial-* }, limit: 100 tokens }]";
    let policy = BUDGET
        .replace("output_limit: 100", "output_limit: 90")
        .replace("10000 tokens", &format!("300 tokens, {overrides}"));
    let mut mesh = Mesh::with(&policy);
    assert_eq!(admitted(&mut mesh, "globex"), 3);
    assert_eq!(admitted(&mut mesh, "acme"), 8);
    assert_eq!(admitted(&mut mesh, "trial-7"), 1);
    let Sent::Replied(reply) = mesh.call("acme", ASK).1 else { panic!("admitted") };
    assert!(String::from_utf8(reply.body).unwrap().contains("800 tokens"), "it is told its own limit");

    // The limit of one tenant changes: what it knew of the old one is void, what others know is not.
    mesh.server.policy = policy::Policy::from_yaml(&policy.replace("800", "900")).unwrap();
    mesh.report();
    let before = mesh.server.acquires;
    assert_eq!(admitted(&mut mesh, "globex"), 0);
    assert_eq!(mesh.server.acquires, before);
    assert_eq!(admitted(&mut mesh, "acme"), 1);
}

#[test]
fn tokens_count_by_their_weights_and_the_dearest_is_reserved() {
    // 10 of prompt and 90 of output hold 10 + 4 × 90 = 370; 10 of which 8 are cached and 20 of output spend 82.8.
    let limit = "452 weighted tokens, weights: { output: 4, cache_read: 0.1 }";
    let policy = BUDGET.replace("output_limit: 100", "output_limit: 90").replace("10000 tokens", limit);
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 0;
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    let body = completion(ASK_TOKENS, 20).replace(
        r#""completion_tokens":20,"#,
        r#""completion_tokens":20,"prompt_tokens_details":{"cached_tokens":8},"#,
    );
    mesh.workers[0].response_begins(context, &[(":status", "200"), ("content-type", "application/json")]);
    mesh.workers[0].response_piece(context, body.as_bytes(), true);
    mesh.workers[0].close(context);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 83);
    assert_eq!(code(&mesh.call("acme", ASK).1).0, 429, "83 and 370 are one too many");
}

#[test]
fn gpus_are_paid_for_the_time_they_worked() {
    let policy = BUDGET.replace("10000 tokens", "10 GPU seconds")
        + "models: { gpt-4o: { gpus: 2, max_seconds: 4 } }\n";
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 0;
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    assert_eq!(mesh.server.outstanding("hourly", "acme"), 8_000);
    let Sent::Replied(reply) = mesh.call("acme", ASK).1 else { panic!("16 of 10") };
    assert!(String::from_utf8(reply.body).unwrap().contains("10 GPU seconds per 1h"));
    mesh.process.advance(1_000);
    mesh.answer(context, ASK_TOKENS, 90);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 2_000);
    upstream_body(&mesh.call("acme", ASK).1);
    // A model that is somebody else's costs no time of ours.
    let theirs = ASK.replace("gpt-4o", "gpt-4o-mini");
    let before = mesh.server.outstanding("hourly", "acme");
    upstream_body(&mesh.call("acme", &theirs).1);
    assert_eq!(mesh.server.outstanding("hourly", "acme"), before);
}

const FLIGHTS: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 100
budgets: [{ name: flights, per: [tenant], limit: 5 concurrent requests }]
";

#[test]
fn so_many_calls_are_in_flight_at_a_time_whichever_way_they_end() {
    let mut mesh = Mesh::new(FLIGHTS, 2);
    for round in 0..3 {
        let flights: Vec<_> = (0..8).map(|at| mesh.call_from(at % 2, "acme", ASK)).collect();
        let admitted = flights.iter().filter(|(_, sent)| matches!(sent, Sent::Upstream { .. })).count();
        assert_eq!(admitted, 5, "round {round}: all of them, by either worker");
        for (at, (context, sent)) in flights.into_iter().enumerate() {
            match sent {
                Sent::Upstream { .. } => match (at, round) {
                    (0, 0) => mesh.answer(context, ASK_TOKENS, 1),
                    // An error, and clients that leave.
                    (0, 1) => {
                        let headers = [(":status", "500"), ("content-type", "application/json")];
                        mesh.workers[0].response_begins(context, &headers);
                        mesh.workers[0].response_piece(context, b"{}", true);
                        mesh.workers[0].close(context);
                    }
                    _ => mesh.workers[at % 2].close(context),
                },
                refused => assert_eq!(code(&refused), (429, "rate_limit_exceeded".to_owned())),
            }
        }
        // What is known to be all in use is asked for again after a moment.
        mesh.process.advance(300);
    }
    mesh.process.advance(6_000);
    mesh.report();
    mesh.report();
    assert_eq!((mesh.server.used("flights", "acme"), mesh.server.outstanding("flights", "acme")), (0, 0));
}

#[test]
fn what_is_not_in_flight_goes_back_for_others() {
    let mut mesh = Mesh::with(FLIGHTS);
    mesh.server.generosity = 0;
    let flights: Vec<_> = (0..5).map(|_| mesh.call("acme", ASK).0).collect();
    for context in &flights[1..] {
        mesh.answer(*context, ASK_TOKENS, 1);
    }
    // Of the four that are free: two, one, one.
    for held in [3, 2, 1] {
        mesh.report();
        assert_eq!(mesh.server.outstanding("flights", "acme"), held);
        // One is used all the time.
        mesh.process.advance(1_000);
    }
}
