//! The server, from start to graceful stop.

use crate::live_policy::{Current, LivePolicy};
use crate::metrics::Metrics;
use crate::proto::envoy::service::ratelimit::v3::rate_limit_service_server::RateLimitServiceServer;
use crate::proto::quota::quota_server::QuotaServer;
use crate::service::{Core, QuotaService, RateLimitService, input};
use crate::store::Store;
use crate::store::sqlite::Sqlite;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tonic::transport::server::TcpIncoming;

/// How often the policy file is looked at and silent processes are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Requests in flight at a stop take a commit each; a client that keeps its connection longer hangs.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone, Debug)]
pub struct Options {
    pub policy: PathBuf,
    /// The SQLite file.
    pub store: PathBuf,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub lease_ttl: Duration,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Why it can't start, or what went wrong at the end, for people to read.
pub async fn serve(options: Options) -> Result<(), String> {
    loopback_only("--grpc", options.grpc)?;
    loopback_only("--http", options.http)?;
    let policy = LivePolicy::load(&options.policy)?;
    let ttl_ms = u64::try_from(options.lease_ttl.as_millis()).unwrap_or(u64::MAX);
    let store = Sqlite::open(&options.store, ttl_ms, crate::unix_ms()).map_err(|error| error.to_string())?;
    store.remember(Arc::clone(&policy.current().policy)).await.map_err(|error| error.to_string())?;
    let clock = Box::new(crate::unix_ms);
    let core = Arc::new(Core { store: Arc::new(store), policy, metrics: Metrics::default(), clock });

    let grpc = listen(options.grpc).await?;
    let http = listen(options.http).await?;
    let (grpc_at, http_at) = (address(&grpc)?, address(&http)?);
    // For scripts that let the system choose the ports; the log goes to stderr.
    println!("listening grpc={grpc_at} http={http_at}");
    tracing::info!(%grpc_at, %http_at, policy = core.policy.current().policy.version, "serving");

    let (stop, stopped) = watch::channel(());
    let stopping = move || {
        let mut stopped = stopped.clone();
        async move {
            // An error means that the sender is gone, which is what this waits for.
            let _ = stopped.changed().await;
        }
    };
    let grpc = tonic::transport::Server::builder()
        .add_service(
            QuotaServer::new(QuotaService(Arc::clone(&core))).max_decoding_message_size(input::MESSAGE),
        )
        .add_service(
            RateLimitServiceServer::new(RateLimitService(Arc::clone(&core)))
                .max_decoding_message_size(input::MESSAGE),
        )
        .serve_with_incoming_shutdown(TcpIncoming::from(grpc).with_nodelay(Some(true)), stopping());
    let http = axum::serve(http, crate::http::routes(Arc::clone(&core))).with_graceful_shutdown(stopping());
    let grpc = tokio::spawn(grpc);
    let http = tokio::spawn(async move { http.await });
    let ticking = tokio::spawn(tick(Arc::clone(&core)));

    asked_to_stop().await?;
    tracing::info!("stopping: finishing what is in flight");
    drop(stop);
    let finished = tokio::time::timeout(GRACE, async { (grpc.await, http.await) }).await;
    ticking.abort();
    if finished.is_err() {
        tracing::warn!("some connections did not end in time");
    }
    core.store.close().await.map_err(|error| error.to_string())?;
    tracing::info!("stopped");
    Ok(())
}

fn loopback_only(option: &str, at: SocketAddr) -> Result<(), String> {
    if at.ip().is_loopback() {
        return Ok(());
    }
    Err(format!(
        "{option} {at}: this server does not authenticate its clients yet, so it listens on loopback addresses \
         only (127.0.0.0/8 or [::1])"
    ))
}

async fn listen(at: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|error| format!("can't listen on {at}: {error}"))
}

fn address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| error.to_string())
}

async fn asked_to_stop() -> Result<(), String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Sweeps the store and reloads a changed policy, each second; a SIGHUP reloads at once. A changed file has to look the
/// same for two ticks: half a policy, as an editor leaves it for a moment, may be a good one with half the budgets.
async fn tick(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        tracing::error!("can't listen for SIGHUP");
        return;
    };
    let mut loaded = core.policy.stamp();
    let mut last_seen = loaded;
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            _ = hangups.recv() => true,
        };
        let looks = core.policy.stamp();
        let at_rest = looks == std::mem::replace(&mut last_seen, looks);
        if asked || (looks != loaded && at_rest) {
            let read = core.policy.reread();
            if core.policy.stamp() == looks && reload(&core, read).await {
                loaded = looks;
            }
        }
        match core.store.sweep(core.moment()).await {
            Ok(swept) => {
                core.metrics.swept(swept);
                if swept.lapsed > 0 {
                    tracing::warn!(processes = swept.lapsed, "leases lapsed: nothing heard for a whole term");
                }
            }
            Err(error) => tracing::error!(%error, "the sweep failed"),
        }
    }
}

/// Puts what was read in force, if it is a policy. Answers whether that is done with: a store that fails is asked again.
async fn reload(core: &Core, read: Result<Current, String>) -> bool {
    let new = match read {
        Ok(new) => new,
        Err(problems) => {
            core.metrics.reloaded(false);
            tracing::error!("the changed policy is not used, the one in force stays:\n{problems}");
            return true;
        }
    };
    if new.policy.version == core.policy.current().policy.version {
        return true;
    }
    if let Err(error) = core.store.remember(Arc::clone(&new.policy)).await {
        tracing::error!(%error, "the changed policy is not used yet");
        return false;
    }
    tracing::info!(version = new.policy.version, "the policy has changed");
    core.policy.adopt(new);
    core.metrics.reloaded(true);
    true
}
