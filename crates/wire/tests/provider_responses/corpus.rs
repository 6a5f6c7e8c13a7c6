//! The recorded exchanges, and an independent reading of their responses.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use wire::{Api, recognise};

pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) path: String,
    pub(crate) api: Api,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) response: Vec<u8>,
}

/// All calls to models; empty where there is no corpus.
pub(crate) fn exchanges() -> Vec<Exchange> {
    let Some(file) = crate::common::corpus() else {
        println!("skipped: corpus not found");
        return Vec::new();
    };
    let lines = std::fs::read_to_string(file).expect("the corpus is readable");
    let found: Vec<Exchange> = lines.lines().filter_map(exchange).collect();
    assert!(found.len() > 400, "the corpus has lost its calls: {}", found.len());
    found
}

fn exchange(line: &str) -> Option<Exchange> {
    let recorded: Value = serde_json::from_str(line).expect("a line of the corpus is JSON");
    let text = |key: &str| recorded[key].as_str().unwrap_or_default().to_owned();
    let (method, path, host) = (text("method"), text("path"), text("host"));
    let route = recognise(method.as_bytes(), path.as_bytes(), host.as_bytes())?;
    let response = match recorded["response_encoding"].as_str() {
        Some("base64") => STANDARD.decode(text("response_body")).expect("base64"),
        _ => text("response_body").into_bytes(),
    };
    Some(Exchange {
        id: text("id"),
        host,
        path,
        api: route.api,
        request: serde_json::from_str(&text("request_body")).unwrap_or_default(),
        status: u16::try_from(recorded["status"].as_u64()?).ok()?,
        content_type: text("content_type"),
        response,
    })
}

impl Exchange {
    /// The documents of the response: one, or one an event.
    pub(crate) fn documents(&self) -> Vec<Value> {
        let parse = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect(&self.id);
        if self.content_type.starts_with("text/event-stream") {
            let text = str::from_utf8(&self.response).unwrap();
            let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
            return data.filter(|data| *data != "[DONE]").map(|data| parse(data.as_bytes())).collect();
        }
        if self.content_type.starts_with("application/vnd.amazon.eventstream") {
            return payloads(&self.response).iter().map(|payload| unwrapped(parse(payload))).collect();
        }
        match parse(&self.response) {
            Value::Array(elements) => elements,
            document => vec![document],
        }
    }
}

/// The payloads of the messages of an event stream; lengths are all that is looked at.
fn payloads(mut stream: &[u8]) -> Vec<Vec<u8>> {
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().unwrap()) as usize;
    let mut found = Vec::new();
    while !stream.is_empty() {
        let (total, headers) = (number(&stream[..4]), number(&stream[4..8]));
        found.push(stream[12 + headers..total - 4].to_vec());
        stream = &stream[total..];
    }
    found
}

/// What InvokeModel's stream wraps.
fn unwrapped(event: Value) -> Value {
    match event["bytes"].as_str() {
        Some(inner) => serde_json::from_slice(&STANDARD.decode(inner).unwrap()).unwrap(),
        None => event,
    }
}
