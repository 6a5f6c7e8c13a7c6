//! Servers over one Redis: any may die, and so may a node of a Cluster. What was acknowledged is there, once.

mod common;
#[path = "common/redis.rs"]
mod servers;

use common::authority::Authority;
use common::{Server, acquire, call, home, settled, sync, tollkeeper};
use quota::proto::SyncRequest;
use quota_server::proto::quota::quota_client::QuotaClient;
use servers::{Cluster, until};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tonic::Code;
use tonic::transport::Channel;

const LIMIT: u64 = 20_000;

const POLICY: &str = "
dimensions: { tenant: { header: x-tenant-id }, user: { header: x-user-id } }
budgets: [{ name: tokens, per: [tenant], limit: 20000 tokens, window: lifetime }]
";

/// Tokens each report settles, and what its call used.
const SPENT: u64 = 7;

/// A worker as the servers see it over its whole life; it asks another server when one does not answer.
struct Worker {
    id: u64,
    clients: Vec<QuotaClient<Channel>>,
    at: usize,
    window: u64,
    reports: u64,
    acquires: u64,
    unanswered: Vec<u64>,
    held: u64,
    /// Calls that went to the provider.
    called: u64,
}

impl Worker {
    async fn new(id: u64, servers: &[&Server]) -> Worker {
        let mut clients = Vec::new();
        for server in servers {
            clients.push(server.client().await);
        }
        Worker {
            id,
            clients,
            at: 0,
            window: 0,
            reports: 0,
            acquires: 0,
            unanswered: vec![],
            held: 0,
            called: 0,
        }
    }

    /// Calls, and reports each call, until told to stop or the budget is spent.
    async fn work(mut self, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) -> Worker {
        while !stop.load(Ordering::Relaxed) {
            if self.held < SPENT {
                self.acquires += 1;
                let asked = acquire(self.id, self.acquires, "tokens", "acme", SPENT);
                match self.clients[self.at].acquire(asked).await {
                    Ok(answer) => match answer.into_inner().grants.first() {
                        Some(grant) => (self.window, self.held) = (grant.window, self.held + grant.amount),
                        None => break,
                    },
                    Err(_) => {
                        self.unanswered.push(self.acquires);
                        self.another().await;
                        continue;
                    }
                }
            }
            self.called += 1;
            self.held -= SPENT;
            self.report(SPENT, 0).await;
            done.fetch_add(1, Ordering::Relaxed);
        }
        self
    }

    /// Until it is acknowledged.
    async fn report(&mut self, spent: u64, returned: u64) {
        self.reports += 1;
        let report = SyncRequest {
            settled: vec![settled("tokens", "acme", self.window, 1, spent, returned)],
            ledger: if spent > 0 { vec![call("acme", spent)] } else { vec![] },
            unanswered: std::mem::take(&mut self.unanswered),
            ..sync(self.id, self.reports)
        };
        while self.clients[self.at].sync(report.clone()).await.is_err() {
            self.another().await;
        }
    }

    async fn another(&mut self) {
        self.at = (self.at + 1) % self.clients.len();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn sum(server: &Server, name: &str) -> u64 {
    let buckets = server.json("/v1/budgets");
    let buckets = buckets["buckets"].as_array().expect("buckets").iter();
    buckets.map(|bucket| bucket[name].as_u64().expect("an amount")).sum()
}

/// Eight workers call through two servers over the Redis at `url`; `strike` strikes in the middle. Then everything that
/// was called is charged, once, and nothing else.
async fn all_is_charged_once(url: &str, strike: impl FnOnce(&mut Vec<Server>)) {
    let (one, two) = (home(POLICY), home(POLICY));
    let ttl = ["--lease-ttl", "10m"];
    let mut servers =
        vec![Server::start_over(url, one.path(), &ttl), Server::start_over(url, two.path(), &ttl)];
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut working = Vec::new();
    for id in 1..=8 {
        let mut worker = Worker::new(id, &servers.iter().collect::<Vec<_>>()).await;
        worker.at = usize::try_from(id).expect("a small number") % 2;
        working.push(tokio::spawn(worker.work(Arc::clone(&stop), Arc::clone(&done))));
    }
    until("work is being done", || done.load(Ordering::Relaxed) > 200);
    strike(&mut servers);
    let before = done.load(Ordering::Relaxed);
    until("work goes on", || done.load(Ordering::Relaxed) > before + 400);
    stop.store(true, Ordering::Relaxed);

    let mut called = 0;
    for worker in working {
        let mut worker = worker.await.expect("worked");
        let held = std::mem::take(&mut worker.held);
        worker.report(0, held).await;
        called += worker.called;
    }
    assert!(called * SPENT <= LIMIT, "{called} calls of {SPENT} tokens: more than the budget");
    let server = servers.last().expect("one lives");
    let total = &server.json("/v1/usage")["total"];
    assert_eq!(total["requests"], called);
    assert_eq!(total["prompt_tokens"], called * SPENT);
    assert_eq!((sum(server, "used"), sum(server, "outstanding")), (called * SPENT, 0));
    let read = tollkeeper(&["usage", "--json", "--store", url]).output().expect("the binary runs");
    let read: serde_json::Value = serde_json::from_slice(&read.stdout).expect("JSON");
    assert_eq!(read["total"]["requests"], called, "read without a server");
    eprintln!("{called} calls");
}

#[test]
fn a_start_without_a_redis_says_what_is_missing_and_where() {
    let home = home(POLICY);
    let policy = home.path().join("policy.yaml");
    let serve = ["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--policy"];
    let mut serve = tollkeeper(&serve);
    // A port that nobody may listen on.
    let serve = serve.arg(policy).args(["--store", "redis://ann:secret@127.0.0.1:1"]);
    let ended = serve.output().expect("the binary runs");
    assert!(!ended.status.success());
    let said = String::from_utf8(ended.stderr).expect("text");
    assert!(said.contains("the store can't be used: redis://127.0.0.1:1"), "{said}");
    assert!(said.contains("Connection refused") && said.contains("Does a Redis run there"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

/// What `tollkeeper backup` says, and that it leaves no file.
fn refused_backup(from: &[&str]) -> String {
    let home = home(POLICY);
    let file = home.path().join("copy");
    let ended = tollkeeper(&["backup"]).arg(&file).args(from).output().expect("the binary runs");
    assert!(!ended.status.success() && !file.exists());
    String::from_utf8(ended.stderr).expect("text")
}

#[test]
fn a_backup_of_a_redis_is_left_to_it_and_how_is_said() {
    let said = refused_backup(&["--store", "redis://127.0.0.1:1"]);
    assert!(said.contains("BGSAVE") && said.contains("dump.rdb"), "{said}");
}

mod real_redis {
    use super::*;

    #[test]
    fn a_server_asked_for_a_backup_of_its_redis_says_how_too() {
        let (redis, home) = (servers::Server::start(&[]), home(POLICY));
        let server = Server::start_over(&redis.url(), home.path(), &[]);
        let said = refused_backup(&["--server", &format!("http://{}", server.http)]);
        assert!(said.contains("BGSAVE") && said.contains("dump.rdb"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_that_dies_loses_nothing_and_another_goes_on() {
        let redis = servers::Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        all_is_charged_once(&redis.url(), |servers| servers.remove(0).kill()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redis_that_dies_and_comes_back_with_its_file_has_lost_nothing() {
        let mut redis = servers::Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
        let url = redis.url();
        all_is_charged_once(&url, |_| {
            redis.kill();
            std::thread::sleep(Duration::from_millis(300));
            redis.start_again();
        })
        .await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_master_that_dies_has_lost_nothing_that_a_replica_had_to_have() {
        let prefix = "{tollkeeper}:";
        let cluster = Cluster::start_for(prefix);
        all_is_charged_once(&format!("{}?wait=1", cluster.url()), |_| cluster.master_of(prefix).kill()).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_master_that_dies_is_replaced_by_its_sentinel_and_has_lost_nothing() {
        let watched = servers::Watched::start("main");
        let url = format!("{}?wait=1", watched.url());
        all_is_charged_once(&url, |_| watched.master.kill()).await;

        let ended = tollkeeper(&["usage", "--store", &format!("{url}&master=other")]).output().expect("runs");
        let said = String::from_utf8(ended.stderr).expect("text");
        assert!(said.contains("it is a Sentinel that knows no master other"), "{said}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_repeat_too_is_answered_only_when_a_replica_has_what_it_repeats() {
        let master = servers::Server::start(&["--repl-diskless-sync-delay", "0"]);
        let (replica, home) = (master.replica(), home(POLICY));
        let server = Server::start_over(&format!("{}?wait=1", master.url()), home.path(), &[]);
        let mut client = server.client().await;
        let asked = acquire(1, 1, "tokens", "acme", SPENT);
        replica.signal("STOP");
        for _ in 0..2 {
            let refused = client.acquire(asked.clone()).await.map(drop).expect_err("no replica has it");
            assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        }
        replica.signal("CONT");
        let granted = client.acquire(asked).await.expect("granted").into_inner().grants[0];
        let rest = granted.amount - SPENT;
        let report = SyncRequest {
            settled: vec![settled("tokens", "acme", granted.window, 1, SPENT, rest)],
            ledger: vec![call("acme", SPENT)],
            ..sync(1, 1)
        };
        replica.signal("STOP");
        for _ in 0..2 {
            let refused = client.sync(report.clone()).await.map(drop).expect_err("no replica has it");
            assert_eq!(refused.code(), Code::Unavailable, "{refused}");
        }
        replica.signal("CONT");
        client.sync(report).await.expect("acknowledged");

        master.kill();
        replica.ask::<()>(&["REPLICAOF", "NO", "ONE"]);
        let server = Server::start_over(&replica.url(), home.path(), &[]);
        assert_eq!(server.json("/v1/usage")["total"]["requests"], 1);
        assert_eq!((sum(&server, "used"), sum(&server, "outstanding")), (SPENT, 0));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_redis_behind_tls_is_used_only_with_a_certificate_from_whom_we_trust() {
        let home = home(POLICY);
        let path = |name: &str| home.path().join(name).to_str().expect("a path in UTF-8").to_owned();
        Authority::new(home.path(), "ours").certify("redis");
        Authority::new(home.path(), "theirs");
        let port = servers::free_port().to_string();
        let (certificate, key, ours) = (path("redis.pem"), path("redis.key"), path("ours.pem"));
        let files = ["--tls-cert-file", &certificate, "--tls-key-file", &key, "--tls-ca-cert-file", &ours];
        let options = [files.as_slice(), &["--tls-auth-clients", "no", "--tls-port"]].concat();
        let _redis = servers::Server::start(&[options.as_slice(), &[&port]].concat());
        let url = |authority: &str| format!("rediss://localhost:{port}?ca={}", path(authority));
        let server = Server::start_over(&url("ours.pem"), home.path(), &[]);
        assert_eq!(server.get("/readyz").0, 200);

        let ended = tollkeeper(&["usage", "--store", &url("theirs.pem")]).output().expect("the binary runs");
        assert!(!ended.status.success());
        let said = String::from_utf8(ended.stderr).expect("text");
        assert!(said.contains("invalid peer certificate"), "{said}");

        // In a Cluster the node that has the keys is asked over TLS as well.
        let (port, bus) = (servers::free_port().to_string(), servers::free_port().to_string());
        let in_cluster = [&port, "--cluster-enabled", "yes", "--tls-cluster", "yes", "--cluster-port", &bus];
        let node = servers::Server::start(&[options.as_slice(), &in_cluster].concat());
        node.ask::<()>(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        until("the Cluster is whole", || {
            node.ask::<String>(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
        });
        let usage = ["usage", "--store", &format!("rediss://localhost:{port}?ca={ours}")];
        let ended = tollkeeper(&usage).output().expect("the binary runs");
        assert!(ended.status.success(), "{ended:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_user_who_may_do_what_the_readme_says_and_no_more_is_enough() {
        let redis = servers::Server::start(&[]);
        let rights = "on >s%cret ~{tollkeeper}:* +@read +@write +@scripting +info +role +wait";
        let words: Vec<&str> = ["ACL", "SETUSER", "ann"].into_iter().chain(rights.split(' ')).collect();
        redis.ask::<()>(&words);
        let url = format!("redis://ann:s%25cret@127.0.0.1:{}", redis.port);
        all_is_charged_once(&url, |servers| servers.remove(0).kill()).await;
    }
}
