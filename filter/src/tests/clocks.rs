//! Wall clocks that are set, and machines that are suspended.

use super::*;

const HOUR_MS: i64 = 3_600_000;

const GUARDED: &str = "
dimensions: { tenant: { header: x-tenant-id } }
output_limit: 90
budgets: [{ name: hourly, per: [tenant], limit: 10000 tokens, window: 1h, when_unreachable: deny }]
";

/// A mesh that has a lease with plenty in it, after one call of 15 tokens.
fn with_a_lease() -> Mesh {
    let mut mesh = Mesh::with(GUARDED);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, 10, 5);
    mesh.report();
    assert!(mesh.server.outstanding("hourly", "acme") > 1_000);
    mesh
}

#[test]
fn calls_go_on_out_of_the_lease_when_the_wall_clock_is_set_back() {
    let mut mesh = with_a_lease();
    mesh.server.down = true;
    mesh.process.step_wall_clock(-HOUR_MS);
    let (_, sent) = mesh.call("acme", ASK);
    assert!(matches!(sent, Sent::Upstream { .. }), "{sent:?}");
    // But no longer than its term, by the time that has really passed.
    mesh.process.advance(59_999);
    assert!(matches!(mesh.call("acme", ASK).1, Sent::Upstream { .. }));
    mesh.process.advance(1);
    assert_eq!(code(&mesh.call("acme", ASK).1), (503, "quota_unavailable".to_owned()));
}

#[test]
fn a_wall_clock_that_is_set_strands_nothing() {
    for step in [-HOUR_MS, HOUR_MS] {
        let mut mesh = with_a_lease();
        mesh.process.step_wall_clock(step);
        // Idle for longer than five seconds, and a tick.
        mesh.process.advance(5_001);
        mesh.report();
        mesh.report();
        assert_eq!(mesh.server.outstanding("hourly", "acme"), 0, "after a step of {step} ms");
        assert_eq!(mesh.server.used("hourly", "acme"), 15);
    }
}

#[test]
fn a_wall_clock_that_is_set_forward_costs_a_question_and_refuses_nobody() {
    let mut mesh = with_a_lease();
    let questions = mesh.server.acquires;
    mesh.process.step_wall_clock(HOUR_MS);
    for _ in 0..5 {
        let (context, sent) = mesh.call("acme", ASK);
        assert!(matches!(sent, Sent::Upstream { .. }), "{sent:?}");
        mesh.answer(context, 10, 5);
    }
    assert_eq!(mesh.server.acquires, questions + 1);
    for _ in 0..3 {
        mesh.process.advance(5_001);
        mesh.report();
    }
    assert_eq!((mesh.server.used("hourly", "acme"), mesh.server.outstanding("hourly", "acme")), (90, 0));
}

#[test]
fn a_machine_that_was_suspended_for_a_term_spends_nothing_before_it_has_asked() {
    for (suspended_ms, is_admitted) in [(59_000, true), (60_000, false)] {
        let mut mesh = with_a_lease();
        mesh.server.down = true;
        mesh.process.step_wall_clock(suspended_ms);
        let sent = mesh.call("acme", ASK).1;
        assert_eq!(matches!(sent, Sent::Upstream { .. }), is_admitted, "after {suspended_ms} ms: {sent:?}");
    }
}
