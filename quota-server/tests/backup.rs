//! Backups, taken while the server is at work.

mod common;

use common::{POLICY, Server, call, home, sync, tollkeeper};
use quota::proto::SyncRequest;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

fn backup(to: &Path, from: &[&str]) -> Output {
    tollkeeper(&["backup"]).arg(to).args(from).output().expect("runs")
}

/// Calls in the ledger of a server that is started on a copy.
fn calls_of(copy: &Path) -> u64 {
    let home = home(POLICY);
    std::fs::copy(copy, home.path().join("store.db")).expect("copied");
    let server = Server::start(home.path());
    server.json("/v1/usage")["total"]["requests"].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_in_mid_load_opens_and_has_everything_acknowledged_before() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let (acknowledged, enough) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let load = {
        let (mut client, acknowledged, enough) =
            (server.client().await, acknowledged.clone(), enough.clone());
        tokio::spawn(async move {
            let mut sequence = 0;
            while !enough.load(SeqCst) {
                sequence += 1;
                // Rows of their own, so that the file grows.
                let report =
                    SyncRequest { ledger: vec![call(&sequence.to_string(), 1)], ..sync(1, sequence) };
                client.sync(report).await.expect("applied");
                acknowledged.store(sequence, SeqCst);
            }
        })
    };
    let url = format!("http://{}", server.http);
    let file = format!("sqlite:{}", home.path().join("store.db").display());
    for (name, from) in [("asked", ["--server", &url]), ("direct", ["--store", &file])] {
        common::until("some load", async || acknowledged.load(SeqCst) > 20).await;
        let copy = home.path().join(name);
        let before = acknowledged.load(SeqCst);
        let made = backup(&copy, &from);
        let after = acknowledged.load(SeqCst) + 1;
        assert!(made.status.success(), "{made:?}");
        let calls = calls_of(&copy);
        assert!((before..=after).contains(&calls), "{name}: {calls} calls, of {before} to {after}");
    }
    enough.store(true, SeqCst);
    load.await.expect("the load");

    let left: Vec<_> = std::fs::read_dir(home.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .filter(|name| name.contains("partial") || name.ends_with("-backup"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_backup_replaces_nothing_and_says_what_is_in_its_way() {
    let home = home(POLICY);
    let server = Server::start(home.path());
    let url = format!("http://{}", server.http);
    let file = format!("sqlite:{}", home.path().join("store.db").display());
    let taken = home.path().join("policy.yaml");
    for from in [["--server", &url], ["--store", &file]] {
        let refused = backup(&taken, &from);
        assert!(!refused.status.success());
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(why.contains("policy.yaml: "), "{why}");
        let refused = backup(&home.path().join("missing/copy"), &from);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("missing/copy"), "{refused:?}");
    }
    assert_eq!(std::fs::read_to_string(taken).expect("read"), POLICY);
}
