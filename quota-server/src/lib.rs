//! The quota server: keeps the budgets of a whole fleet of Envoys, and the ledger of what their calls consumed.
//!
//! * [`store`]: where buckets, leases and the ledger live; whole operations, each atomic and durable when answered.
//! * [`service`]: the gRPC services over a store.
//! * [`http`]: health, metrics, usage and budgets over HTTP.
//! * [`edge`]: who may come in: TLS, tokens, roles, and bounds on everything.
//! * [`live_policy`]: the policy in force, reloaded when its file changes.
//! * [`report`]: sums over the ledger, for people and programs.
//! * [`serve`]: all of it together, from start to graceful stop.
#![forbid(unsafe_code)]

pub mod by_hand;
pub mod edge;
pub mod http;
pub mod live_file;
pub mod live_policy;
pub mod metrics;
pub mod report;
pub mod serve;
pub mod service;
pub mod store;

/// Generated gRPC services.
pub mod proto {
    #![allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]

    /// `tollkeeper.v1.Quota`; its messages are in [`quota::proto`].
    pub mod quota {
        include!(concat!(env!("OUT_DIR"), "/tollkeeper.v1.rs"));
    }

    /// Envoy's rate limit service, in the module tree that the generated paths expect.
    pub mod envoy {
        pub mod service {
            pub mod ratelimit {
                pub mod v3 {
                    include!(concat!(env!("OUT_DIR"), "/envoy.service.ratelimit.v3.rs"));
                }
            }
        }
        pub mod extensions {
            pub mod common {
                pub mod ratelimit {
                    pub mod v3 {
                        include!(concat!(env!("OUT_DIR"), "/envoy.extensions.common.ratelimit.v3.rs"));
                    }
                }
            }
        }
    }
}

/// Milliseconds since the Unix epoch, by this machine's clock.
#[must_use]
pub fn unix_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
