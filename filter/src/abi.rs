//! The proxy-wasm ABI 0.2.1: the one place that touches the host and the one that may be unsafe.
//!
//! Written out here instead of taken from an SDK because a status or a header value that the host may well return
//! must never panic, and because a call's target has to be sent as a serialized `GrpcService`: a bare cluster name
//! that happens to parse as protobuf takes the whole Envoy down.

// The host's functions are foreign, and so is the memory it returns. Each use says why it is sound.
#![allow(unsafe_code)]

mod exports;
mod imports;

pub(crate) use imports::Envoy;
