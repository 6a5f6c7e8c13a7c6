//! Top-ups and resets, as operators make them and auditors read them.

mod common;

use common::{Server, acquire, home, settled, sync, tollkeeper};
use quota::proto::SyncRequest;
use std::io::{Read, Write};
use std::net::TcpStream;

const POLICY: &str = "
dimensions:
  tenant: { header: x-tenant-id }
  user: { header: x-user-id }
budgets:
  - { name: spend, per: [tenant], limit: 10 USD, window: 1d }
  - { name: calls, per: [tenant], limit: 3 requests, window: 1d }
  - { name: seats, per: [tenant, user], limit: 100 tokens, window: lifetime }
  - { name: all, limit: 1000 tokens, window: 1d }
  - { name: flights, per: [tenant], limit: 3 concurrent requests }
  - { name: drips, per: [tenant], limit: 60 tokens, window: refill 60s }
";

/// What the command says, and whether it went well.
fn told(server: &Server, arguments: &[&str]) -> (bool, String) {
    let url = format!("http://{}", server.http);
    let output = tollkeeper(arguments).args(["--server", &url]).output().expect("runs");
    let said = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(said).expect("text"))
}

/// POST with a token and an idempotency key, if there are any: status and body.
fn post(server: &Server, path: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(&server.http).expect("a connection");
    let length = body.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

#[tokio::test]
async fn a_used_up_budget_is_topped_up_and_reset_by_command_and_the_trail_tells_who_and_why() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    let window =
        client.acquire(acquire(1, 1, "calls", "acme", 3)).await.expect("granted").into_inner().grants[0]
            .window;
    let spent = SyncRequest { settled: vec![settled("calls", "acme", window, 1, 3, 0)], ..sync(1, 1) };
    client.sync(spent).await.expect("applied");
    let mut number = 1;
    let mut is_granted = async |need| {
        number += 1;
        let answer = client.acquire(acquire(1, number, "calls", "acme", need)).await.expect("answered");
        answer.into_inner().exhausted.is_none()
    };
    assert!(!is_granted(1).await);

    let top_up = [
        "top-up",
        "calls",
        "2 requests",
        "--for",
        "tenant=acme",
        "--reason",
        "a demo at noon",
        "--key",
        "k-1",
    ];
    let (ok, said) = told(&server, &top_up);
    assert!(ok, "{said}");
    assert_eq!(
        said,
        "calls for tenant=acme was topped up by 2 requests. Now 3 requests of 5 requests are used, 0 requests reserved. \
         Change 1, key k-1.\n"
    );
    let (_, said) = told(&server, &top_up);
    assert!(said.contains("was topped up by 2 requests (before, with this key)"), "{said}");
    assert!(!is_granted(3).await);
    assert!(is_granted(2).await);
    assert!(!is_granted(1).await);

    let (ok, said) = told(&server, &["reset", "calls", "--for", "tenant=acme", "--reason", "a bug of ours"]);
    assert!(
        ok && said.contains("was reset: 3 requests count no more. Now 0 requests of 5 requests are used, 2"),
        "{said}"
    );
    assert!(!is_granted(4).await);
    assert!(is_granted(3).await);

    let bucket = &server.json("/v1/budgets")["buckets"][0];
    let figures = ["limit", "added", "used", "outstanding", "remaining"].map(|name| bucket[name].as_u64());
    assert_eq!(figures, [5, 2, 0, 5, 0].map(Some));
    let metrics = server.get("/metrics").1;
    assert!(metrics.contains("tollkeeper_server_adjustments_total{action=\"top-up\"} 1\n"), "{metrics}");

    let (_, table) = told(&server, &["audit"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    for (line, parts) in [
        (1, ["2  ", "local", "tenant=acme", "reset", "a bug of ours", "5 requests  3 requests → 0 requests"]),
        (2, ["1  ", "local", "tenant=acme", "+2 requests", "a demo at noon", "3 requests → 5 requests"]),
    ] {
        parts.iter().for_each(|part| assert!(lines[line].contains(part), "{part} in {table}"));
    }
    let entries = server.json("/v1/audit?limit=1&before=2");
    assert_eq!(entries["entries"].as_array().map(Vec::len), Some(1));
    assert_eq!(entries["entries"][0]["key"], "k-1");
}

#[tokio::test]
async fn what_is_wrong_with_a_change_is_said() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    for (arguments, says) in [
        (
            vec!["top-up", "spent", "5 USD"],
            "404 Not Found: the policy has no budget `spent` (did you mean `spend`?)",
        ),
        (
            vec!["top-up", "spend", "5 tokens", "--for", "tenant=acme"],
            "`5 tokens`: budget `spend` counts USD",
        ),
        (vec!["top-up", "spend", "0 USD", "--for", "tenant=acme"], "must be more than 0"),
        (vec!["top-up", "spend", "5 USD"], "subject: budget `spend` is kept per tenant; `tenant` is missing"),
        (
            vec!["top-up", "seats", "5 tokens", "--for", "user=ann"],
            "is kept per tenant, user; `tenant` is missing",
        ),
        (vec!["reset", "spend", "--for", "tenant=acme", "--for", "app=web"], "is kept per tenant; not `app`"),
        (vec!["reset", "all", "--for", "tenant=acme"], "is one for all, so it has no subject; not `tenant`"),
        (vec!["reset", "spend", "--for", "tenant=acme corp"], "it would be known as `acme_corp`"),
        (vec!["reset", "flights", "--for", "tenant=acme"], "counts calls in flight, which end by themselves"),
        (vec!["top-up", "drips", "5 tokens", "--for", "tenant=acme"], "`drips` refills all the time"),
        (vec!["reset", "spend", "--for", "acme"], "expected DIMENSION=VALUE"),
    ] {
        let (ok, said) = told(&server, &[arguments.clone(), vec!["--reason", "why not"]].concat());
        assert!(!ok && said.contains(says), "{arguments:?}: {said}");
    }
    let (_, said) = told(&server, &["reset", "all", "--reason", " "]);
    assert!(said.contains("reason: say why"), "{said}");
    let all = "/v1/budgets/all/reset";
    for (headers, body, status, says) in [
        ("", "{}", 400, "missing field `reason`"),
        ("", r#"{"reason": "x", "amount": "5 tokens"}"#, 400, "amount: a reset has none"),
        ("", r#"{"reason": "x", "subjekt": {}}"#, 400, "unknown field `subjekt`"),
        ("idempotency-key: \r\n", r#"{"reason": "x"}"#, 400, "idempotency-key: expected 1 to 128"),
        ("idempotency-key: k\r\n", r#"{"reason": "x"}"#, 200, "\"repeated\":false"),
        ("idempotency-key: k\r\n", r#"{"reason": "y"}"#, 409, "change 1 (reset of `all`) was made with it"),
    ] {
        let (got, said) = post(&server, all, headers, body);
        assert_eq!(got, status, "{said}");
        assert!(said.contains(says), "{said}");
    }
    assert_eq!(
        server.json("/v1/audit")["entries"].as_array().map(Vec::len),
        Some(1),
        "nothing else was changed"
    );
    assert_eq!(server.get("/v1/audit?limit=0"), (400, "limit: `0` is no number from 1 to 1000\n".to_owned()));
}

#[tokio::test]
async fn viewers_may_read_the_trail_and_change_nothing() {
    let home = home(POLICY);
    let entry = |name: &str, role: &str, token: &str| {
        let hash = quota_server::edge::token::Hash::of(token).hex();
        format!("  - {{ name: {name}, role: {role}, sha256: {hash} }}\n")
    };
    let [vic, opal] = ["v", "o"].map(|letter| letter.repeat(32));
    let access = format!("tokens:\n{}{}", entry("vic", "viewer", &vic), entry("opal", "operator", &opal));
    let path = home.path().join("access.yaml");
    std::fs::write(&path, access).expect("written");
    let server = Server::start_with(home.path(), &["--access", path.to_str().expect("a path")]);
    let bearer = |token: &str| format!("authorization: Bearer {token}\r\n");
    let body = r#"{"amount": "5 tokens", "reason": "more"}"#;

    let (status, said) = post(&server, "/v1/budgets/all/top-up", &bearer(&vic), body);
    assert_eq!((status, said.as_str()), (403, "this needs the role operator; vic has viewer\n"));
    assert_eq!(post(&server, "/v1/budgets/all/top-up", "", body).0, 401);
    let (status, said) = post(&server, "/v1/budgets/all/top-up", &bearer(&opal), body);
    let made: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!((status, made["by"].as_str(), made["number"].as_u64()), (200, Some("opal"), Some(1)));

    let url = format!("http://{}", server.http);
    let read = tollkeeper(&["audit", "--server", &url]).env("TOLLKEEPER_TOKEN", &vic).output().expect("runs");
    assert!(String::from_utf8_lossy(&read.stdout).contains("opal"), "{read:?}");
}
