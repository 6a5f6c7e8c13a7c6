//! The real binary on free ports, with a policy and a store of its own.
#![allow(dead_code, reason = "each test file uses its part")]

pub mod authority;

use quota::proto::{AcquireRequest, Bucket, LedgerEntry, Reporter, Settled, SyncRequest, Want};
use quota_server::proto::quota::quota_client::QuotaClient;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;
use tonic::transport::Channel;

pub const POLICY: &str = "
dimensions:
  tenant: { header: x-tenant-id }
  user: { header: x-user-id }
budgets:
  - { name: tenant-tokens, per: [tenant], limit: 1000000 tokens, window: 1d }
  - { name: user-calls, per: [user], limit: 3 requests, window: 1d }
";

pub struct Server {
    child: Option<Child>,
    pub grpc: String,
    pub http: String,
    home: PathBuf,
}

/// A directory with a policy file.
pub fn home(policy: &str) -> TempDir {
    let home = tempfile::tempdir().expect("a directory");
    std::fs::write(home.path().join("policy.yaml"), policy).expect("a policy");
    home
}

pub fn tollkeeper(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollkeeper"));
    command.args(arguments);
    command
}

impl Server {
    pub fn start(home: &Path) -> Server {
        Server::start_with(home, &[])
    }

    pub fn start_with(home: &Path, more: &[&str]) -> Server {
        let store = format!("sqlite:{}", home.join("store.db").display());
        Server::start_over(&store, home, more)
    }

    pub fn start_over(store: &str, home: &Path, more: &[&str]) -> Server {
        let policy = home.join("policy.yaml");
        let mut child =
            tollkeeper(&["serve", "--store", store, "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"])
                .arg("--policy")
                .arg(policy)
                .args(more)
                .stdout(Stdio::piped())
                .spawn()
                .expect("the binary starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
        let part = |name: &str| {
            let found = line.split_whitespace().find_map(|part| part.strip_prefix(name));
            found.unwrap_or_else(|| panic!("no {name} in {line:?}")).to_owned()
        };
        let (grpc, http) = (format!("http://{}", part("grpc=")), part("http="));
        Server { child: Some(child), grpc, http, home: home.to_owned() }
    }

    pub async fn client(&self) -> QuotaClient<Channel> {
        QuotaClient::connect(self.grpc.clone()).await.expect("a connection")
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        let mut child = self.child.take().expect("running");
        child.kill().expect("killed");
        child.wait().expect("gone");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().expect("running").id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().expect("kill runs").success());
    }

    /// SIGTERM, and how it ended.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("TERM");
        self.child.take().expect("running").wait().expect("gone")
    }

    /// The body of an HTTP answer, and its status.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.http).expect("a connection");
        write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str(&body).expect("JSON")
    }

    pub fn home(&self) -> &Path {
        &self.home
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

pub fn reporter(worker: u64) -> Option<Reporter> {
    Some(Reporter { node: "envoy-1".into(), epoch: 7, worker })
}

pub fn bucket(budget: &str, value: &str) -> Option<Bucket> {
    Some(Bucket { budget: budget.into(), subject: vec![value.into()] })
}

pub fn acquire(worker: u64, number: u64, budget: &str, value: &str, need: u64) -> AcquireRequest {
    AcquireRequest {
        reporter: reporter(worker),
        number,
        policy_version: String::new(),
        wants: vec![Want { bucket: bucket(budget, value), need, ..Want::default() }],
    }
}

pub fn sync(worker: u64, sequence: u64) -> SyncRequest {
    SyncRequest { reporter: reporter(worker), sequence, ..SyncRequest::default() }
}

pub fn settled(
    budget: &str,
    value: &str,
    window: u64,
    generation: u32,
    spent: u64,
    returned: u64,
) -> Settled {
    Settled { bucket: bucket(budget, value), window, generation, spent, returned }
}

/// One call of `tenant` that used `input` prompt tokens and 10 of output, for 5 pico-USD.
pub fn call(tenant: &str, input: u64) -> LedgerEntry {
    LedgerEntry {
        dimensions: vec![tenant.into(), "ann".into()],
        model: "gpt-4o".into(),
        provider: "openai".into(),
        outcome: "ok".into(),
        source: "reported".into(),
        price_version: "p1".into(),
        requests: 1,
        tokens: vec![input, 0, 0, 0, 0, 0, 10],
        cost_pico_usd: 5,
        duration_ms: 100,
        unpriced: 0,
    }
}

/// Waits until `done`, at most ten seconds.
pub async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let began = std::time::Instant::now();
    while !done().await {
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{what} did not happen");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
