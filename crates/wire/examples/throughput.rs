//! How fast responses are read, and in how much memory: `cargo run --release -p wire --example throughput`.
//!
//! Beside each, what parsing the same documents into a `serde_json::Value` costs, which needs whole documents. It also
//! runs under wasm (`wasm32-wasip1`, with node's WASI or any other runtime), there without that comparison.

#![allow(clippy::arithmetic_side_effects)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;
use wire::{Api, MeterOptions, ResponseHead, ResponseMeter};

/// Counts what is held, and the most that was.
struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        MOST.fetch_max(HELD.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A response: how it comes, and the documents in it.
struct Response {
    name: &'static str,
    api: Api,
    content_type: &'static str,
    body: Vec<u8>,
    documents: Vec<String>,
    /// Bytes of a chunk; 0 where each document is one.
    chunk: usize,
    strip: bool,
}

const EVENTS: &str = "text/event-stream";
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

const CHAT: &str = r#"{"id":"chatcmpl-E4Rjs6IxaJVge9Ntk5keJsaeDy6vS","object":"chat.completion.chunk","created":1784728648,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_b7faba9ef5","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Lml3uvUFL"}"#;
const RESPONSES: &str = r#"{"type":"response.output_text.delta","sequence_number":12,"item_id":"msg_0a5cbbc0f2f2d2","output_index":0,"content_index":0,"delta":" token","logprobs":[],"obfuscation":"Lml3uvUFL"}"#;
const ANTHROPIC: &str =
    r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" token"}}"#;
const GEMINI: &str = r#"{"candidates": [{"content": {"parts": [{"text": " token"}],"role": "model"},"index": 0}],"usageMetadata": {"promptTokenCount": 18,"candidatesTokenCount": 31,"totalTokenCount": 84,"promptTokensDetails": [{"modality": "TEXT","tokenCount": 18}],"thoughtsTokenCount": 35},"modelVersion": "gemini-2.5-flash","responseId": "ru1garvBEoOiqtsP2fznmQw"}"#;
const CONVERSE: &str = r#"{"contentBlockIndex":0,"delta":{"text":" token"},"p":"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRS"}"#;
const COHERE: &str =
    r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":" token"}}}}"#;
const OLLAMA: &str = r#"{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00","message":{"role":"assistant","content":" token"},"done":false}"#;

fn main() {
    println!(
        "{:34} {:>9} {:>10} {:>7} {:>12} {:>10}",
        "100 events", "bytes", "ns a chunk", "MB/s", "Value's MB/s", "peak bytes"
    );
    for response in streams() {
        measure(&response);
    }
    println!(
        "\n{:34} {:>9} {:>10} {:>7} {:>12} {:>10}",
        "bodies in chunks of 16 KiB", "bytes", "ns a chunk", "MB/s", "Value's MB/s", "peak bytes"
    );
    for response in bodies() {
        measure(&response);
    }
}

fn streams() -> Vec<Response> {
    let events = |name, api, event: &str, chunk, strip| {
        let body = format!("data: {event}\n\n").repeat(100).into_bytes();
        Response {
            name,
            api,
            content_type: EVENTS,
            body,
            documents: vec![event.to_owned(); 100],
            chunk,
            strip,
        }
    };
    let frames = |name, api, payload: &str| {
        let body = frame(payload.as_bytes()).repeat(100);
        let documents = vec![payload.to_owned(); 100];
        Response { name, api, content_type: EVENT_STREAM, body, documents, chunk: 0, strip: false }
    };
    let wrapped = format!(r#"{{"bytes":"{}","p":"abcdefghijklmnop"}}"#, base64(ANTHROPIC.as_bytes()));
    vec![
        events("OpenAI chat", Api::OpenAiChat, CHAT, 0, false),
        events("OpenAI chat, stripping", Api::OpenAiChat, CHAT, 0, true),
        events("OpenAI chat, cut inside, stripping", Api::OpenAiChat, CHAT, 200, true),
        events("OpenAI chat, in one chunk", Api::OpenAiChat, CHAT, usize::MAX, true),
        events("OpenAI responses", Api::OpenAiResponses, RESPONSES, 0, false),
        events("Anthropic messages", Api::AnthropicMessages, ANTHROPIC, 0, false),
        events("Gemini", Api::GeminiGenerate, GEMINI, 0, false),
        frames("Bedrock ConverseStream", Api::BedrockConverse, CONVERSE),
        frames("Bedrock InvokeModel, Anthropic", Api::BedrockInvoke, &wrapped),
        events("Cohere", Api::CohereChatV2, COHERE, 0, false),
        Response {
            name: "Ollama",
            api: Api::OllamaChat,
            content_type: "application/x-ndjson",
            body: format!("{OLLAMA}\n").repeat(100).into_bytes(),
            documents: vec![OLLAMA.to_owned(); 100],
            chunk: 0,
            strip: false,
        },
    ]
}

fn bodies() -> Vec<Response> {
    let usage = r#""usage":{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306}"#;
    let prose = "The quick brown fox jumps over the lazy dog, and nobody was there to count its tokens. ";
    let escaped = r#"fn main() {\n    println!(\"Hello, world\");\n}\n"#;
    let chat = |text: &str, bytes: usize| {
        let content = text.repeat(bytes / text.len());
        format!(
            r#"{{"model":"gpt-4o","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}"}}}}],{usage}}}"#
        )
    };
    let image = "iVBORw0KGgo".repeat(200_000);
    let images = format!(
        r#"{{"created":1,"data":[{{"b64_json":"{image}"}}],"usage":{{"input_tokens":50,"output_tokens":4160,"total_tokens":4210}}}}"#
    );
    let vector = "-0.0068568127,0.022427728,0.000030001,".repeat(512);
    let vector = format!(r#"{{"object":"embedding","embedding":[{}0],"index":0}},"#, vector).repeat(10);
    let embeddings = format!(
        r#"{{"object":"list","data":[{}],"model":"text-embedding-3-small",{usage}}}"#,
        vector.trim_end_matches(',')
    );
    let json = |name, api, body: String| Response {
        name,
        api,
        content_type: JSON,
        body: body.clone().into_bytes(),
        documents: vec![body],
        chunk: 16 * 1024,
        strip: false,
    };
    vec![
        json("a chat of 32 kB", Api::OpenAiChat, chat(prose, 32_000)),
        json("a chat of 32 kB, escaped code", Api::OpenAiChat, chat(escaped, 32_000)),
        json("a chat of 400 kB, counted", Api::OpenAiChat, chat(prose, 400_000)),
        json("an image of 2 MB", Api::OpenAiImages, images),
        json("ten embeddings", Api::OpenAiEmbeddings, embeddings),
    ]
}

fn measure(response: &Response) {
    let Response { name, api, content_type, body, documents, chunk, strip } = response;
    let chunk = if *chunk == 0 { body.len() / documents.len() } else { *chunk };
    let read = || {
        let head = ResponseHead { status: 200, header: &|_| Some(content_type.as_bytes()) };
        let mut meter = ResponseMeter::new(*api, &head, MeterOptions { strip_usage: *strip });
        for piece in body.chunks(chunk) {
            black_box(meter.feed(black_box(piece), false));
        }
        meter.finish();
        assert_eq!(meter.unread_bytes(), 0);
    };
    let before = HELD.load(Relaxed);
    MOST.store(before, Relaxed);
    read();
    let peak = MOST.load(Relaxed) - before;
    let seconds = per_run(read);
    let speed = |seconds: f64| body.len() as f64 / seconds / 1e6;
    println!(
        "{name:34} {:>9} {:>10.0} {:>7.0} {:>12} {peak:>10}",
        body.len(),
        seconds * 1e9 / body.chunks(chunk).count() as f64,
        speed(seconds),
        values(documents).map_or("-".to_owned(), |seconds| format!("{:.0}", speed(seconds))),
    );
}

#[cfg(not(target_arch = "wasm32"))]
fn values(documents: &[String]) -> Option<f64> {
    Some(per_run(|| {
        for document in documents {
            black_box(serde_json::from_str::<serde_json::Value>(black_box(document)).is_ok());
        }
    }))
}

#[cfg(target_arch = "wasm32")]
fn values(_: &[String]) -> Option<f64> {
    None
}

/// A message of an event stream with the headers that Bedrock's have.
fn frame(payload: &[u8]) -> Vec<u8> {
    let headers = b"\x0b:event-type\x07\x00\x11contentBlockDelta\x0d:content-type\x07\x00\x10application/json\x0d:message-type\x07\x00\x05event";
    let mut bytes = ((16 + headers.len() + payload.len()) as u32).to_be_bytes().to_vec();
    bytes.extend((headers.len() as u32).to_be_bytes());
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend(headers);
    bytes.extend(payload);
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut encoded = String::new();
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'A');
            encoded.push(if place > group.len() { '=' } else { char::from(digit) });
        }
    }
    encoded
}

/// Seconds a run: the best of five rounds of at least 50 ms.
fn per_run(mut run: impl FnMut()) -> f64 {
    let mut round = || {
        let (start, mut runs) = (Instant::now(), 0u32);
        while start.elapsed().as_millis() < 50 {
            run();
            runs += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(runs)
    };
    (0..5).map(|_| round()).fold(f64::INFINITY, f64::min)
}
