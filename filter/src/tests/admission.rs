//! Who is let through, and what it costs to find out.

use super::*;

#[test]
fn only_cold_leases_ask_the_server() {
    let mut mesh = Mesh::with(BUDGET);
    for _ in 0..8 {
        let (context, sent) = mesh.call("acme", ASK);
        upstream_body(&sent);
        mesh.answer(context, 9, 4);
    }
    // One for the policy, one for the lease: 8 calls need at most 8 × 13 of what was granted beyond the first.
    assert_eq!(mesh.server.acquires, 2);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 8 * 13);
}

#[test]
fn workers_share_the_lease_and_the_policy() {
    let mut mesh = Mesh::new(BUDGET, 2);
    mesh.call_from(0, "acme", ASK);
    let before = mesh.server.acquires;
    let (_, sent) = mesh.call_from(1, "acme", ASK);
    upstream_body(&sent);
    // The second worker never spoke to the server: it does not know how long the lease is good for, and asks once.
    assert_eq!(mesh.server.acquires, before + 1);
    let (_, sent) = mesh.call_from(1, "acme", ASK);
    upstream_body(&sent);
    assert_eq!(mesh.server.acquires, before + 1);
}

#[test]
fn a_budget_admits_exactly_what_it_holds_and_then_refuses_without_asking() {
    // Each call can take its prompt and 90: ten tokens of prompt make it 100.
    let policy = BUDGET.replace("output_limit: 100", "output_limit: 90").replace("10000", "500");
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 0;
    let mut admitted = 0;
    for _ in 0..20 {
        let (context, sent) = mesh.call("acme", ASK);
        match sent {
            Sent::Upstream { .. } => {
                admitted += 1;
                mesh.answer(context, ASK_TOKENS, 90);
            }
            refused => assert_eq!(code(&refused), (429, "insufficient_quota".to_owned())),
        }
        mesh.report();
    }
    assert_eq!(admitted, 5);
    assert_eq!(mesh.server.used("hourly", "acme"), 500);
    // 1 for the policy, 5 that were granted, 1 that was not: the other refusals knew.
    assert_eq!(mesh.server.acquires, 7);
    assert_eq!(mesh.refused("acme", "insufficient_quota"), 15);
    assert_eq!(mesh.server.ledger("acme", "refused:insufficient_quota").unwrap().requests, 15);
}

#[test]
fn calls_in_flight_hold_their_worst_case() {
    let policy = BUDGET.replace("10000", "500").replace("output_limit: 100", "output_limit: 90");
    let mut mesh = Mesh::with(&policy);
    let flights: Vec<_> = (0..8).map(|_| mesh.call("acme", ASK)).collect();
    let admitted = flights.iter().filter(|(_, sent)| matches!(sent, Sent::Upstream { .. })).count();
    assert_eq!(admitted, 5, "5 × 100 tokens are all there is, however little they will use");
    // What they do not use is there again.
    for (context, sent) in flights {
        match sent {
            Sent::Upstream { .. } => mesh.answer(context, ASK_TOKENS, 1),
            refused => assert_eq!(code(&refused).1, "rate_limit_exceeded", "held, not spent: worth a retry"),
        }
    }
    mesh.process.advance(1_000);
    assert!(matches!(mesh.call("acme", ASK).1, Sent::Upstream { .. }));
}

#[test]
fn a_remainder_too_small_for_any_call_goes_back_so_that_somebody_can_use_it() {
    let policy = BUDGET.replace("10000", "250").replace("output_limit: 100", "output_limit: 90");
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 30;
    upstream_body(&mesh.call("acme", ASK).1);
    upstream_body(&mesh.call("acme", ASK).1);
    assert_eq!(mesh.server.outstanding("hourly", "acme"), 225, "two calls of 100, and 25 for the next");
    assert_eq!(code(&mesh.call("acme", ASK).1).1, "rate_limit_exceeded");
    mesh.server.generosity = 0;
    mesh.report();
    assert_eq!(mesh.server.outstanding("hourly", "acme"), 200);
}

#[test]
fn a_call_too_big_for_what_is_left_does_not_keep_smaller_ones_out() {
    let policy = BUDGET.replace("10000", "250").replace("output_limit: 100", "output_limit: 90");
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 0;
    let spent = mesh.call("acme", ASK).0;
    mesh.answer(spent, ASK_TOKENS, 90);
    let held = mesh.call("acme", ASK).0;
    mesh.report();
    let limited = |tokens: u64| ASK.replacen('{', &format!(r#"{{"max_tokens":{tokens},"#), 1);
    // 100 are spent and 100 held: 151 can't be had any more, 60 can once some of what is held comes back.
    assert_eq!(code(&mesh.call("acme", &limited(141)).1).1, "insufficient_quota");
    assert_eq!(code(&mesh.call("acme", &limited(50)).1).1, "rate_limit_exceeded");
    mesh.answer(held, ASK_TOKENS, 0);
    mesh.report();
    mesh.process.advance(1_000);
    let asked = mesh.server.acquires;
    assert_eq!(code(&mesh.call("acme", &limited(141)).1).1, "insufficient_quota");
    assert_eq!(mesh.server.acquires, asked, "that is known until the window ends");
    upstream_body(&mesh.call("acme", &limited(50)).1);
}

#[test]
fn a_refused_call_is_told_when_it_fits_also_where_nobody_is_asked() {
    let policy = BUDGET.replace("10000", "250").replace("1h", "rolling 60s");
    let mut mesh = Mesh::with(&policy.replace("output_limit: 100", "output_limit: 90"));
    mesh.server.generosity = 0;
    for _ in 0..2 {
        let context = mesh.call("acme", ASK).0;
        mesh.answer(context, ASK_TOKENS, 90);
    }
    mesh.report();
    let retry_in_ms = |mesh: &mut Mesh, max_tokens: u64| {
        let body = ASK.replacen('{', &format!(r#"{{"max_tokens":{max_tokens},"#), 1);
        let Sent::Replied(reply) = mesh.call("acme", &body).1 else { panic!("{max_tokens} admitted") };
        reply.headers["retry-after-ms"].parse::<u64>().unwrap()
    };
    // 50 of 250 are left, and the server knows when as much will have come back as the call lacks.
    mesh.server.frees_in_ms = Some(30_000);
    assert_eq!(retry_in_ms(&mut mesh, 90), 30_000);
    mesh.process.advance(400);
    let asked = mesh.server.acquires;
    assert_eq!(retry_in_ms(&mut mesh, 90), 29_600);
    assert_eq!(
        retry_in_ms(&mut mesh, 60),
        600,
        "what a smaller call needs may have come back at the next tick"
    );
    assert_eq!(mesh.server.acquires, asked);
    mesh.server.frees_in_ms = Some(40_000);
    assert_eq!(retry_in_ms(&mut mesh, 120), 40_000, "that one was not known");
    mesh.process.advance(1_000);
    mesh.server.frees_in_ms = Some(28_600);
    assert_eq!(retry_in_ms(&mut mesh, 90), 28_600);
    assert_eq!(mesh.server.acquires, asked + 2);
}

#[test]
fn the_bound_is_enough_until_the_exact_count_decides() {
    // 4 kB of text cannot be more than 4,000 tokens, and is 1,000 of "a "; the budget has room for the exact count only.
    let text = "a ".repeat(1_000);
    let body =
        format!(r#"{{"model":"gpt-4o","max_tokens":10,"messages":[{{"role":"user","content":"{text}"}}]}}"#);
    let exact = 3 + 3 + 1 + tokens::count(tokens::Encoding::O200kBase, &text) + 10;
    let policy = BUDGET.replace("10000", &exact.to_string());
    let mut mesh = Mesh::with(&policy);
    let (context, sent) = mesh.call("acme", &body);
    upstream_body(&sent);
    mesh.answer(context, exact - 10, 10);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), exact);

    let mut mesh = Mesh::with(&BUDGET.replace("10000", &(exact - 1).to_string()));
    assert_eq!(code(&mesh.call("acme", &body).1).1, "insufficient_quota");
}

#[test]
fn all_budgets_admit_or_nothing_is_held() {
    let policy = BUDGET.replace(
        "budgets: [",
        "budgets: [{ name: calls, per: [tenant], limit: 3 requests, window: 1h }, { name: money, per: [tenant], limit: 1 USD, window: 1d }, ",
    );
    let mut mesh = Mesh::with(&policy);
    mesh.server.generosity = 0;
    for _ in 0..3 {
        let (context, sent) = mesh.call("acme", ASK);
        upstream_body(&sent);
        mesh.answer(context, 10, 2);
    }
    mesh.report();
    assert_eq!(code(&mesh.call("acme", ASK).1).1, "insufficient_quota");
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 36);
    assert_eq!(mesh.server.used("money", "acme"), 3 * (10 * 2_500_000 + 2 * 10_000_000));
    mesh.process.advance(6_000);
    mesh.report();
    mesh.report();
    for budget in ["calls", "hourly", "money"] {
        assert_eq!(mesh.server.outstanding(budget, "acme"), 0, "{budget}: idle leases go back");
    }
}

#[test]
fn a_new_window_starts_afresh() {
    let mut mesh = Mesh::with(&BUDGET.replace("10000", "110"));
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.answer(context, 10, 100);
    mesh.report();
    assert_eq!(code(&mesh.call("acme", ASK).1).1, "insufficient_quota");
    mesh.process.advance(3_600_000);
    upstream_body(&mesh.call("acme", ASK).1);
}

#[test]
fn contention_between_workers_is_waited_out_within_a_bound() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.process.contention.set(5);
    mesh.answer(context, 9, 4);
    // Others are at it without end: the call asks the server instead of spinning.
    mesh.process.contention.set(1_000);
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    mesh.process.contention.set(0);
    mesh.answer(context, 9, 4);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 26);
}

#[test]
fn endless_tenants_use_a_bounded_number_of_slots_and_none_is_let_through_for_free() {
    let mut mesh = Mesh::with(&BUDGET.replace("10000", "111"));
    for tenant in 0..300 {
        let (context, sent) = mesh.call(&format!("tenant-{tenant}"), ASK);
        upstream_body(&sent);
        mesh.answer(context, 10, 100);
    }
    assert!(mesh.process.shared_keys() <= 16_384 + 2);
    for tenant in 0..300 {
        assert_eq!(code(&mesh.call(&format!("tenant-{tenant}"), ASK).1).0, 429);
    }
}

#[test]
fn a_shadow_budget_counts_and_never_refuses() {
    let policy = BUDGET.replace("window: 1h }", "window: 1h, mode: shadow }").replace("10000", "20");
    let mut mesh = Mesh::with(&policy);
    for _ in 0..3 {
        let (context, sent) = mesh.call("acme", ASK);
        upstream_body(&sent);
        mesh.answer(context, 10, 5);
        mesh.report();
    }
    assert_eq!(mesh.server.used("hourly", "acme"), 45);
}

#[test]
fn without_the_server_each_budget_has_its_rule() {
    for (rule, status) in [("allow", None), ("deny", Some((503, "quota_unavailable".to_owned())))] {
        let policy = BUDGET.replace("window: 1h }", &format!("window: 1h, when_unreachable: {rule} }}"));
        let mut mesh = Mesh::with(&policy);
        // A first tenant brings the policy, and has a lease in hand.
        let (context, _) = mesh.call("acme", ASK);
        mesh.answer(context, 9, 4);
        mesh.server.down = true;
        let (context, sent) = mesh.call("acme", ASK);
        upstream_body(&sent);
        mesh.answer(context, 9, 4);
        // Another has none.
        let (context, sent) = mesh.call("globex", ASK);
        match status {
            None => {
                upstream_body(&sent);
                mesh.answer(context, 9, 4);
            }
            Some(expected) => assert_eq!(code(&sent), expected),
        }
        // Nothing that happened meanwhile is lost.
        mesh.report();
        mesh.server.down = false;
        mesh.process.advance(3_000);
        mesh.report();
        mesh.report();
        assert_eq!(mesh.server.used("hourly", "acme"), 26);
        assert_eq!(mesh.server.used("hourly", "globex"), if rule == "allow" { 13 } else { 0 });
    }
}

#[test]
fn an_answer_that_is_lost_leaves_nothing_granted() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 9, 4);
    mesh.server.answers_get_lost = true;
    let (context, sent) = mesh.call("globex", ASK);
    upstream_body(&sent);
    assert!(mesh.server.outstanding("hourly", "globex") > 0);
    mesh.answer(context, 9, 4);
    mesh.server.answers_get_lost = false;
    mesh.process.advance(3_000);
    mesh.report();
    assert_eq!((mesh.server.outstanding("hourly", "globex"), mesh.server.used("hourly", "globex")), (0, 13));
}

#[test]
fn a_report_whose_answer_is_lost_charges_once() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 9, 4);
    mesh.server.answers_get_lost = true;
    mesh.report();
    mesh.report();
    mesh.server.answers_get_lost = false;
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 13);
    assert_eq!(mesh.server.ledger("acme", "ok").unwrap().requests, 1);
}

#[test]
fn a_new_policy_is_in_force_from_the_next_report() {
    let mut mesh = Mesh::with(BUDGET);
    let (context, sent) = mesh.call("acme", ASK);
    assert!(upstream_body(&sent).contains(":100"));
    mesh.answer(context, 9, 4);
    mesh.server.policy =
        policy::Policy::from_yaml(&BUDGET.replace("output_limit: 100", "output_limit: 7")).unwrap();
    mesh.report();
    assert!(upstream_body(&mesh.call("acme", ASK).1).contains(r#""max_completion_tokens":7"#));
}
