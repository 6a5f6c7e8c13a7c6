//! The filter: LLM calls read, counted, held to their budgets and charged, inside Envoy.
//!
//! * [`Vm`] is one worker's VM: it finds the context a callback is for.
//! * [`Worker`] is what a worker knows between requests: policy, leases, what it has to report.
//! * [`Stream`] is one request, in the phases of its life.
//! * [`host`] is the seam to Envoy; everything but the adapter in `abi` runs natively against a model of it.

// Tests may do sums that would panic if they were wrong.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod host;

#[cfg(target_arch = "wasm32")]
mod abi;
mod adjustments;
mod admission;
mod buckets;
mod charge;
mod clock;
mod config;
#[cfg(any(target_arch = "wasm32", test))]
mod grpc_service;
mod headers;
mod holdings;
mod lessons;
mod local;
mod outbox;
mod outputs;
mod places;
mod plain_upstreams;
mod pockets;
mod refusal;
mod routes;
mod rules;
mod signature;
mod slots;
mod stats;
mod stream;
mod sync;
mod term;
mod vm;
mod worker;

#[cfg(any(test, feature = "fake"))]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub mod fake;
#[cfg(test)]
mod tests;

pub use config::{Config, WithoutPolicy};
pub use headers::HeaderMap;
pub use routes::{Format, RouteRule};
pub use stream::Stream;
pub use vm::Vm;
pub use worker::Worker;
