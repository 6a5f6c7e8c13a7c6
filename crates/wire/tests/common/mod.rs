//! Shared by the tests.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::expect_used)]

use tokens::Usage;
use wire::{Api, MeterOptions, Passed, ReadError, Request, ResponseHead, ResponseMeter, Route};

pub(crate) const JSON: &str = "application/json";
pub(crate) const EVENTS: &str = "text/event-stream; charset=utf-8";

/// A meter for a response of this type to a chat completion.
pub(crate) fn chat_meter(content_type: &str, strip_usage: bool) -> ResponseMeter {
    meter(Api::OpenAiChat, content_type, strip_usage)
}

pub(crate) fn meter(api: Api, content_type: &str, strip_usage: bool) -> ResponseMeter {
    let header = |name: &str| (name == "content-type").then_some(content_type.as_bytes());
    ResponseMeter::new(api, &ResponseHead { status: 200, header: &header }, MeterOptions { strip_usage })
}

/// Feeds the pieces, then ends the response as trailers do; the meter, and what the client gets.
pub(crate) fn fed<'p>(
    mut meter: ResponseMeter,
    pieces: impl IntoIterator<Item = &'p [u8]>,
) -> (ResponseMeter, Vec<u8>) {
    let mut client = Vec::new();
    for piece in pieces {
        match meter.feed(piece, false) {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend(bytes),
        }
    }
    client.extend(meter.release());
    (meter, client)
}

/// The figures alone.
pub(crate) fn figures(meter: &ResponseMeter) -> Option<Usage> {
    meter.usage().map(|reported| reported.usage)
}

/// Reads a chat completion sent to a host that is not known.
pub(crate) fn read_chat(body: &[u8]) -> Result<Request, ReadError> {
    let route = Route::forced(Api::OpenAiChat, b"/v1/chat/completions", b"");
    Request::read(&route, JSON.as_bytes(), body).map(|request| request.expect("the route is certain"))
}

/// What a recorded response of the corpus says was consumed. Binary ones (AWS event streams) are left out.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn recorded_usage(api: Api, exchange: &serde_json::Value) -> Option<Usage> {
    let text = |key: &str| exchange[key].as_str().unwrap_or_default();
    if text("response_encoding") == "base64" {
        return None;
    }
    let mut meter = meter(api, text("content_type"), false);
    meter.feed(text("response_body").as_bytes(), true);
    figures(&meter)
}

/// The recorded exchanges, where they are.
pub(crate) fn corpus() -> Option<std::path::PathBuf> {
    let configured = std::env::var_os("TOLLKEEPER_CORPUS").map(std::path::PathBuf::from);
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let beside = here.ancestors().map(|dir| dir.join("shared/corpus"));
    configured.into_iter().chain(beside).map(|dir| dir.join("recorded.jsonl")).find(|file| file.is_file())
}
