//! What reading a request costs, beside a tree of it: `cargo run --release -p wire --example requests`. It also runs
//! under wasm (`wasm32-wasip1`, with node's WASI or any other runtime).

#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::Instant;
use wire::{Pointer, Request, Rewrite, Route, read_pointers, recognise};

const PROSE: &str =
    "The quick brown fox jumps over the lazy dog, and nobody was there to count its tokens.\\n";

fn main() {
    println!(
        "{:26} {:>8} {:>9} {:>9} {:>9} {:>9} {:>12}",
        "µs a body", "bytes", "read", "rewrite", "pointer", "MB/s read", "serde Value"
    );
    for bytes in [2_000, 32_000, 400_000] {
        for (path, body) in bodies(bytes) {
            let route = recognise(b"POST", path.as_bytes(), b"").unwrap();
            measure(path, &route, &body);
        }
    }
}

fn measure(path: &str, route: &Route, body: &str) {
    let bytes = body.as_bytes();
    let read = per_run(|| drop(black_box(Request::read(route, b"", black_box(bytes)).unwrap())));
    let request = Request::read(route, b"", bytes).unwrap().unwrap();
    let edits = Rewrite { include_usage: true, output_limit: Some(100), ..Rewrite::default() };
    let rewrite = per_run(|| drop(black_box(request.rewrite(black_box(bytes), &edits))));
    let pointers = [Pointer::parse("/metadata/user_id").unwrap()];
    let pointer = per_run(|| drop(black_box(read_pointers(black_box(bytes), &pointers))));
    #[cfg(not(target_arch = "wasm32"))]
    let tree =
        per_run(|| drop(black_box(serde_json::from_slice::<serde_json::Value>(black_box(bytes)).unwrap())));
    #[cfg(target_arch = "wasm32")]
    let tree = f64::NAN;
    let name: String = path.chars().rev().take(26).collect::<Vec<_>>().into_iter().rev().collect();
    println!(
        "{name:26} {:>8} {:>9.2} {:>9.2} {:>9.2} {:>9.0} {:>12.2}",
        bytes.len(),
        read * 1e6,
        rewrite * 1e6,
        pointer * 1e6,
        bytes.len() as f64 / read / 1e6,
        tree * 1e6
    );
}

/// Conversations of several turns with a tool, about so many bytes long, in each provider's format.
fn bodies(bytes: usize) -> Vec<(&'static str, String)> {
    let turns = 10;
    let text = PROSE.repeat((bytes / turns / PROSE.len()).max(1));
    let join = |user: &str, model: &str| {
        let pair = format!("{},{}", user.replace("TEXT", &text), model.replace("TEXT", &text));
        vec![pair; turns / 2].join(",")
    };
    let schema = r#"{"type":"object","properties":{"city":{"type":"string","description":"A city."}}}"#;
    vec![
        (
            "/v1/chat/completions",
            format!(
                r#"{{"model":"gpt-4o","stream":true,"temperature":0.2,"tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}],"messages":[{}]}}"#,
                join(r#"{"role":"user","content":"TEXT"}"#, r#"{"role":"assistant","content":"TEXT"}"#)
            ),
        ),
        (
            "/v1/responses",
            format!(
                r#"{{"model":"gpt-5","stream":true,"input":[{}]}}"#,
                join(
                    r#"{"role":"user","content":[{"type":"input_text","text":"TEXT"}]}"#,
                    r#"{"role":"assistant","content":[{"type":"output_text","text":"TEXT"}]}"#
                )
            ),
        ),
        (
            "/v1/messages",
            format!(
                r#"{{"model":"claude-sonnet-4-5","max_tokens":1024,"tools":[{{"name":"f","input_schema":{schema}}}],"messages":[{}]}}"#,
                join(
                    r#"{"role":"user","content":[{"type":"text","text":"TEXT"}]}"#,
                    r#"{"role":"assistant","content":[{"type":"text","text":"TEXT"}]}"#
                )
            ),
        ),
        (
            "/models/m:generateContent",
            format!(
                r#"{{"contents":[{}],"generationConfig":{{"temperature":1}}}}"#,
                join(
                    r#"{"role":"user","parts":[{"text":"TEXT"}]}"#,
                    r#"{"role":"model","parts":[{"text":"TEXT"}]}"#
                )
            ),
        ),
        (
            "/model/m/converse",
            format!(
                r#"{{"messages":[{}],"inferenceConfig":{{"temperature":1}}}}"#,
                join(
                    r#"{"role":"user","content":[{"text":"TEXT"}]}"#,
                    r#"{"role":"assistant","content":[{"text":"TEXT"}]}"#
                )
            ),
        ),
    ]
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
