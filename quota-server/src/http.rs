//! Health, metrics, usage and budgets over HTTP; and changes of budgets.

use crate::by_hand::{self, Asked, Kind, Wrong};
use crate::edge::access::{Caller, Role};
use crate::edge::http::{busy, in_time, only_for};
use crate::edge::options::Edge;
use crate::report::{Query, Report, moment_text};
use crate::service::Core;
use crate::store::audit::Adjusted;
use crate::store::{self, OpenBucket};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query as Params, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use policy::Policy;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;

/// * `/healthz`: the process lives.
/// * `/readyz`: the store answers.
/// * `/metrics`: Prometheus' text form.
/// * `/v1/usage?since=24h&by=tenant,model`: see [`Report::json`].
/// * `/v1/budgets`: the buckets whose window has not ended.
///
/// * `/v1/audit?budget=NAME&before=NUMBER&limit=50`: what was changed by hand, the newest first.
///
/// The first two are for everybody, the others for viewers. For operators:
///
/// * POST `/v1/budgets/NAME/top-up` and `/reset`: see [`by_hand::Asked`]. A header `idempotency-key` makes it safe to ask
///   again.
///
/// And for admins alone:
///
/// * POST `/v1/backup`: a copy of the SQLite file.
pub fn routes(core: &Arc<Core>, edge: &Arc<Edge>) -> Router {
    let open = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(Arc::clone(core));
    let viewers = Router::new()
        .route("/metrics", get(metrics))
        .route("/v1/usage", get(usage))
        .route("/v1/budgets", get(budgets))
        .route("/v1/audit", get(audit))
        .with_state(Arc::clone(core));
    let operators = Router::new()
        .route("/v1/budgets/{budget}/top-up", post(adjust).layer(Extension(Kind::TopUp)))
        .route("/v1/budgets/{budget}/reset", post(adjust).layer(Extension(Kind::Reset)))
        .with_state(Arc::clone(core));
    let admins = Router::new().route("/v1/backup", post(backup)).with_state(Arc::clone(core));
    open.merge(only_for(Role::Viewer, viewers, edge, core))
        .merge(only_for(Role::Operator, operators, edge, core))
        .layer(from_fn(in_time))
        .merge(only_for(Role::Admin, admins, edge, core))
        .fallback(|| async { wrong(StatusCode::NOT_FOUND, PATHS) })
}

const PATHS: &str = "there is /healthz, /readyz, /metrics, /v1/usage, /v1/budgets and /v1/audit to GET, and \
                     /v1/budgets/NAME/top-up, /v1/budgets/NAME/reset and /v1/backup to POST";

async fn ready(State(core): State<Arc<Core>>) -> Response {
    match core.store.ready().await {
        Ok(()) => "ok\n".into_response(),
        Err(error @ store::Error::Overloaded) => busy(&error.to_string()),
        Err(error) => {
            // Strangers may ask this, and need no paths.
            tracing::error!(%error, "not ready");
            busy("the store can't be used: the log says why")
        }
    }
}

async fn metrics(State(core): State<Arc<Core>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], core.metrics.text()).into_response()
}

async fn usage(State(core): State<Arc<Core>>, Params(params): Params<HashMap<String, String>>) -> Response {
    let param = |name| params.get(name).map(String::as_str);
    let query = match Query::parse(param("since"), param("by"), crate::unix_ms()) {
        Ok(query) => query,
        Err(problem) => return wrong(StatusCode::BAD_REQUEST, &problem),
    };
    match core.store.ledger(query.since).await {
        Ok(entries) => {
            let policy = core.policy.current();
            let named = policy.policy.dimensions.iter().map(|dimension| dimension.name.as_str());
            match query.known(&entries, named) {
                Ok(()) => Json(Report::of(&entries, query).json()).into_response(),
                Err(problem) => wrong(StatusCode::BAD_REQUEST, &problem),
            }
        }
        Err(error) => failed(&error),
    }
}

async fn budgets(State(core): State<Arc<Core>>) -> Response {
    let at = core.moment();
    match core.store.buckets(store::counting_since(&at.policy, at.now)).await {
        Ok(buckets) => {
            let buckets = store::counting(&at.policy, buckets, at.now);
            let known = buckets.iter().filter_map(|open| bucket_json(&at.policy, open, at.now));
            let buckets: Vec<Value> = known.collect();
            Json(json!({ "policy_version": at.policy.version, "buckets": buckets })).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn audit(State(core): State<Arc<Core>>, Params(params): Params<HashMap<String, String>>) -> Response {
    let which = match by_hand::which(&params) {
        Ok(which) => which,
        Err(problem) => return wrong(StatusCode::BAD_REQUEST, &problem),
    };
    match core.store.audit(which).await {
        Ok(entries) => {
            let entries: Vec<Value> = entries.iter().map(by_hand::json_of).collect();
            Json(json!({ "entries": entries })).into_response()
        }
        Err(error) => failed(&error),
    }
}

async fn adjust(
    State(core): State<Arc<Core>>,
    Extension(kind): Extension<Kind>,
    Extension(caller): Extension<Caller>,
    Path(budget): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked: Asked = match serde_json::from_slice(&body) {
        Ok(asked) => asked,
        Err(error) => return wrong(StatusCode::BAD_REQUEST, &format!("the body: {error}")),
    };
    let key = headers.get("idempotency-key").map(|key| key.to_str().unwrap_or_default());
    let at = core.moment();
    let asked = match by_hand::read(&at.policy, &budget, kind, asked, key, caller.name) {
        Ok(asked) => asked,
        Err(Wrong::UnknownBudget(problem)) => return wrong(StatusCode::NOT_FOUND, &problem),
        Err(Wrong::Request(problem)) => return wrong(StatusCode::BAD_REQUEST, &problem),
    };
    let action = asked.action;
    let (entry, repeated) = match core.store.adjust(at, asked).await {
        Ok(Some(Adjusted::Made(entry))) => {
            core.metrics.adjusted(action);
            tracing::info!(
                number = entry.number, by = %entry.by, budget = %entry.budget, subject = ?entry.subject,
                ?action, reason = %entry.reason, "a budget was changed by hand"
            );
            (entry, false)
        }
        Ok(Some(Adjusted::Repeated(entry))) => (entry, true),
        Ok(Some(Adjusted::KeyTaken(entry))) => {
            let why = format!(
                "idempotency-key: change {} ({} of `{}`) was made with it, and this is another",
                entry.number,
                entry.action.name(),
                entry.budget
            );
            return wrong(StatusCode::CONFLICT, &why);
        }
        // The place was found in the same policy.
        Ok(None) => return wrong(StatusCode::NOT_FOUND, "the policy has no such budget any more"),
        Err(error) => return failed(&error),
    };
    let mut answer = by_hand::json_of(&entry);
    answer["repeated"] = json!(repeated);
    Json(answer).into_response()
}

fn wrong(status: StatusCode, problem: &str) -> Response {
    (status, format!("{problem}\n")).into_response()
}

async fn backup(State(core): State<Arc<Core>>) -> Response {
    let copy = core.store.backup().await;
    let sized = copy.map(|copy| (copy.metadata().map(|data| data.len()), copy));
    let (length, copy) = match sized {
        Ok((Ok(length), copy)) => (length, copy),
        Ok((Err(error), _)) => return failed(&store::Error::Failed(error.to_string())),
        Err(error) => return failed(&error),
    };
    tracing::info!(bytes = length, "a backup was asked for");
    let (sender, receiver) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || send(copy, &sender));
    // The length tells who receives it whether all has come.
    let headers = [
        (header::CONTENT_TYPE, "application/vnd.sqlite3".to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    (headers, Body::from_stream(ReceiverStream::new(receiver))).into_response()
}

/// Sends a file piece by piece, until its end or until nobody receives it any more.
fn send(mut file: File, to: &mpsc::Sender<io::Result<Bytes>>) {
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = match file.read(&mut piece) {
            Ok(0) => return,
            Ok(size) => Ok(Bytes::copy_from_slice(piece.get(..size).unwrap_or_default())),
            Err(error) => Err(error),
        };
        let ended = read.is_err();
        if to.blocking_send(read).is_err() || ended {
            return;
        }
    }
}

/// One bucket; none where the policy has its budget no longer.
fn bucket_json(policy: &Policy, open: &OpenBucket, now: u64) -> Option<Value> {
    let budget = policy.budget(&open.budget)?;
    let limit = budget.limit_of(open.subject.iter().map(String::as_str));
    let whole = budget.most_at_once(limit);
    let rate = store::rate_of(budget, limit);
    // When all of it is there again.
    let full_in = rate.and_then(|rate| open.bucket.refills_in(rate, whole, whole, now));
    let ends = full_in.map_or(open.window_end, |ms| now.saturating_add(ms));
    let resets = budget.window.ends() || rate.is_some();
    let subject: Map<String, Value> =
        budget.per.iter().cloned().zip(open.subject.iter().map(|value| json!(value))).collect();
    Some(json!({
        "budget": open.budget,
        "subject": subject,
        "unit": budget.unit.base(),
        "limit": limit.saturating_add(open.bucket.raised),
        "added": open.bucket.raised,
        "burst": rate.map(|_| whole),
        "used": open.bucket.counting(),
        "lost": open.lost,
        "outstanding": open.bucket.outstanding,
        "remaining": open.bucket.remaining(open.bucket.allowance(whole)),
        "window_start_ms": open.window_start,
        "resets_at": resets.then(|| moment_text(ends)),
        "resets_in_ms": resets.then(|| ends.saturating_sub(now)),
    }))
}

fn failed(error: &store::Error) -> Response {
    tracing::error!(%error, "a query failed");
    busy(&error.to_string())
}
