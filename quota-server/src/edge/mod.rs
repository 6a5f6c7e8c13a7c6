//! Who may come in, and how much of everything at once.
//!
//! * [`options`]: what the command line says, and what it must say before a listener is open to other machines.
//! * [`tls`]: certificates, this server's and its clients'.
//! * [`token`]: secrets that are only ever compared by their hash.
//! * [`access`]: who may do what over HTTP, and who may speak gRPC.
//! * [`door`]: accepts connections, bounded in number and patience.
//! * [`grpc`]: serves the gRPC services over them, to clients that are known.
//! * [`http`]: serves the HTTP API over them, each request in the role of its caller.

pub mod access;
pub mod door;
pub mod grpc;
pub mod http;
pub mod options;
pub mod tls;
pub mod token;
