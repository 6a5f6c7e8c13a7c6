//! The binary as its users meet it.

mod common;

use common::{POLICY, Server, acquire, call, home, settled, sync, tollkeeper, until};
use quota::proto::SyncRequest;
use std::time::{Duration, Instant};
use tonic::Code;

#[tokio::test]
async fn what_is_acquired_and_reported_shows_in_budgets_and_usage() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;

    let granted =
        client.acquire(acquire(1, 1, "tenant-tokens", "acme", 500)).await.expect("granted").into_inner();
    let policy = granted.policy.expect("a worker without a policy gets it");
    let term = granted.term.expect("a term");
    let grant = &granted.grants[0];
    assert!(grant.amount >= 500 && grant.limit == 1_000_000, "{grant:?}");
    assert_eq!(term.ttl_ms, 60_000);
    assert_eq!(policy::Policy::from_compiled(&policy.compiled).expect("readable").version, policy.version);

    let report = SyncRequest {
        policy_version: policy.version.clone(),
        settled: vec![settled(
            "tenant-tokens",
            "acme",
            grant.window,
            term.generation,
            310,
            grant.amount - 310,
        )],
        ledger: vec![call("acme", 300)],
        ..sync(1, 1)
    };
    let answer = client.sync(report).await.expect("applied").into_inner();
    assert_eq!(answer.policy, None, "it has the current one");

    let budgets = server.json("/v1/budgets");
    let bucket = &budgets["buckets"][0];
    assert_eq!(bucket["subject"]["tenant"], "acme");
    assert_eq!((bucket["used"].as_u64(), bucket["outstanding"].as_u64()), (Some(310), Some(0)));
    assert_eq!(bucket["remaining"], 999_690);

    let usage = server.json("/v1/usage?by=tenant,user");
    assert_eq!(usage["rows"][0]["group"], serde_json::json!({ "tenant": "acme", "user": "ann" }));
    assert_eq!(usage["total"]["prompt_tokens"], 300);
    assert_eq!(usage["total"]["completion_tokens"], 10);
    assert_eq!(usage["total"]["cost_pico_usd"], "5");

    let asked =
        tollkeeper(&["usage", "--server", &format!("http://{}", server.http)]).output().expect("runs");
    let store = format!("sqlite:{}", home.path().join("store.db").display());
    let read = tollkeeper(&["usage", "--store", &store]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&asked.stdout), String::from_utf8_lossy(&read.stdout));
    let row = "acme    gpt-4o         1     300          10  0.000000000005        0         0";
    assert!(String::from_utf8_lossy(&asked.stdout).lines().any(|line| line == row), "{asked:?}");
    assert!(server.get("/metrics").1.contains("tollkeeper_server_acquires_total{result=\"granted\"} 1\n"));
}

#[tokio::test]
async fn a_budget_that_is_spent_says_until_when() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    let granted = client.acquire(acquire(1, 1, "user-calls", "ann", 3)).await.expect("granted").into_inner();
    let refused = client.acquire(acquire(1, 2, "user-calls", "ann", 1)).await.expect("answered").into_inner();
    let held = refused.exhausted.expect("exhausted");
    assert!(held.retry_in_ms <= 250, "others only hold it: {held:?}");

    let grant = &granted.grants[0];
    let report =
        SyncRequest { settled: vec![settled("user-calls", "ann", grant.window, 1, 3, 0)], ..sync(1, 1) };
    client.sync(report).await.expect("applied");
    let refused = client.acquire(acquire(1, 3, "user-calls", "ann", 1)).await.expect("answered").into_inner();
    let spent = refused.exhausted.expect("exhausted");
    assert_eq!(spent.retry_in_ms, spent.resets_in_ms);
    assert!(refused.grants.is_empty());
}

// The client has to answer the connection's end while the test waits for the server's.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_it_with_success_and_leaves_one_file() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    client.sync(SyncRequest { ledger: vec![call("acme", 1)], ..sync(1, 1) }).await.expect("applied");
    assert_eq!(server.get("/readyz").0, 200);
    let began = Instant::now();
    assert!(server.stop().success());
    assert!(began.elapsed() < Duration::from_secs(2), "an idle client must not hold it up");
    assert!(!home.path().join("store.db-wal").exists(), "the log is folded in");
}

#[tokio::test]
async fn one_entry_that_cannot_be_used_loses_no_other() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    let granted = client.acquire(acquire(1, 1, "tenant-tokens", "acme", 500)).await.expect("granted");
    let window = granted.into_inner().grants[0].window;
    let refill = |value: &str| acquire(1, 1, "tenant-tokens", value, 7).wants[0].clone();
    let long = "x".repeat(257);
    let report = SyncRequest {
        settled: vec![
            settled("tenant-tokens", &long, window, 1, 1, 0),
            settled("tenant-tokens", "acme", window, 1, 310, 0),
        ],
        ledger: vec![call("acme", 300), call(&long, 1), call("globex", 1 << 62), call("globex", 5)],
        refills: vec![refill(&long), refill("acme"), refill(&long), refill("globex")],
        ..sync(1, 1)
    };
    for _ in 0..2 {
        let answer = client.sync(report.clone()).await.expect("applied, and repeated").into_inner();
        assert_eq!(answer.left_out, 5);
        assert_eq!(answer.left_out_because, "settled.bucket.subject: longer than 256 bytes");
        let given: Vec<bool> = answer.refills.iter().map(|grant| grant.amount >= 7).collect();
        assert_eq!(given, [false, true, false, true], "each answer in the place of its question");
    }
    let used: Vec<u64> = server.json("/v1/budgets")["buckets"]
        .as_array()
        .expect("buckets")
        .iter()
        .filter_map(|each| each["used"].as_u64())
        .collect();
    assert_eq!(used.iter().sum::<u64>(), 310);
    let usage = server.json("/v1/usage?by=tenant");
    assert_eq!((&usage["total"]["requests"], &usage["total"]["prompt_tokens"]), (&2.into(), &305.into()));
    assert!(server.get("/metrics").1.contains("tollkeeper_server_left_out_entries_total 10\n"));
}

#[tokio::test]
async fn input_beyond_the_limits_is_refused_by_field() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    let refusal = |status: tonic::Status| (status.code(), status.message().to_owned());
    let invalid = |message: &str| (Code::InvalidArgument, message.to_owned());

    let unnamed = SyncRequest { reporter: None, ..sync(1, 1) };
    assert_eq!(refusal(client.sync(unnamed).await.unwrap_err()), invalid("reporter: missing"));

    let huge = acquire(1, 1, "tenant-tokens", "acme", 1 << 62);
    assert_eq!(refusal(client.acquire(huge).await.unwrap_err()), invalid("wants.need: 2^62 or more"));

    let long = acquire(1, 1, "tenant-tokens", &"x".repeat(257), 1);
    let message = "wants.bucket.subject: longer than 256 bytes";
    assert_eq!(refusal(client.acquire(long).await.unwrap_err()), invalid(message));

    let mut twice = acquire(1, 1, "tenant-tokens", "acme", 1);
    twice.wants.push(twice.wants[0].clone());
    assert_eq!(refusal(client.acquire(twice).await.unwrap_err()), invalid("wants.bucket: named twice"));

    let mut many = acquire(1, 1, "tenant-tokens", "acme", 1);
    many.wants = (0..65)
        .map(|n| quota::proto::Want {
            bucket: common::bucket("tenant-tokens", &n.to_string()),
            need: 1,
            ..Default::default()
        })
        .collect();
    assert_eq!(refusal(client.acquire(many).await.unwrap_err()), invalid("wants: more than 64 of them"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_policy_is_pushed_and_a_broken_one_never_replaces_it() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let file = home.path().join("policy.yaml");
    let mut client = server.client().await;
    let mut asked = async |version: &str| {
        let request = quota::proto::AcquireRequest {
            policy_version: version.into(),
            wants: vec![],
            ..acquire(1, 1, "tenant-tokens", "acme", 0)
        };
        client.acquire(request).await.expect("answered").into_inner().policy
    };
    let first = asked("").await.expect("the policy").version;
    assert_eq!(asked(&first).await, None);

    std::fs::write(&file, "budgets: [{ name: x, limit: lots }]").expect("written");
    let refused = "tollkeeper_server_policy_reloads_total{result=\"refused\"} 1\n";
    until("the refusal", async || server.get("/metrics").1.contains(refused)).await;
    assert_eq!(asked(&first).await, None, "the old one is still in force");

    std::fs::write(&file, POLICY.replace("3 requests", "4 requests")).expect("written");
    until("the reload", async || asked(&first).await.is_some()).await;
    let now =
        policy::Policy::from_compiled(&asked(&first).await.expect("the policy").compiled).expect("readable");
    assert_eq!(now.budget("user-calls").map(|budget| budget.limit), Some(4));

    std::fs::write(&file, POLICY).expect("written");
    server.signal("HUP");
    until("the way back", async || asked(&first).await.is_none()).await;
}

// Half a policy can be a good policy with half the budgets, and an empty file one with none.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_is_still_being_written_is_left_alone() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let file = home.path().join("policy.yaml");
    let half = POLICY.lines().take_while(|line| !line.contains("user-calls")).collect::<Vec<_>>().join("\n");
    policy::Policy::from_yaml(&half).expect("half a policy is a good one");
    for _ in 0..25 {
        for text in [half.as_str(), POLICY] {
            std::fs::write(&file, text).expect("written");
            tokio::time::sleep(Duration::from_millis(60)).await;
        }
    }
    let reloads = server.get("/metrics").1;
    for result in ["loaded", "refused"] {
        let line = format!("tollkeeper_server_policy_reloads_total{{result=\"{result}\"}} 0\n");
        assert!(reloads.contains(&line), "{reloads}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_process_loses_what_it_held() {
    let home = home(POLICY);
    let server = Server::start_with(home.path(), &["--lease-ttl", "1s"]);
    let mut client = server.client().await;
    client.acquire(acquire(1, 1, "user-calls", "ann", 3)).await.expect("granted");
    until("the lapse", async || {
        let bucket = &server.json("/v1/budgets")["buckets"][0];
        bucket["used"] == 3 && bucket["outstanding"] == 0
    })
    .await;
    assert!(server.get("/metrics").1.contains("tollkeeper_server_lapsed_processes_total 1\n"));
    let answer = client.sync(sync(1, 1)).await.expect("applied").into_inner();
    assert_eq!(answer.term.expect("a term").generation, 2);
}

fn run(arguments: &[&str]) -> (bool, String, String) {
    let output = tollkeeper(arguments).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_store_that_is_not_one_stops_the_start() {
    let home = home(POLICY);
    let policy = home.path().join("policy.yaml").display().to_string();
    let (ok, _, why) = run(&["serve", "--policy", &policy, "--store", &format!("sqlite:{policy}")]);
    assert!(!ok && why.contains("policy.yaml: file is not a database"), "{why}");
}

#[test]
fn check_says_what_is_wrong_and_where_or_what_is_right() {
    let right = home(POLICY);
    let path = right.path().join("policy.yaml").display().to_string();
    let (ok, out, _) = run(&["check", &path]);
    assert!(ok);
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains(": ok, version ") && lines[0].ends_with(", 2 budgets"), "{out}");
    assert_eq!(lines[1], "  tenant-tokens: 1000000 tokens per 1d for each tenant");

    let wrong = home(&POLICY.replace("per: [user]", "per: [usr]"));
    let path = wrong.path().join("policy.yaml").display().to_string();
    let (ok, _, why) = run(&["check", &path]);
    assert!(!ok && why.contains("policy.yaml: line 7: ") && why.contains("user"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn budgets_are_listed_as_a_table() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let mut client = server.client().await;
    client.acquire(acquire(1, 1, "user-calls", "ann", 2)).await.expect("granted");
    let (ok, out, why) = run(&["budgets", "--server", &format!("http://{}", server.http)]);
    assert!(ok, "{why}");
    let row: Vec<&str> = out.lines().nth(1).expect("a row").split_whitespace().collect();
    assert_eq!(row[..7], ["user-calls", "user=ann", "requests", "3", "0", "2", "1"]);
    assert_eq!(server.get("/v1/usage?since=yesterday").0, 400);
}
