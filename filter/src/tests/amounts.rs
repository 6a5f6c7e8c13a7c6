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
