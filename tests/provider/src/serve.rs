//! The HTTP side: routes, and a plan written out over time. HTTP/1.1, and HTTP/2 without TLS for those who begin so.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::chat::{Chat, Refusal};
use crate::plan::{self, Plan, plan};
use crate::replay::{self, Recording, Recordings};
use crate::seen::{Call, Ended, Ledger, Record};
use crate::sending::{self, Body, TRAILER, broken_off};
use crate::steer::{HEADER, START, Steer};

/// More than any prompt of the tests, less than would hurt the machine.
const MAX_BODY: usize = 64 << 20;

/// Answers on `listener` until dropped.
pub async fn serve(listener: TcpListener) -> io::Result<()> {
    let stand_in = Arc::new(StandIn::default());
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?; // a write is to leave as it is, not to wait for the next
        let stand_in = stand_in.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let stand_in = stand_in.clone();
                async move { stand_in.answer(request).await }
            });
            // A client that hangs up is an error here and a line in the ledger, nothing to report.
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(connection), service)
                .await;
        });
    }
}

#[derive(Debug, Default)]
struct StandIn {
    ledger: Ledger,
    calls: AtomicU64,
    recordings: Recordings,
}

impl StandIn {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (head, body) = request.into_parts();
        match (&head.method, head.uri.path()) {
            (&Method::GET, "/_seen") => return Ok(json_response(200, self.ledger.to_json())),
            (&Method::POST, "/_reset") => {
                self.ledger.clear();
                return Ok(json_response(200, b"{}\n".to_vec()));
            }
            _ => {}
        }
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(io::Error::other)?.to_bytes();
        let path = head.uri.path();
        if let (&Method::PUT, Some(id)) = (&head.method, path.strip_prefix(replay::PATH)) {
            return Ok(self.store(id, &head.headers, body));
        }
        let record = Record::new(head.method.as_str(), path, &head.headers, body.len());
        let call = self.ledger.open(record);
        let header = head.headers.get(HEADER).map(|header| String::from_utf8_lossy(header.as_bytes()));
        if (&head.method, path) == (&Method::POST, "/v1/chat/completions") {
            return self.chat(&head.headers, header.as_deref(), &body, call).await;
        }
        match Steer::parse(header.as_deref().unwrap_or_default()) {
            Ok(steer) if steer.recording.is_some() => {
                let id = steer.recording.as_deref().unwrap_or_default();
                return self.replay(id, &head.headers, &body, &steer, call).await;
            }
            Ok(_) => {}
            Err(message) => return Ok(refuse(&call, &Refusal::steering(message), None)),
        }
        call.note(|record| record.status = Some(200));
        call.end(Ended::Complete);
        let body = match path {
            "/v1/models" => models(),
            _ => {
                json!({"object": "stand_in", "method": head.method.as_str(), "path": path, "bytes": body.len()})
            }
        };
        Ok(json_response(200, format!("{body:#}\n").into_bytes()))
    }

    fn store(&self, id: &str, headers: &HeaderMap, body: Bytes) -> Response<Body> {
        match Recording::read(headers, body) {
            Some(recording) => {
                self.recordings.store(id, recording);
                json_response(200, b"{}\n".to_vec())
            }
            None => json_response(400, b"{}\n".to_vec()),
        }
    }

    async fn chat(
        &self,
        headers: &HeaderMap,
        steering: Option<&str>,
        body: &[u8],
        call: Call,
    ) -> io::Result<Response<Body>> {
        let chat = match Chat::parse(body) {
            Ok(chat) => chat,
            Err(refusal) => return Ok(refuse(&call, &refusal, None)),
        };
        call.note(|record| record.chat(&chat));
        let steer = match Steer::parse(steering.or(chat.steering.as_deref()).unwrap_or_default()) {
            Ok(steer) => steer,
            Err(message) => return Ok(refuse(&call, &Refusal::steering(message), None)),
        };
        if let Some(id) = &steer.recording {
            return self.replay(id, headers, body, &steer, call).await;
        }

        if !chat.stream {
            sleep(steer.first).await;
        }
        begin(&steer, &call).await?;
        if let Some(status) = steer.status {
            return Ok(refuse(&call, &Refusal::of_status(status, &chat.model), steer.retry_after));
        }
        if steer.refuse_stream_options && !chat.body["stream_options"].is_null() {
            return Ok(refuse(&call, &Refusal::stream_options(), None));
        }
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        send(plan(&chat, &steer, accepts_gzip(headers), number), &steer, call)
    }

    async fn replay(
        &self,
        id: &str,
        headers: &HeaderMap,
        body: &[u8],
        steer: &Steer,
        call: Call,
    ) -> io::Result<Response<Body>> {
        let Some(recording) = self.recordings.get(id) else {
            return Ok(refuse(&call, &Refusal::steering(format!("{HEADER}: no recording `{id}`")), None));
        };
        call.note(|record| record.body = Some(String::from_utf8_lossy(body).into_owned()));
        begin(steer, &call).await?;
        send(plan::replay(&recording, steer, accepts_gzip(headers)), steer, call)
    }
}

/// For a call that is not to be answered at all.
async fn begin(steer: &Steer, call: &Call) -> io::Result<()> {
    if steer.hang == Some(START) {
        std::future::pending::<Infallible>().await;
    }
    if steer.reset == Some(START) {
        call.end(Ended::Reset);
        return Err(broken_off());
    }
    Ok(())
}

fn send(plan: Plan, steer: &Steer, call: Call) -> io::Result<Response<Body>> {
    call.note(|record| {
        record.id.clone_from(&plan.id);
        record.status = Some(plan.status.as_u16());
        record.usage = plan.bill.map(|bill| bill.after(0));
    });
    let whole = !plan.streamed && !steer.trailers && steer.reset.is_none() && steer.hang.is_none();
    let mut response = Response::new(());
    *response.status_mut() = plan.status;
    *response.headers_mut() = plan.headers.clone();
    if steer.trailers {
        response.headers_mut().insert("trailer", HeaderValue::from_static(TRAILER));
    }
    if whole {
        let length: usize = plan.writes.iter().map(|write| write.bytes.len()).sum();
        response.headers_mut().insert("content-length", length.into());
    }
    Ok(response.map(|()| sending::body(plan, steer.clone(), call)))
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepts = headers.get("accept-encoding").and_then(|value| value.to_str().ok());
    accepts.is_some_and(|value| value.contains("gzip"))
}

fn refuse(call: &Call, refusal: &Refusal, retry_after: Option<u64>) -> Response<Body> {
    call.note(|record| record.status = Some(refusal.status));
    call.end(Ended::Complete);
    let mut response = json_response(refusal.status, refusal.body());
    if let Some(seconds) = retry_after {
        response.headers_mut().insert("retry-after", seconds.into());
    }
    response
}

fn json_response(status: u16, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::from(body).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn models() -> Value {
    let models = ["gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini"];
    let model = |id| json!({"id": id, "object": "model", "created": 1_715_367_049, "owned_by": "system"});
    json!({"object": "list", "data": models.map(model)})
}
