//! The HTTP side: routes, and a plan written out over time. HTTP/1.1, and HTTP/2 without TLS for those who begin so.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
use crate::plan::plan;
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
        let record = Record::new(head.method.as_str(), path, &head.headers, body.len());
        let call = self.ledger.open(record);
        if (&head.method, path) == (&Method::POST, "/v1/chat/completions") {
            return self.chat(&head.headers, &body, call).await;
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

    async fn chat(&self, headers: &HeaderMap, body: &[u8], call: Call) -> io::Result<Response<Body>> {
        let chat = match Chat::parse(body) {
            Ok(chat) => chat,
            Err(refusal) => return Ok(refuse(&call, &refusal, None)),
        };
        call.note(|record| record.chat(&chat));
        let steering = match headers.get(HEADER) {
            Some(header) => String::from_utf8_lossy(header.as_bytes()).into_owned(),
            None => chat.steering.clone().unwrap_or_default(),
        };
        let steer = match Steer::parse(&steering) {
            Ok(steer) => steer,
            Err(message) => return Ok(refuse(&call, &Refusal::steering(message), None)),
        };

        if !chat.stream {
            sleep(steer.first).await;
        }
        if steer.hang == Some(START) {
            std::future::pending::<Infallible>().await;
        }
        if steer.reset == Some(START) {
            call.end(Ended::Reset);
            return Err(broken_off());
        }
        if let Some(status) = steer.status {
            return Ok(refuse(&call, &Refusal::of_status(status, &chat.model), steer.retry_after));
        }
        if steer.refuse_stream_options && !chat.body["stream_options"].is_null() {
            return Ok(refuse(&call, &Refusal::stream_options(), None));
        }

        let accepts = headers.get("accept-encoding").and_then(|value| value.to_str().ok());
        let accepts_gzip = accepts.is_some_and(|value| value.contains("gzip"));
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let plan = plan(&chat, &steer, accepts_gzip, number);
        call.note(|record| {
            record.id = Some(plan.id.clone());
            record.status = Some(200);
            record.usage = Some(plan.bill.after(0));
        });
        let whole = !chat.stream && !steer.trailers && steer.reset.is_none() && steer.hang.is_none();
        let mut response = Response::builder()
            .header("content-type", plan.content_type)
            .header("x-request-id", format!("req_{number:032x}"))
            .header("openai-version", "2020-10-01")
            .header("openai-processing-ms", steer.first.as_millis().to_string())
            .header("x-ratelimit-limit-requests", "10000")
            .header("x-ratelimit-remaining-requests", "9999")
            .header("x-ratelimit-reset-requests", "6ms");
        if plan.gzip {
            response = response.header("content-encoding", "gzip");
        }
        if steer.trailers {
            response = response.header("trailer", TRAILER);
        }
        if whole {
            let length: usize = plan.writes.iter().map(|write| write.bytes.len()).sum();
            response = response.header("content-length", length);
        }
        response.body(sending::body(plan, steer, chat.stream, call)).map_err(io::Error::other)
    }
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
