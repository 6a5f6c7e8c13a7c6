//! Servers of other versions, whose policies may say what this one does not know.

use super::*;
use serde_json::{Value, json};

/// Has the server send its policy with something changed, under another version.
fn send_instead(mesh: &mut Mesh, change: impl Fn(&mut Value)) {
    let mut compiled: Value = serde_json::from_slice(&mesh.server.policy.compiled()).unwrap();
    change(&mut compiled);
    compiled["version"] = json!("another");
    mesh.server.sends = Some(compiled.to_string().into_bytes());
}

fn with_unknown_unit(compiled: &mut Value) {
    compiled["budgets"][0]["unit"] = json!("lightyears");
}

fn errors(mesh: &Mesh) -> usize {
    let log = mesh.workers[0].envoy.log.borrow();
    log.iter().filter(|line| line.contains("refused a policy") && line.contains("lightyears")).count()
}

#[test]
fn a_policy_of_an_older_server_holds_without_the_fields_it_lacks() {
    let mut mesh = Mesh::with(BUDGET);
    send_instead(&mut mesh, |compiled| {
        let budget = compiled["budgets"][0].as_object_mut().unwrap();
        for newer in ["window", "reserve", "on_overrun"] {
            budget.remove(newer).unwrap();
        }
        compiled.as_object_mut().unwrap().remove("guardrails").unwrap();
    });
    let (context, sent) = mesh.call("acme", ASK);
    assert!(upstream_body(&sent).contains(r#""max_completion_tokens":100"#));
    mesh.answer(context, 9, 4);
    mesh.report();
    assert_eq!(mesh.server.used("hourly", "acme"), 13);
}

#[test]
fn a_policy_that_is_not_understood_leaves_the_last_one_in_force_and_is_said_once() {
    let mut mesh = Mesh::with(BUDGET);
    upstream_body(&mesh.call("acme", ASK).1);
    send_instead(&mut mesh, with_unknown_unit);
    for _ in 0..5 {
        mesh.process.advance(6_000);
        mesh.report();
        assert!(upstream_body(&mesh.call("acme", ASK).1).contains(r#""max_completion_tokens":100"#));
    }
    assert_eq!((errors(&mesh), mesh.process.metric("tollkeeper_policy_errors_total")), (1, 1));
}

#[test]
fn with_none_that_is_understood_calls_go_by_the_configuration() {
    for (rule, refused) in [("refuse", true), ("pass", false)] {
        let mut mesh = Mesh::with(BUDGET);
        let configuration = format!(r#"{{"quota_cluster": "tollkeeper", "without_policy": "{rule}"}}"#);
        mesh.workers = vec![Worker::new(&mesh.process, &configuration).unwrap()];
        send_instead(&mut mesh, with_unknown_unit);
        // One that the server answers, and one while it can't be asked.
        for down in [false, true] {
            mesh.server.down = down;
            match mesh.call("acme", ASK).1 {
                Sent::Upstream { body, .. } => {
                    assert_eq!((refused, body.as_slice()), (false, ASK.as_bytes()))
                }
                sent => assert_eq!((refused, code(&sent).0), (true, 503)),
            }
        }
        mesh.workers[0].tick();
        assert_eq!((errors(&mesh), mesh.process.metric("tollkeeper_without_policy_total")), (1, 2));
    }
}
