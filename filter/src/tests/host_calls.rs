//! How often calls make the filter call its host: each time costs. Who makes it more has to say so here.

use super::*;
use crate::fake::HostCalls;

/// What has been called since this was last asked: how often a clock was read, and all.
fn since(mesh: &Mesh) -> (u32, u32) {
    let HostCalls { clocks, all } = mesh.workers[0].envoy.host_calls.take();
    (clocks, all)
}

/// Calls are admitted out of this worker's pocket.
fn warm() -> Mesh {
    let mut mesh = Mesh::with(BUDGET);
    mesh.server.generosity = 5_000;
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, ASK_TOKENS, 5);
    let (context, _) = mesh.call("acme", ASK);
    mesh.answer(context, ASK_TOKENS, 5);
    since(&mesh);
    mesh
}

#[test]
fn a_call_reads_both_clocks_once_to_be_admitted() {
    let mut mesh = warm();
    let (context, sent) = mesh.call("acme", ASK);
    upstream_body(&sent);
    assert_eq!(since(&mesh), (4, 13), "on its arrival, both when it is complete, and when it goes");
    mesh.answer(context, ASK_TOKENS, 5);
    assert_eq!(since(&mesh), (1, 4), "at its end");
    mesh.report();
    assert_eq!(since(&mesh).0, 3, "both on the tick, and when the report is answered");
}

#[test]
fn clocks_are_read_again_after_a_count_and_for_an_answer() {
    let mut mesh = warm();
    let large = ASK.replace("\"messages\"", "\"max_tokens\":20000,\"messages\"");
    mesh.call("acme", &large);
    assert_eq!(since(&mesh).0, 1 + 2 + 2 + 2, "on arrival, when complete, when counted, when answered");
    mesh.call("acme", &large);
    assert_eq!(since(&mesh).0, 1 + 2 + 2, "it is known by now");
}
