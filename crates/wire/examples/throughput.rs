//! How fast bodies and events are read: `cargo run --release -p wire --example throughput`. It also runs under wasm
//! (`wasm32-wasip1`, with node's WASI or any other runtime).

#![allow(clippy::arithmetic_side_effects)]

use std::hint::black_box;
use std::time::Instant;
use wire::{Api, MeterOptions, Request, ResponseHead, ResponseMeter, Route};

fn main() {
    let prose = "The quick brown fox jumps over the lazy dog, and nobody was there to count its tokens. ";
    let escaped = "fn main() {\\n    println!(\\\"Hello, world\\\");\\n}\\n";
    let route = Route::forced(Api::OpenAiChat, b"", b"");
    println!("{:28} {:>10} {:>12} {:>10}", "request", "bytes", "µs a body", "MB/s");
    for (name, text, bytes) in [
        ("prose", prose, 300),
        ("prose", prose, 2_000),
        ("prose", prose, 32_000),
        ("prose", prose, 400_000),
        ("prose", prose, 5_000_000),
        ("escaped code", escaped, 400_000),
        ("日本語", "これは日本語の文章です。", 400_000),
    ] {
        let body = request(text, bytes);
        let seconds = per_run(|| {
            black_box(Request::read(&route, b"", black_box(body.as_bytes())).is_ok());
        });
        report(name, body.len(), seconds);
    }

    println!("\n{:28} {:>10} {:>12} {:>10}", "stream of 100 events", "bytes", "ns an event", "MB/s");
    let event = r#"data: {"id":"chatcmpl-E4Rjs6IxaJVge9Ntk5keJsaeDy6vS","object":"chat.completion.chunk","created":1784728648,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_b7faba9ef5","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"Lml3uvUFL"}"#;
    let stream = format!("{event}\n\n").repeat(100);
    for (name, chunk, strip) in [
        ("an event a chunk", stream.len() / 100, false),
        ("an event a chunk, stripping", stream.len() / 100, true),
        ("cut inside events, stripping", 200, true),
        ("whole", stream.len(), true),
    ] {
        let seconds = per_run(|| {
            let head = ResponseHead { status: 200, header: &|_| Some(b"text/event-stream") };
            let mut meter = ResponseMeter::new(Api::OpenAiChat, &head, MeterOptions { strip_usage: strip });
            for piece in stream.as_bytes().chunks(chunk) {
                black_box(meter.feed(black_box(piece), false));
            }
            black_box(meter.output_chunks());
        });
        println!(
            "{name:28} {:>10} {:>12.0} {:>10.0}",
            stream.len(),
            seconds * 1e7,
            stream.len() as f64 / seconds / 1e6
        );
    }
}

fn request(text: &str, bytes: usize) -> String {
    let content = text.repeat(bytes / text.len() + 1);
    format!(
        r#"{{"model":"gpt-4o","stream":true,"temperature":0.2,"messages":[{{"role":"system","content":"Be brief."}},{{"role":"user","content":"{content}"}}]}}"#
    )
}

fn report(name: &str, bytes: usize, seconds: f64) {
    println!("{name:28} {bytes:>10} {:>12.2} {:>10.0}", seconds * 1e6, bytes as f64 / seconds / 1e6);
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
