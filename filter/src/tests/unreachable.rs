//! Budgets with a local share, while the server is away.

use super::*;

/// A call takes 10 tokens of prompt and at most 90 of output: two of them are what one process has of its own.
const LOCAL: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 90
count: always
budgets: [{ name: hourly, per: [tenant], limit: 10000 tokens, window: 1h, when_unreachable: local, local_share: 2% }]
";

/// A mesh whose workers have the policy and nothing in hand, and whose server is away.
fn cut_off(policy: &str, workers: usize) -> Mesh {
    let mut mesh = Mesh::new(policy, workers);
    mesh.server.generosity = 0;
    for worker in 0..workers {
        let (context, sent) = mesh.call_from(worker, "first", ASK);
        upstream_body(&sent);
        mesh.workers[worker].close(context);
    }
    mesh.server.down = true;
    mesh
}

fn stat(mesh: &Mesh, name: &str) -> u64 {
    mesh.process.metric(&format!("budget=.=hourly;.;mode=.=local;.;tollkeeper_without_server{name}_total"))
}

fn is_refused(mesh: &mut Mesh, tenant: &str) -> bool {
    match mesh.call(tenant, ASK).1 {
        Sent::Upstream { .. } => false,
        refused => {
            assert_eq!(code(&refused), (503, "quota_unavailable".to_owned()));
            true
        }
    }
}

fn call_of(mesh: &mut Mesh, output: u64) {
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.answer(context, ASK_TOKENS, output);
}

#[test]
fn calls_hold_their_worst_case_of_the_local_share_and_what_they_do_not_use_comes_back() {
    let mut mesh = cut_off(LOCAL, 1);
    let flights = [mesh.call("acme", ASK), mesh.call("acme", ASK)];
    assert!(is_refused(&mut mesh, "acme"), "both halves are held");
    for (context, sent) in flights {
        upstream_body(&sent);
        mesh.answer(context, ASK_TOKENS, 1);
    }
    // 2 × 11 are spent: there is room for one whole call, and then for none.
    call_of(&mut mesh, 90);
    assert!(is_refused(&mut mesh, "acme"));
    mesh.report();
    assert_eq!((stat(&mesh, "_calls"), stat(&mesh, "")), (3, 300));
}

#[test]
fn what_was_spent_is_charged_when_the_server_is_back_and_the_share_is_new_only_in_a_new_window() {
    let mut mesh = cut_off(LOCAL, 1);
    call_of(&mut mesh, 90);
    call_of(&mut mesh, 80);
    mesh.server.down = false;
    mesh.process.advance(3_000);
    mesh.report();
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 190);
    mesh.server.down = true;
    assert!(is_refused(&mut mesh, "acme"), "10 are left of the share");
    mesh.process.advance(3_600_000 - 120_000);
    assert!(is_refused(&mut mesh, "acme"));
    mesh.process.advance(120_000);
    assert!(!is_refused(&mut mesh, "acme"), "it is 19:00");
}

#[test]
fn no_step_of_the_wall_clock_renews_a_share() {
    let mut mesh = cut_off(LOCAL, 1);
    call_of(&mut mesh, 90);
    call_of(&mut mesh, 80);
    for step in [7_200_000, -7_200_000, 3_540_000, 120_000] {
        mesh.process.step_wall_clock(step);
        assert!(is_refused(&mut mesh, "acme"), "10 are left of the share");
    }
}

#[test]
fn all_workers_have_one_share() {
    let mut mesh = cut_off(LOCAL, 2);
    upstream_body(&mesh.call_from(0, "acme", ASK).1);
    upstream_body(&mesh.call_from(1, "acme", ASK).1);
    assert_eq!(code(&mesh.call_from(0, "acme", ASK).1).0, 503);
    assert_eq!(code(&mesh.call_from(1, "acme", ASK).1).0, 503);
    assert!(!is_refused(&mut mesh, "globex"), "others have their own");
}

#[test]
fn the_lease_in_hand_comes_first() {
    let mut mesh = cut_off(LOCAL, 1);
    mesh.server.down = false;
    mesh.process.advance(3_000);
    mesh.server.generosity = 150;
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.server.down = true;
    // 150 of the grant are in hand, and 200 are the share.
    let admitted = (0..6).filter(|_| !is_refused(&mut mesh, "acme")).count();
    assert_eq!(admitted, 3);
    mesh.answer(context, ASK_TOKENS, 90);
}

#[test]
fn a_call_that_another_budget_denies_takes_nothing_of_the_share() {
    let and = |rule| {
        let other = "name: other, per: [tenant], limit: 100000 tokens, window: 1h, when_unreachable";
        LOCAL.replace("}]", &format!("}}, {{ {other}: {rule} }}]"))
    };
    let mut mesh = cut_off(&and("deny"), 1);
    (0..5).for_each(|_| assert!(is_refused(&mut mesh, "acme")));
    mesh.server.down = false;
    mesh.server.policy = policy::Policy::from_yaml(&and("allow")).unwrap();
    mesh.process.advance(3_000);
    mesh.report();
    mesh.report();
    mesh.server.down = true;
    let admitted = (0..5).filter(|_| !is_refused(&mut mesh, "acme")).count();
    assert_eq!(admitted, 2);
}

#[test]
fn a_budget_that_is_known_to_be_spent_has_no_share() {
    let mut mesh = Mesh::with(&LOCAL.replace("10000", "150"));
    call_of(&mut mesh, 90);
    mesh.report();
    assert_eq!(code(&mesh.call("acme", ASK).1).0, 429);
    mesh.server.down = true;
    assert_eq!(code(&mesh.call("acme", ASK).1), (429, "insufficient_quota".to_owned()));
}

#[test]
fn endless_tenants_have_a_bounded_number_of_shares_and_the_others_none() {
    let mut mesh = cut_off(LOCAL, 1);
    let admitted = (0..9_000).filter(|tenant| !is_refused(&mut mesh, &format!("tenant-{tenant}"))).count();
    assert!((6_000..=8_192).contains(&admitted), "{admitted}");
}
