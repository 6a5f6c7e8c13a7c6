//! Budgets that reserve what is expected.

use super::*;

const EXPECTED: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 1000
count: always
budgets: [{ name: hourly, per: [tenant], limit: 10000 tokens, window: 1h, reserve: expected }]
";

/// Lets 30 calls teach that answers have `output` tokens.
fn teach(mesh: &mut Mesh, tenant: &str, output: u64) {
    for _ in 0..30 {
        let (context, sent) = mesh.call(tenant, ASK);
        upstream_body(&sent);
        mesh.answer(context, ASK_TOKENS, output);
    }
    mesh.report();
}

fn admitted_at_once(mesh: &mut Mesh, tenant: &str, calls: usize) -> Vec<u32> {
    let flights: Vec<_> = (0..calls).map(|_| mesh.call(tenant, ASK)).collect();
    let admitted = flights.into_iter().filter(|(_, sent)| matches!(sent, Sent::Upstream { .. }));
    admitted.map(|(context, _)| context).collect()
}

fn overshoot(mesh: &Mesh, stat: &str) -> u64 {
    mesh.process.metric(&format!("budget=.=hourly;.;tollkeeper_overshoot{stat}_total"))
}

#[test]
fn what_was_learned_admits_more_at_a_time_than_the_worst_case_and_spends_no_more() {
    for (reserve, most) in [("worst_case", 9), ("expected", 60)] {
        let mut mesh = Mesh::with(&EXPECTED.replace("reserve: expected", &format!("reserve: {reserve}")));
        teach(&mut mesh, "acme", 10);
        // 30 × 20 are spent: of the other 9,400 the worst case takes 1,010 a call, and what is expected 21.
        let flights = admitted_at_once(&mut mesh, "acme", 60);
        assert_eq!(flights.len(), most, "{reserve}");
        flights.into_iter().for_each(|context| mesh.answer(context, ASK_TOKENS, 10));
        mesh.report();
        assert_eq!(mesh.server.used("hourly", "acme"), (30 + most as u64) * 20);
        assert_eq!(overshoot(&mesh, "_calls"), 0);
    }
}

#[test]
fn before_enough_is_known_and_for_others_it_is_the_worst_case() {
    let mut mesh = Mesh::with(EXPECTED);
    assert_eq!(admitted_at_once(&mut mesh, "acme", 20).len(), 9);
    teach(&mut mesh, "globex", 10);
    assert_eq!(admitted_at_once(&mut mesh, "globex", 20).len(), 20);
    assert_eq!(admitted_at_once(&mut mesh, "initech", 20).len(), 9);
}

#[test]
fn what_goes_beyond_is_charged_and_said() {
    let mut mesh = Mesh::with(EXPECTED);
    teach(&mut mesh, "acme", 10);
    let (context, sent) = mesh.call("acme", ASK);
    assert!(upstream_body(&sent).contains(r#""max_completion_tokens":1000"#), "the limit is the policy's");
    mesh.answer(context, ASK_TOKENS, 500);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 30 * 20 + 510);
    // 10 lies among the answers of 10 and 11 tokens.
    assert_eq!((overshoot(&mesh, ""), overshoot(&mesh, "_calls")), (500 - 11, 1));
}

#[test]
fn an_overshoot_is_taken_out_of_what_is_in_hand() {
    // All there is lies in the lease once 30 calls have taught.
    let policy = EXPECTED.replace("10000", "1700");
    let mut mesh = Mesh::with(&policy);
    teach(&mut mesh, "acme", 10);
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.answer(context, ASK_TOKENS, 990);
    // 600 + 1000 are spent: of the last 100 four calls of 21 are admitted, whatever the lease held.
    let admitted = admitted_at_once(&mut mesh, "acme", 20);
    assert_eq!(admitted.len(), 4);
}

#[test]
fn money_is_expected_by_the_tokens_that_are() {
    // gpt-4o: 2.50 and 10 USD per million. A worst case of 10 + 1,000 tokens costs 0.010025 USD, 10 + 11 cost 0.000135.
    let policy = EXPECTED.replace("10000 tokens", "0.05 USD");
    let mut mesh = Mesh::with(&policy);
    teach(&mut mesh, "acme", 10);
    // 30 × 0.000125 are spent: 0.04625 is left.
    assert_eq!(admitted_at_once(&mut mesh, "acme", 60).len(), 60);
    let mut mesh = Mesh::with(&policy.replace("expected", "worst_case"));
    teach(&mut mesh, "acme", 10);
    assert_eq!(admitted_at_once(&mut mesh, "acme", 60).len(), 4);
}
