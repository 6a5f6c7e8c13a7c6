//! Budgets shared by many processes: what the server decides, what a lease in shared data says, and the protocol
//! between them. Pure state machines: no clock, no I/O; time comes in as an argument, in Unix milliseconds.

#![forbid(unsafe_code)]

mod lease;

pub use lease::{BucketKey, Epoch, Lease, Take};

/// The messages of `proto/tollkeeper/v1/quota.proto`.
pub mod proto {
    #![allow(missing_debug_implementations, clippy::all, clippy::pedantic, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/tollkeeper.v1.rs"));
}
