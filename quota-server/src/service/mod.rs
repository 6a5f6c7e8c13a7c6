//! The gRPC services: thin layers over a store that check input, add the policy and count.

pub mod input;
mod quota;
mod rate_limit;

pub use quota::QuotaService;
pub use rate_limit::RateLimitService;

use crate::live_policy::LivePolicy;
use crate::metrics::Metrics;
use crate::store::{Error, Moment, Store};
use std::sync::Arc;
use tonic::Status;

/// What all services share.
pub struct Core {
    pub store: Arc<dyn Store>,
    pub policy: LivePolicy,
    pub metrics: Metrics,
    /// Unix ms.
    pub clock: Clock,
}

pub type Clock = Box<dyn Fn() -> u64 + Send + Sync>;

impl Core {
    #[must_use]
    pub fn moment(&self) -> Moment {
        Moment { policy: self.policy.current().policy.clone(), now: (self.clock)() }
    }

    /// Envoy and proxy-wasm want plain ASCII in a status message, so it says what failed and the log says why.
    fn unavailable(&self, error: &Error) -> Status {
        if let Error::Overloaded = error {
            // By the thousand, and none of them news: the metric counts.
            self.metrics.overloaded();
            return Status::unavailable("the server has too much to do; nothing was decided");
        }
        tracing::error!(%error, "an operation failed");
        Status::unavailable("the store failed; nothing was decided")
    }
}
