//! Serves gRPC: each call from a client that is known, within bounds of size and time.

use super::door::Connection;
use super::options::Edge;
use crate::metrics::Listener;
use crate::proto::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use crate::proto::quota::quota_server::QuotaServer;
use crate::service::{Core, QuotaService, RateLimitService, input};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::{Request, Status};

/// A call takes a commit. One that takes so long is of no more use: the filter has given up on it.
const CALL: Duration = Duration::from_secs(10);

/// Calls at a time on one connection, of which each worker of an Envoy has one or, when those are in use, more.
const STREAMS: u32 = 256;

/// Bytes of a call's headers.
const HEADER_BYTES: u32 = 16 << 10;

/// A peer that is gone without a word is noticed by its not answering.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);

/// How long a connection may be silent: who is there answers pings.
pub const SILENCE: Duration = Duration::from_secs(40);

/// Serves until `stop` is done, then finishes what is in flight.
///
/// # Errors
/// The transport's own.
pub async fn serve(
    connections: mpsc::Receiver<io::Result<Connection>>,
    core: Arc<Core>,
    edge: Arc<Edge>,
    stop: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let quota = QuotaServer::new(QuotaService(Arc::clone(&core))).max_decoding_message_size(input::MESSAGE);
    let rate_limit = RateLimitServiceServer::new(RateLimitService(Arc::clone(&core)))
        .max_decoding_message_size(input::MESSAGE);
    let known = move |request| admit(&core, &edge, request);
    Server::builder()
        .timeout(CALL)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_keepalive_interval(Some(PING))
        .http2_keepalive_timeout(Some(PONG))
        .add_service(InterceptedService::new(quota, known.clone()))
        .add_service(InterceptedService::new(rate_limit, known))
        .serve_with_incoming_shutdown(ReceiverStream::new(connections), stop)
        .await
}

#[allow(clippy::result_large_err, reason = "gRPC's own error type")]
fn admit(core: &Core, edge: &Edge, request: Request<()>) -> Result<Request<()>, Status> {
    let shown = request.metadata().get("authorization").map(|value| value.to_str().unwrap_or(""));
    if edge.admit(shown).is_err() {
        core.metrics.turned_away(Listener::Grpc);
        return Err(Status::unauthenticated("authorization: a token that the server knows is needed"));
    }
    Ok(request)
}
