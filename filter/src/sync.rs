//! Talking to the quota server: questions of paused requests, and each worker's report on its tick.

use crate::buckets::idle_since;
use crate::clock::{Exchange, Reading};
use crate::host::{Body, CallId, Host, LogLevel};
use crate::rules::Rules;
use crate::slots::{Change, Step, change};
use crate::worker::Worker;
use prost::Message;
use quota::proto::{AcquireRequest, AcquireResponse, Bucket, Grant, SyncRequest, SyncResponse, Want};
use quota::{BucketKey, Epoch, Lease};

const SERVICE: &str = "tollkeeper.v1.Quota";

/// A report may take longer than a question that a request waits for.
const SYNC_TIMEOUT_MS: u32 = 5_000;

/// How often a worker without news asks for a newer policy.
const IDLE_SYNC_MS: u64 = 5_000;

/// After a failure requests do not wait for the server again for this long; doubled with each further failure.
const FIRST_BACKOFF_MS: u64 = 100;
const LONGEST_BACKOFF_MS: u64 = 2_000;

/// gRPC's INVALID_ARGUMENT: the same message would be refused again.
const INVALID_ARGUMENT: u32 = 3;

/// gRPC's UNAUTHENTICATED: the server is there, but does not know us.
const UNAUTHENTICATED: u32 = 16;

/// What became of a lease that this worker has not used for a while.
#[derive(Debug)]
enum Idle {
    Returned(Epoch, u64),
    /// There is nothing to return.
    Empty,
    /// It was in use until then: by another worker, or it was only just granted.
    UsedAt(u64),
}

/// How it stands with the server.
#[derive(Debug, Default)]
pub(crate) struct Contact {
    questions: u64,
    report: Option<Sent>,
    last_report: u64,
    unreachable_until: u64,
    backoff_ms: u64,
    /// The plugin is being taken away: the last report is on its way.
    closing: bool,
}

/// A message whose answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) call: CallId,
    pub(crate) at: Reading,
}

/// A question whose answer is awaited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) sent: Sent,
    pub(crate) number: u64,
}

impl Worker {
    /// Asks for leases (or, with no wants, for the policy) on behalf of the stream whose callback runs. `None`: the
    /// server can't be asked now.
    pub(crate) fn ask(&mut self, host: &dyn Host, wants: Vec<Want>, now: Reading) -> Option<Question> {
        if now.steady_ms() < self.contact.unreachable_until {
            return None;
        }
        self.contact.questions = self.contact.questions.saturating_add(1);
        let number = self.contact.questions;
        let request = AcquireRequest {
            reporter: Some(self.reporter.clone()),
            number,
            policy_version: self.policy_version(),
            wants,
        };
        let timeout = self.config.acquire_timeout_ms;
        match host.call(&self.config.quota_cluster, SERVICE, "Acquire", &request.encode_to_vec(), timeout) {
            Ok(call) => {
                self.stats.count("tollkeeper_acquires_total", 1);
                Some(Question { sent: Sent { call, at: now }, number })
            }
            Err(error) => {
                host.log(
                    LogLevel::Error,
                    &format!("tollkeeper: cluster '{}' can't be called: {error}", self.config.quota_cluster),
                );
                self.failed(host, None, now.steady_ms());
                None
            }
        }
    }

    /// The answer to a question. `None`: none came, or not one that can be read.
    pub(crate) fn answer(
        &mut self,
        host: &dyn Host,
        question: Question,
        result: Result<usize, u32>,
        now: u64,
    ) -> Option<AcquireResponse> {
        let status = result.err();
        let answer = result
            .ok()
            .and_then(|size| host.body(Body::CallAnswer, size).ok())
            .and_then(|bytes| AcquireResponse::decode(bytes.as_slice()).ok());
        let Some(answer) = answer else {
            self.outbox.unanswered(question.number);
            self.failed(host, status, now);
            return None;
        };
        self.heard(host, answer.term.as_ref(), question.sent.at);
        if let Some(policy) = &answer.policy {
            self.install_policy(host, policy);
        }
        Some(answer)
    }

    /// A question is of no more use: its stream has ended.
    pub(crate) fn withdraw(&mut self, question: Question) {
        self.outbox.unanswered(question.number);
    }

    /// The worker's tick: reports what happened, asks for what will be needed, returns what is idle.
    pub fn on_tick(&mut self, host: &dyn Host) {
        let reading = Reading::of(host);
        let now = reading.steady_ms();
        self.stats.flush(host);
        self.empty_pockets(host, now);
        if let Some(rules) = self.rules(host) {
            self.look_ahead(host, &rules, now);
            self.return_unused(host, &rules);
        }
        self.return_idle(host, now);
        let idle =
            now.saturating_sub(self.contact.last_report) < IDLE_SYNC_MS && !self.term.wants_renewal(reading);
        if self.contact.report.is_none() && !(self.outbox.is_empty() && idle) {
            self.report(host, reading);
        }
    }

    /// The plugin is taken away (its configuration changed, or Envoy shuts down). Answers whether that can be now;
    /// else [`Host::close`] follows when the last report has arrived.
    pub fn on_done(&mut self, host: &dyn Host) -> bool {
        let now = Reading::of(host);
        self.stats.flush(host);
        self.empty_pockets(host, now.steady_ms());
        if self.contact.report.is_none() && !self.outbox.is_empty() {
            self.report(host, now);
        }
        self.contact.closing = self.contact.report.is_some();
        !self.contact.closing
    }

    fn report(&mut self, host: &dyn Host, now: Reading) {
        let (reporter, policy_version) = (self.reporter.clone(), self.policy_version());
        let adjustments = self.adjustments.heard;
        let report = self.outbox.report(|| SyncRequest {
            reporter: Some(reporter),
            policy_version,
            adjustments,
            ..SyncRequest::default()
        });
        match host.call(&self.config.quota_cluster, SERVICE, "Sync", &report.message, SYNC_TIMEOUT_MS) {
            Ok(call) => {
                self.contact.report = Some(Sent { call, at: now });
                self.contact.last_report = now.steady_ms();
                self.stats.count("tollkeeper_syncs_total", 1);
            }
            Err(_) => self.failed(host, None, now.steady_ms()),
        }
    }

    /// The answer to a report.
    pub fn on_answer(&mut self, host: &dyn Host, call: CallId, result: Result<usize, u32>) {
        let Some(sent) = self.contact.report.take_if(|sent| sent.call == call) else { return };
        let heard = self.report_answered(host, sent, result, host.steady_ms());
        if !self.contact.closing {
            return;
        }
        if heard && !self.outbox.is_empty() {
            self.report(host, Reading::of(host));
        }
        if self.contact.report.is_none() {
            host.close();
        }
    }

    /// Answers whether the server has the report.
    fn report_answered(&mut self, host: &dyn Host, sent: Sent, result: Result<usize, u32>, now: u64) -> bool {
        let status = result.err();
        let answer = match result {
            Ok(size) => host
                .body(Body::CallAnswer, size)
                .ok()
                .and_then(|bytes| SyncResponse::decode(bytes.as_slice()).ok()),
            Err(INVALID_ARGUMENT) => {
                // Sending it again would block all later reports for good.
                host.log(
                    LogLevel::Error,
                    "tollkeeper: the server refuses a report as invalid; it is dropped",
                );
                self.stats.count("tollkeeper_reports_dropped_total", 1);
                self.outbox.acknowledged();
                return true;
            }
            Err(_) => None,
        };
        let Some(answer) = answer else {
            self.failed(host, status, now);
            return false;
        };
        self.heard(host, answer.term.as_ref(), sent.at);
        if let Some(policy) = &answer.policy {
            self.install_policy(host, policy);
        }
        self.adjusted(host, &answer, now);
        if answer.left_out > 0 {
            host.log(
                LogLevel::Error,
                &format!(
                    "tollkeeper: the server could not use {} entries of a report: {}",
                    answer.left_out, answer.left_out_because
                ),
            );
            self.stats.count("tollkeeper_report_entries_left_out_total", u64::from(answer.left_out));
        }
        let exchange = Exchange { sent_at: sent.at.steady_ms(), now };
        for ((key, bucket), grant) in self.outbox.acknowledged().into_iter().zip(&answer.refills) {
            self.refilled(host, key, bucket, grant, exchange);
        }
        true
    }

    fn refilled(
        &mut self,
        host: &dyn Host,
        key: BucketKey,
        bucket: Bucket,
        grant: &Grant,
        exchange: Exchange,
    ) {
        // The report may have taken so long that the bucket was forgotten: somebody has to give this back.
        self.buckets.demanded(key, exchange.now, 0, || bucket.clone());
        self.put_in(host, key, || bucket.clone(), grant, grant.amount, exchange);
    }

    /// Has the next report ask for the buckets whose lease will not last another tick.
    fn look_ahead(&mut self, host: &dyn Host, rules: &Rules, now: u64) {
        let refill_until = now.saturating_add(u64::from(SYNC_TIMEOUT_MS));
        for (key, want, forced) in self.buckets.tick() {
            if want.bucket.as_ref().is_some_and(|bucket| rules.limits_flights(&bucket.budget)) {
                continue;
            }
            let low = change(
                host,
                key,
                |_| false,
                |lease: &Lease| lease.is_live(key, self.term.generation, now),
                |lease| match lease {
                    Some(lease) if lease.available >= want.demand => Step::Leave(false),
                    // One worker asks for all; and a bucket that is known to be dry is not asked about.
                    Some(lease) if now < lease.refill_until || lease.supply.is_dry(now) => Step::Leave(false),
                    Some(lease) => Step::Write(Lease { refill_until, ..lease }, true),
                    None => Step::Leave(forced),
                },
            );
            if matches!(low, Change::Made(true) | Change::Declined(true)) {
                self.outbox.want(key, want);
            }
        }
    }

    /// Of calls in flight others may have some while these have ended: half of what lies unused goes back on each tick.
    fn return_unused(&mut self, host: &dyn Host, rules: &Rules) {
        for (key, bucket) in self.buckets.of(|budget| rules.limits_flights(budget)) {
            let returned = change(
                host,
                key,
                |_| false,
                |lease: &Lease| lease.key == key && lease.available > 0,
                |lease| match lease {
                    Some(lease) => {
                        let back = lease.available.div_ceil(2);
                        let available = lease.available.saturating_sub(back);
                        Step::Write(Lease { available, ..lease }, (lease.epoch, back))
                    }
                    None => Step::Leave((Epoch::default(), 0)),
                },
            );
            if let Change::Made((epoch, back)) = returned {
                self.outbox.settle(key, epoch, || bucket, 0, back);
            }
        }
    }

    /// Gives the leases of buckets back that no worker has used for a while.
    fn return_idle(&mut self, host: &dyn Host, now: u64) {
        let since = idle_since(now);
        for key in self.buckets.idle(now) {
            let idle = change(
                host,
                key,
                |_| false,
                |lease: &Lease| lease.key == key,
                |lease| match lease {
                    Some(lease) if lease.used_at >= since => Step::Leave(Idle::UsedAt(lease.used_at)),
                    // Of a window or term that is over, too: the server may have charged it as lost.
                    Some(lease) if lease.available > 0 => Step::Write(
                        Lease { available: 0, ..lease },
                        Idle::Returned(lease.epoch, lease.available),
                    ),
                    _ => Step::Leave(Idle::Empty),
                },
            );
            match idle {
                Change::Made(Idle::Returned(epoch, amount)) => {
                    if let Some(bucket) = self.buckets.forget(key) {
                        self.outbox.settle(key, epoch, || bucket, 0, amount);
                    }
                }
                Change::Made(Idle::UsedAt(used_at)) | Change::Declined(Idle::UsedAt(used_at)) => {
                    self.buckets.is_in_use(key, used_at);
                }
                Change::Made(Idle::Empty) | Change::Declined(_) => {
                    self.buckets.forget(key);
                }
                // Others are at it: the next tick looks again.
                Change::Impossible => {}
            }
        }
    }

    fn heard(&mut self, host: &dyn Host, term: Option<&quota::proto::LeaseTerm>, sent: Reading) {
        if self.contact.backoff_ms > 0 {
            host.log(LogLevel::Info, "tollkeeper: the quota server answers again");
        }
        self.contact.unreachable_until = 0;
        self.contact.backoff_ms = 0;
        if let Some(term) = term {
            self.term.renew(term, sent);
        }
    }

    /// No answer that is of use; `status` says why, where the server or Envoy did.
    fn failed(&mut self, host: &dyn Host, status: Option<u32>, now: u64) {
        let unknown = status == Some(UNAUTHENTICATED);
        if self.contact.backoff_ms == 0 {
            // Once an outage: it may be long, and meanwhile the stat counts.
            let cluster = &self.config.quota_cluster;
            let (level, what) = if unknown {
                (LogLevel::Error, "the quota server takes no calls without a token that it knows")
            } else {
                (LogLevel::Warn, "no answer from the quota server")
            };
            host.log(level, &format!("tollkeeper: {what} (cluster '{cluster}')"));
        }
        if unknown {
            self.stats.count("tollkeeper_server_unauthenticated_total", 1);
        }
        self.stats.count("tollkeeper_server_failures_total", 1);
        let backoff = self.contact.backoff_ms.saturating_mul(2).clamp(FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS);
        self.contact.backoff_ms = backoff;
        self.contact.unreachable_until = now.saturating_add(backoff);
    }
}
