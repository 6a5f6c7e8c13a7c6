//! Every provider's responses: recorded ones, and what the recordings lack in the bytes of the providers'
//! documentation.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg(not(target_arch = "wasm32"))]

#[path = "../common/mod.rs"]
mod common;
mod corpus;
mod cut_short;
mod damaged;
mod documented;
mod facts;
mod fixtures;
mod frames;
mod reading;
mod recorded;
mod splits;
