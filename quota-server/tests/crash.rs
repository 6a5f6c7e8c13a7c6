//! kill -9 in the middle of acknowledged reports: nothing acknowledged is lost, nothing is charged twice.

mod common;

use common::{Server, acquire, call, home, settled, sync};
use quota::proto::SyncRequest;
use quota_server::proto::quota::quota_client::QuotaClient;
use std::time::Duration;
use tonic::transport::Channel;

const POLICY: &str = "
dimensions: { tenant: { header: x-tenant-id }, user: { header: x-user-id } }
budgets: [{ name: tokens, per: [tenant], limit: 100000000 tokens, window: 1d }]
";

const WORKERS: u64 = 8;
const CRASHES: usize = 4;

/// Tokens each report settles, and what its call used.
const SPENT: u64 = 7;

/// A worker as the server sees it over its whole life.
struct Worker {
    id: u64,
    window: u64,
    /// Reports answered so far.
    answered: u64,
    /// Acquires whose answer never came.
    unanswered: Vec<u64>,
    next_acquire: u64,
    /// What it was granted, less what it settled.
    held: u64,
    pending: Option<SyncRequest>,
}

impl Worker {
    /// Reports, and now and then acquires, until the server is gone.
    async fn work(mut self, mut client: QuotaClient<Channel>) -> Worker {
        loop {
            if self.held < SPENT {
                self.next_acquire += 1;
                let Ok(answer) =
                    client.acquire(acquire(self.id, self.next_acquire, "tokens", "acme", 500)).await
                else {
                    self.unanswered.push(self.next_acquire);
                    return self;
                };
                let grant = answer.into_inner().grants.remove(0);
                (self.window, self.held) = (grant.window, self.held + grant.amount);
            }
            let report = self.report();
            self.pending = Some(report.clone());
            if client.sync(report).await.is_err() {
                return self;
            }
            self.acknowledged();
        }
    }

    fn report(&mut self) -> SyncRequest {
        if let Some(pending) = &self.pending {
            return pending.clone();
        }
        SyncRequest {
            settled: vec![settled("tokens", "acme", self.window, 1, SPENT, 0)],
            ledger: vec![call("acme", SPENT)],
            unanswered: std::mem::take(&mut self.unanswered),
            ..sync(self.id, self.answered + 1)
        }
    }

    fn acknowledged(&mut self) {
        self.pending = None;
        self.answered += 1;
        self.held -= SPENT;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_survive_kill_9_and_are_charged_once() {
    let home = home(POLICY);
    let mut workers: Vec<Worker> = (1..=WORKERS)
        .map(|id| Worker {
            id,
            window: 0,
            answered: 0,
            unanswered: Vec::new(),
            next_acquire: 0,
            held: 0,
            pending: None,
        })
        .collect();
    for crash in 0..CRASHES {
        let server = Server::start(home.path());
        let mut working = Vec::new();
        for worker in workers.drain(..) {
            working.push(tokio::spawn(worker.work(server.client().await)));
        }
        tokio::time::sleep(Duration::from_millis(250 + 97 * crash as u64)).await;
        server.kill();
        for each in working {
            workers.push(each.await.expect("worked"));
        }
        // What was acknowledged is there, and of the rest at most the one report each worker has under way.
        let acknowledged: u64 = workers.iter().map(|worker| worker.answered).sum();
        let server = Server::start(home.path());
        let kept = server.json("/v1/usage")["total"]["requests"].as_u64().expect("a count");
        assert!(
            (acknowledged..=acknowledged + WORKERS).contains(&kept),
            "{acknowledged} acknowledged, {kept} kept"
        );
    }

    let server = Server::start(home.path());
    let mut client = server.client().await;
    for worker in &mut workers {
        while worker.pending.is_some() || !worker.unanswered.is_empty() {
            let was_pending = worker.pending.is_some();
            let report = worker.report();
            if was_pending {
                client.sync(report).await.expect("applied or repeated");
                worker.acknowledged();
            } else {
                // Only to withdraw: its acquire was cut off, so it has nothing to spend.
                let withdrawal = SyncRequest { settled: vec![], ledger: vec![], ..report };
                client.sync(withdrawal).await.expect("applied");
            }
        }
    }
    let reports: u64 = workers.iter().map(|worker| worker.answered).sum();
    let held: u64 = workers.iter().map(|worker| worker.held).sum();
    assert!(reports > 100, "only {reports} reports: the test says little");

    let total = &server.json("/v1/usage")["total"];
    assert_eq!(total["requests"], reports);
    assert_eq!(total["prompt_tokens"], reports * SPENT);
    let buckets = server.json("/v1/budgets");
    let sum = |name: &str| -> u64 {
        let buckets = buckets["buckets"].as_array().expect("buckets").iter();
        buckets.map(|bucket| bucket[name].as_u64().expect("an amount")).sum()
    };
    assert_eq!(sum("used"), reports * SPENT);
    assert_eq!(sum("outstanding"), held, "grants whose answer was lost came back");
    eprintln!("{reports} reports over {CRASHES} crashes");
}
