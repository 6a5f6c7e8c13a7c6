//! The load on a quota server: what the workers of many Envoys ask and report, in a closed loop over gRPC.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use quota::proto::{AcquireRequest, Bucket, LedgerEntry, Reporter, Settled, SyncRequest, Want};
use quota_server::proto::envoy::extensions::common::ratelimit::v3::RateLimitDescriptor;
use quota_server::proto::envoy::extensions::common::ratelimit::v3::rate_limit_descriptor::Entry;
use quota_server::proto::envoy::service::ratelimit::v3::RateLimitRequest;
use quota_server::proto::envoy::service::ratelimit::v3::rate_limit_service_client::RateLimitServiceClient;
use quota_server::proto::quota::quota_client::QuotaClient;
use serde::Serialize;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::quantiles::Quantiles;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    /// Leases for one call: one bucket.
    Acquire,
    /// A worker's report: settlements of twenty buckets, five ledger rows, five refills.
    Sync,
    /// Envoy's own rate limit protocol: one descriptor.
    RateLimit,
}

#[derive(Args, Clone, Debug)]
pub struct Ask {
    /// The server's gRPC address, as http://HOST:PORT
    target: String,
    #[arg(long, value_enum)]
    what: What,
    /// Envoys that ask: one connection and one question at a time each
    #[arg(long, default_value_t = 16)]
    envoys: usize,
    /// Start no question after this many milliseconds
    #[arg(long, default_value_t = 1000)]
    duration_ms: u64,
    /// Start no more than this many questions
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// Tenants, each with a bucket of its own in the budget `tenant` (a dimension `tenant`)
    #[arg(long, default_value_t = 1000)]
    tenants: u64,
    /// Number of the first question, of which tenants are made: other buckets than those of an earlier run
    #[arg(long, default_value_t = 0)]
    first: u64,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub requests: u64,
    pub seconds: f64,
    pub latency: Option<Quantiles>,
    pub failure: Option<String>,
}

#[derive(Default)]
struct Progress {
    started: u64,
    latency: Vec<u64>,
    failure: Option<String>,
}

impl Ask {
    pub async fn run(self) -> Report {
        let progress = Rc::new(RefCell::new(Progress::default()));
        let begin = Instant::now();
        let local = tokio::task::LocalSet::new();
        for number in 0..self.envoys {
            let envoy = Envoy {
                options: self.clone(),
                number,
                until: begin + Duration::from_millis(self.duration_ms),
                progress: Rc::clone(&progress),
            };
            local.spawn_local(envoy.run());
        }
        local.await;
        let seconds = begin.elapsed().as_secs_f64();
        let progress = progress.take();
        Report {
            requests: progress.latency.len() as u64,
            seconds,
            latency: Quantiles::of(progress.latency),
            failure: progress.failure,
        }
    }
}

struct Envoy {
    options: Ask,
    number: usize,
    until: Instant,
    progress: Rc<RefCell<Progress>>,
}

impl Envoy {
    async fn run(self) {
        if let Err(failure) = self.questions().await {
            self.progress.borrow_mut().failure.get_or_insert(failure);
        }
    }

    async fn questions(&self) -> Result<(), String> {
        let endpoint = Endpoint::new(self.options.target.clone()).map_err(|error| error.to_string())?;
        let channel = endpoint.connect().await.map_err(|error| error.to_string())?;
        let mut worker = Worker {
            quota: QuotaClient::new(channel.clone()),
            rate_limit: RateLimitServiceClient::new(channel),
            reporter: Reporter {
                node: format!("bench-{}", self.number),
                epoch: 1 + self.options.first,
                worker: 1,
            },
            policy_version: String::new(),
            sent: 0,
        };
        while let Some(question) = self.next() {
            let begin = Instant::now();
            let asked = match self.options.what {
                What::Acquire => worker.acquire(question % self.options.tenants).await,
                What::Sync => worker.sync(question, self.options.tenants).await,
                What::RateLimit => worker.rate_limit(question % self.options.tenants).await,
            };
            asked.map_err(|status| status.to_string())?;
            let took = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.progress.borrow_mut().latency.push(took);
        }
        Ok(())
    }

    fn next(&self) -> Option<u64> {
        let mut progress = self.progress.borrow_mut();
        let over = progress.failure.is_some()
            || progress.started >= self.options.requests
            || Instant::now() >= self.until;
        if over {
            return None;
        }
        progress.started += 1;
        Some(self.options.first + progress.started)
    }
}

/// What one worker of an Envoy knows.
struct Worker {
    quota: QuotaClient<Channel>,
    rate_limit: RateLimitServiceClient<Channel>,
    reporter: Reporter,
    policy_version: String,
    sent: u64,
}

impl Worker {
    async fn acquire(&mut self, tenant: u64) -> Result<(), Status> {
        self.sent += 1;
        let want = Want { bucket: Some(bucket(tenant)), need: 500, demand: 2_000, ..Want::default() };
        let request = AcquireRequest {
            reporter: Some(self.reporter.clone()),
            number: self.sent,
            policy_version: self.policy_version.clone(),
            wants: vec![want],
        };
        let answer = self.quota.acquire(request).await?.into_inner();
        if let Some(policy) = answer.policy {
            self.policy_version = policy.version;
        }
        match answer.grants.first() {
            Some(grant) if grant.amount >= 500 => Ok(()),
            _ => Err(Status::failed_precondition("nothing was granted")),
        }
    }

    async fn sync(&mut self, question: u64, tenants: u64) -> Result<(), Status> {
        self.sent += 1;
        let tenant = |index: u64| question.wrapping_mul(20).wrapping_add(index) % tenants;
        let settled =
            |index| Settled { bucket: Some(bucket(tenant(index))), spent: 300, ..Settled::default() };
        let row = |index| LedgerEntry {
            dimensions: vec![name(tenant(index))],
            model: "gpt-4o".to_owned(),
            provider: "openai".to_owned(),
            outcome: "ok".to_owned(),
            source: "reported".to_owned(),
            price_version: "bench".to_owned(),
            requests: 3,
            tokens: vec![200, 0, 0, 0, 0, 0, 100, 0, 0],
            cost_pico_usd: 1_500_000_000,
            duration_ms: 900,
            ..LedgerEntry::default()
        };
        let refill = |index| Want { bucket: Some(bucket(tenant(index))), demand: 600, ..Want::default() };
        let request = SyncRequest {
            reporter: Some(self.reporter.clone()),
            sequence: self.sent,
            policy_version: self.policy_version.clone(),
            settled: (0..20).map(settled).collect(),
            ledger: (0..5).map(row).collect(),
            refills: (0..5).map(refill).collect(),
            ..SyncRequest::default()
        };
        let answer = self.quota.sync(request).await?.into_inner();
        if let Some(policy) = answer.policy {
            self.policy_version = policy.version;
        }
        Ok(())
    }

    async fn rate_limit(&mut self, tenant: u64) -> Result<(), Status> {
        let entry = Entry { key: "tenant".to_owned(), value: name(tenant) };
        let descriptor = RateLimitDescriptor { entries: vec![entry], ..RateLimitDescriptor::default() };
        let request = RateLimitRequest {
            domain: "tollkeeper".to_owned(),
            descriptors: vec![descriptor],
            hits_addend: 500,
        };
        let answer = self.rate_limit.should_rate_limit(request).await?.into_inner();
        if answer.overall_code == 1 { Ok(()) } else { Err(Status::failed_precondition("over the limit")) }
    }
}

fn bucket(tenant: u64) -> Bucket {
    Bucket { budget: "tenant".to_owned(), subject: vec![name(tenant)] }
}

fn name(tenant: u64) -> String {
    format!("tenant-{tenant}")
}
