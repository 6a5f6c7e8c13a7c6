//! The server, from start to graceful stop.

use crate::edge;
use crate::edge::door::{self, Limits};
use crate::edge::options::{self, Edge};
use crate::live_policy::{Current, LivePolicy};
use crate::metrics::Metrics;
use crate::service::Core;
use crate::store::Location;
use crate::store::ledger::{HOUR_MS, Retention};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How often the policy file is looked at and silent processes are looked for.
const TICK: Duration = Duration::from_secs(1);

/// Requests in flight at a stop take a commit each; a client that keeps its connection longer hangs.
const GRACE: Duration = Duration::from_secs(3);

/// Each worker of each Envoy has a connection or two.
const GRPC: Limits = Limits { connections: 16_384, silence: Some(edge::grpc::SILENCE) };

/// Browsers, scrapers, command lines. How long they may be silent is for `edge::http` to say.
const HTTP: Limits = Limits { connections: 512, silence: None };

#[derive(Clone, Debug)]
pub struct Options {
    pub policy: PathBuf,
    pub store: Location,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
    pub lease_ttl: Duration,
    pub edge: options::Options,
    pub keep: Retention,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Why it can't start, or what went wrong at the end, for people to read.
pub async fn serve(options: Options) -> Result<(), String> {
    let edge = Arc::new(Edge::open(&options.edge, options.grpc, options.http)?);
    let policy = LivePolicy::load(&options.policy)?;
    let ttl_ms = u64::try_from(options.lease_ttl.as_millis()).unwrap_or(u64::MAX);
    let store = options.store.open(ttl_ms, crate::unix_ms()).await.map_err(|error| error.to_string())?;
    store.remember(Arc::clone(&policy.current().policy)).await.map_err(|error| error.to_string())?;
    let clock = Box::new(crate::unix_ms);
    let core = Arc::new(Core { store, policy, metrics: Metrics::default(), clock });

    let grpc = listen("--grpc", options.grpc).await?;
    let http = listen("--http", options.http).await?;
    let (grpc_at, http_at) = (address(&grpc)?, address(&http)?);
    // Before anybody knows of us: an early SIGHUP would end the process.
    let (asked_to_stop, hangups) = (asked_to_stop()?, on(SignalKind::hangup())?);
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
    let grpc = door::open(grpc, Arc::clone(&edge), |tls| &tls.grpc, GRPC);
    let http = door::open(http, Arc::clone(&edge), |tls| &tls.http, HTTP);
    let routes = crate::http::routes(&core, &edge);
    let grpc = tokio::spawn(edge::grpc::serve(grpc, Arc::clone(&core), Arc::clone(&edge), stopping()));
    let http = tokio::spawn(edge::http::serve(http, routes, stopping()));
    let ticking = tokio::spawn(tick(Arc::clone(&core), edge, hangups, options.keep));

    asked_to_stop.await;
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

async fn listen(option: &str, at: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(at).await.map_err(|error| format!("{option} {at}: can't listen there: {error}"))
}

fn address(listener: &TcpListener) -> Result<SocketAddr, String> {
    listener.local_addr().map_err(|error| error.to_string())
}

fn on(kind: SignalKind) -> Result<Signal, String> {
    signal(kind).map_err(|error| format!("can't listen for signals: {error}"))
}

/// From now on, who asks is heard.
fn asked_to_stop() -> Result<impl Future<Output = ()>, String> {
    let (mut terminate, mut interrupt) = (on(SignalKind::terminate())?, on(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Sweeps the store and reads changed files again (see [`crate::live_file::Watch`]), each second; a SIGHUP has all of them
/// read at once.
async fn tick(core: Arc<Core>, edge: Arc<Edge>, mut hangups: Signal, keep: Retention) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // Some of what is due each tick, then nothing for an hour.
    let mut retain_at = 0;
    let mut watch = core.policy.watch();
    loop {
        let asked = tokio::select! {
            _ = ticks.tick() => false,
            _ = hangups.recv() => true,
        };
        let looks = core.policy.stamp();
        if watch.due(&looks) || asked {
            let read = core.policy.reread();
            if core.policy.stamp() == looks && reload(&core, read).await {
                watch.loaded(looks);
            }
        }
        edge.refresh(asked);
        match core.store.sweep(core.moment()).await {
            Ok(swept) => {
                core.metrics.swept(swept);
                if swept.lapsed > 0 {
                    tracing::warn!(processes = swept.lapsed, "leases lapsed: nothing heard for a whole term");
                }
            }
            Err(error) => tracing::error!(%error, "the sweep failed"),
        }
        let now = core.moment().now;
        if now >= retain_at {
            match core.store.retain(keep, now).await {
                Ok(0) => retain_at = now.saturating_add(HOUR_MS),
                Ok(_) => {}
                Err(error) => tracing::error!(%error, "old rows of the ledger stay for now"),
            }
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
