//! `tollkeeper.v1.Quota`.

use super::{Core, input};
use crate::metrics::Method;
use crate::proto::quota::quota_server::Quota;
use crate::store::{Acquired, Moment, Synced};
use quota::proto;
use quota::proto::{AcquireRequest, AcquireResponse, SyncRequest, SyncResponse};
use std::sync::Arc;
use std::time::Instant;
use tonic::{Request, Response, Status};

pub struct QuotaService(pub Arc<Core>);

#[tonic::async_trait]
impl Quota for QuotaService {
    async fn acquire(&self, request: Request<AcquireRequest>) -> Result<Response<AcquireResponse>, Status> {
        let began = Instant::now();
        let request = request.into_inner();
        input::check_acquire(&request)?;
        let at = self.0.moment();
        let version = request.policy_version.clone();
        let acquired =
            self.0.store.acquire(at.clone(), request).await.map_err(|error| self.0.unavailable(&error))?;

        self.0.metrics.acquired(&acquired);
        self.0.metrics.took(Method::Acquire, began.elapsed());
        let (mut answer, stale) = match acquired {
            Acquired::Granted(answer) | Acquired::Exhausted(answer) => (answer, false),
            Acquired::Stale(answer) => (answer, true),
            Acquired::Withdrawn => {
                return Err(Status::aborted("number: reported as unanswered before"));
            }
        };
        answer.policy = self.newer(&at, &version, stale);
        Ok(Response::new(answer))
    }

    async fn sync(&self, request: Request<SyncRequest>) -> Result<Response<SyncResponse>, Status> {
        let began = Instant::now();
        let mut request = request.into_inner();
        input::check_sync(&request)?;
        let left_out = input::sort_out(&mut request);
        let at = self.0.moment();
        let version = request.policy_version.clone();
        let sequence = request.sequence;
        let synced =
            self.0.store.sync(at.clone(), request).await.map_err(|error| self.0.unavailable(&error))?;

        self.0.metrics.synced(&synced, &at.policy);
        self.0.metrics.took(Method::Sync, began.elapsed());
        let mut answer = match synced {
            Synced::Applied { answer, skipped, .. } => {
                if skipped > 0 {
                    tracing::warn!(sequence, skipped, "a worker skipped sequence numbers");
                }
                answer
            }
            Synced::Repeated(answer) => answer,
            Synced::Past(last) => {
                return Err(Status::aborted(format!(
                    "sequence: {sequence} is older than the last one, {last}"
                )));
            }
        };
        if left_out.count > 0 {
            tracing::warn!(
                count = left_out.count,
                because = left_out.because,
                "a report had entries that can't be used"
            );
            self.0.metrics.left_out(left_out.count);
        }
        for position in left_out.refills {
            // In ascending order, so that those before are in their places.
            answer.refills.insert(position.min(answer.refills.len()), proto::Grant::default());
        }
        (answer.left_out, answer.left_out_because) = (left_out.count, left_out.because);
        answer.policy = self.newer(&at, &version, false);
        Ok(Response::new(answer))
    }
}

impl QuotaService {
    /// The policy, for a worker that has another one or works by it wrongly.
    fn newer(&self, at: &Moment, version: &str, stale: bool) -> Option<proto::Policy> {
        let current = self.0.policy.current();
        let differs = version != current.policy.version || version != at.policy.version;
        (differs || stale).then(|| proto::Policy {
            version: current.policy.version.clone(),
            compiled: current.compiled.clone(),
        })
    }
}
