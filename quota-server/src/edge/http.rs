//! Serves the HTTP API: each request in the role of its caller, within bounds of size and time.

use super::access::{Caller, Role};
use super::door::{Connection, Peer};
use super::options::{Edge, Stranger};
use crate::metrics::Listener;
use crate::service::Core;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long a client may take to say what it wants, and be silent between two requests.
const HEAD: Duration = Duration::from_secs(10);

/// Bytes of a request's head: some browsers' cookies, and room.
const HEAD_BYTES: usize = 16 << 10;
const HEADERS: usize = 64;

/// Bytes of a request's body: a few fields of JSON.
const BODY: usize = 64 << 10;

/// How long an answer may take to begin, the body's arrival included.
const ANSWER: Duration = Duration::from_secs(30);

/// Serves until `stop` is done, then finishes what is in flight.
pub async fn serve(
    mut connections: mpsc::Receiver<io::Result<Connection>>,
    routes: Router,
    stop: impl Future<Output = ()>,
) {
    let routes = routes.layer(DefaultBodyLimit::max(BODY));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(HEAD_BYTES).max_headers(HEADERS);
    let mut stop = std::pin::pin!(stop);
    loop {
        let connection = tokio::select! {
            connection = connections.recv() => connection,
            () = &mut stop => None,
        };
        let Some(Ok(connection)) = connection else { break };
        let service = TowerToHyperService::new(routes.clone().layer(Extension(connection.peer().clone())));
        let serving = graceful.watch(http.serve_connection(TokioIo::new(connection), service));
        tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::debug!(%error, "an HTTP connection ended");
            }
        });
    }
    graceful.shutdown().await;
}

/// Answers that are due within a moment.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(ANSWER, next.run(request)).await {
        Ok(answer) => answer,
        Err(_) => busy("it takes too long"),
    }
}

/// 503, worth another try.
#[must_use]
pub fn busy(why: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], format!("{why}\n")).into_response()
}

/// Lets only those into `routes` who have this role. They find out who it is as `Extension<Caller>`.
pub fn only_for(role: Role, routes: Router, edge: &Arc<Edge>, core: &Arc<Core>) -> Router {
    let (edge, core) = (Arc::clone(edge), Arc::clone(core));
    routes.route_layer(from_fn(move |request: Request, next: Next| {
        let (edge, core) = (Arc::clone(&edge), Arc::clone(&core));
        async move {
            let certified = request.extensions().get::<Peer>().is_some_and(|peer| peer.certified);
            let authorization =
                request.headers().get(header::AUTHORIZATION).map(|value| value.to_str().unwrap_or(""));
            match edge.caller(certified, authorization) {
                Ok(caller) if caller.role >= role => {
                    let mut request = request;
                    request.extensions_mut().insert(caller);
                    next.run(request).await
                }
                Ok(caller) => forbidden(&caller, role),
                Err(stranger) => {
                    core.metrics.turned_away(Listener::Http);
                    unknown(stranger)
                }
            }
        }
    }))
}

fn forbidden(caller: &Caller, needed: Role) -> Response {
    let why = format!("this needs the role {needed}; {} has {}\n", caller.name, caller.role);
    let challenge = "Bearer realm=\"tollkeeper\", error=\"insufficient_scope\"";
    (StatusCode::FORBIDDEN, [(header::WWW_AUTHENTICATE, challenge)], why).into_response()
}

fn unknown(stranger: Stranger) -> Response {
    let (challenge, why) = match stranger {
        Stranger::Unnamed => {
            ("Bearer realm=\"tollkeeper\"", "this needs a token: authorization: Bearer TOKEN\n")
        }
        Stranger::Unknown => {
            ("Bearer realm=\"tollkeeper\", error=\"invalid_token\"", "nobody has this token\n")
        }
    };
    (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, challenge)], why).into_response()
}
