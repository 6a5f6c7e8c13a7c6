//! Budgets shared by many processes: what the server decides, what a lease in shared data says, and the protocol
//! between them. Pure state machines: no clock, no I/O; time comes in as an argument, in Unix milliseconds.
//!
//! The server's side:
//! * [`Bucket`] and [`Account`]: what is used, what each process holds, and every way they change;
//! * [`Rate`]: buckets that are refilled all the time;
//! * [`extra`]: how much to grant beyond the need;
//! * [`Term`]: how long a process's leases are good for.
//!
//! The process's side:
//! * [`Lease`]: what its workers share of a bucket, with what the server has said of there being more ([`Supply`]);
//! * [`Local`]: what they may spend without the server;
//! * [`Outputs`]: how long answers are, for reserving what is likely instead of the worst case.
#![forbid(unsafe_code)]

mod bucket;
mod lease;
mod local;
mod outputs;
mod refill;
mod sizing;
mod supply;
mod term;
mod words;

pub use bucket::{Account, Bucket, Lapse, Short};
pub use lease::{BucketKey, Epoch, Lease, Take};
pub use local::Local;
pub use outputs::Outputs;
pub use refill::Rate;
pub use sizing::extra;
pub use supply::Supply;
pub use term::Term;

/// The largest amount a message may carry: sums of two stay within the signed 64 bits of a database column. A message
/// with a larger one is refused whole, so whoever writes one cuts amounts that clients or providers can choose.
pub const LARGEST_AMOUNT: u64 = (1 << 62) - 1;

/// The messages of `proto/tollkeeper/v1/quota.proto`.
pub mod proto {
    #![allow(missing_debug_implementations, clippy::all, clippy::pedantic, rustdoc::all, unreachable_pub)]
    include!(concat!(env!("OUT_DIR"), "/tollkeeper.v1.rs"));
}
