//! Calls that give way to others.

use super::*;

/// A call takes 10 tokens of prompt and at most 90 of output. Those of tenants `batch-…` leave 400 of 1,000.
const WAY: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 90
count: always
budgets:
  - name: shared
    limit: 1000 tokens
    window: 1h
    gives_way: [{ when: { tenant: batch-* }, at: 60% }]
";

fn mesh(generosity: u64) -> Mesh {
    let mut mesh = Mesh::with(WAY);
    mesh.server.generosity = generosity;
    mesh
}

/// How many of so many calls at once are admitted, which hold 100 each.
fn admitted(mesh: &mut Mesh, tenant: &str, calls: usize) -> usize {
    (0..calls).filter(|_| matches!(mesh.call(tenant, ASK).1, Sent::Upstream { .. })).count()
}

#[test]
fn they_leave_their_part_to_others_whatever_the_lease_holds() {
    for generosity in [0, 150, 500, 2_000] {
        let mut mesh = mesh(generosity);
        assert_eq!(admitted(&mut mesh, "batch-1", 10), 6, "generosity {generosity}");
        assert_eq!(admitted(&mut mesh, "acme", 10), 4, "generosity {generosity}");
        assert_eq!(admitted(&mut mesh, "batch-1", 10), 0);
    }
}

#[test]
fn what_others_use_counts_too() {
    for generosity in [0, 2_000] {
        let mut mesh = mesh(generosity);
        assert_eq!(admitted(&mut mesh, "acme", 4), 4);
        assert_eq!(admitted(&mut mesh, "batch-1", 10), 2, "generosity {generosity}");
        assert_eq!(admitted(&mut mesh, "acme", 10), 4);
    }
}

#[test]
fn a_call_that_gave_way_is_not_asked_for_again_at_once_and_keeps_nobody_from_asking() {
    let mut mesh = mesh(0);
    assert_eq!(admitted(&mut mesh, "batch-1", 6), 6);
    let before = mesh.server.acquires;
    let (_, refused) = mesh.call("batch-1", ASK);
    assert_eq!(code(&refused), (429, "rate_limit_exceeded".to_owned()), "what is held may come back");
    let Sent::Replied(reply) = refused else { panic!("admitted") };
    assert!(String::from_utf8(reply.body).unwrap().contains("keeps what is left for calls that come before"));
    assert_eq!(admitted(&mut mesh, "batch-1", 10), 0);
    assert_eq!(mesh.server.acquires, before + 1, "the answer is remembered");
    assert_eq!(admitted(&mut mesh, "acme", 1), 1);
    mesh.report();
    assert_eq!(mesh.process.metric("budget=.=shared;.;tollkeeper_gave_way_total"), 11);
}

#[test]
fn what_comes_back_is_theirs_again() {
    let mut mesh = mesh(0);
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    assert_eq!(admitted(&mut mesh, "batch-1", 10), 5);
    mesh.answer(context, ASK_TOKENS, 0);
    mesh.report();
    mesh.process.advance(1_200);
    // 10 of 100 were used: at 60 % there is no room for a whole call, and others have theirs.
    assert_eq!(admitted(&mut mesh, "batch-1", 1), 0);
    assert_eq!(admitted(&mut mesh, "acme", 10), 4);
}

#[test]
fn once_their_part_is_spent_they_are_told_when_it_resets() {
    for generosity in [0, 2_000] {
        let mut mesh = mesh(generosity);
        for _ in 0..6 {
            let (context, sent) = mesh.call("batch-1", ASK);
            upstream_body(&sent);
            mesh.answer(context, ASK_TOKENS, 90);
        }
        mesh.report();
        assert_eq!(
            code(&mesh.call("batch-1", ASK).1),
            (429, "insufficient_quota".to_owned()),
            "{generosity}"
        );
        let before = mesh.server.acquires;
        assert_eq!(admitted(&mut mesh, "batch-1", 5), 0);
        assert_eq!(mesh.server.acquires, before);
        assert_eq!(admitted(&mut mesh, "acme", 5), 4);
    }
}
