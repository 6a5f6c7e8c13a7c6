//! Recorded traffic: every exchange in the shape of OpenAI's chat completions, against an independent reading of it.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg(not(target_arch = "wasm32"))]

use serde_json::Value;
mod common;

use common::{EVENTS, JSON, chat_meter, read_chat};
use tokens::{Cache, Known, Model};
use wire::{Api, Passed, ResponseMeter, recognise};

struct Exchange {
    id: String,
    host: String,
    request: String,
    kind: &'static str,
    response: String,
}

fn exchanges() -> Vec<Exchange> {
    let Some(file) = common::corpus() else {
        println!("skipped: corpus not found");
        return Vec::new();
    };
    let lines = std::fs::read_to_string(file).expect("the corpus is readable");
    let text = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let found: Vec<Exchange> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line of the corpus is JSON"))
        .filter(|e| {
            let (method, path, host) = (text(e, "method"), text(e, "path"), text(e, "host"));
            let route = recognise(method.as_bytes(), path.as_bytes(), host.as_bytes());
            route.is_some_and(|route| route.api == Api::OpenAiChat)
        })
        .map(|e| Exchange {
            id: text(&e, "id"),
            host: text(&e, "host"),
            request: text(&e, "request_body"),
            kind: if text(&e, "content_type").starts_with("text/event-stream") { EVENTS } else { JSON },
            response: text(&e, "response_body"),
        })
        .collect();
    assert!(found.len() > 100, "the corpus has lost its chat completions");
    found
}

/// The JSON values of a response: one, or one an event.
fn values(exchange: &Exchange) -> Vec<Value> {
    let parse = |text: &str| serde_json::from_str(text).expect(&exchange.id);
    match exchange.kind {
        JSON => vec![parse(&exchange.response)],
        _ => exchange
            .response
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(str::trim)
            .filter(|data| *data != "[DONE]")
            .map(parse)
            .collect(),
    }
}

/// The last usage object anywhere it is known to be.
fn reported(values: &[Value]) -> Option<Value> {
    values
        .iter()
        .flat_map(|value| [&value["usage"], &value["x_groq"]["usage"]])
        .rfind(|usage| usage["prompt_tokens"].is_u64())
        .cloned()
}

fn metered(exchange: &Exchange, chunk: usize, strip: bool) -> (ResponseMeter, Vec<u8>) {
    let mut meter = chat_meter(exchange.kind, strip);
    let mut client = Vec::new();
    for piece in exchange.response.as_bytes().chunks(chunk) {
        match meter.feed(piece, false) {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend(bytes),
        }
    }
    client.extend(meter.release());
    (meter, client)
}

#[test]
fn stripping_takes_out_the_usage_chunk_and_nothing_else_in_any_split() {
    for exchange in exchanges().iter().filter(|e| e.kind == EVENTS) {
        let expected: String = exchange
            .response
            .split_inclusive("\n\n")
            .filter(|event| {
                let data =
                    event.trim().strip_prefix("data:").and_then(|d| serde_json::from_str::<Value>(d).ok());
                !data.is_some_and(|v| {
                    v["choices"].as_array().is_some_and(Vec::is_empty) && v["usage"].is_object()
                })
            })
            .collect();
        for chunk in [usize::MAX, 1, 2, 3, 61, 1000, 4096] {
            let (_, client) = metered(exchange, chunk, true);
            assert_eq!(String::from_utf8(client).unwrap(), expected, "{} in chunks of {chunk}", exchange.id);
        }
    }
}

#[test]
fn every_request_is_read_as_serde_reads_it() {
    for exchange in exchanges() {
        let body: Value = serde_json::from_str(&exchange.request).unwrap();
        let request =
            read_chat(exchange.request.as_bytes()).unwrap_or_else(|e| panic!("{}: {e}", exchange.id));
        assert_eq!(Some(request.model()), body["model"].as_str());
        assert_eq!(request.stream(), body["stream"].as_bool().unwrap_or(false));
        assert_eq!(
            request.include_usage(),
            body["stream_options"]["include_usage"].as_bool().unwrap_or(false)
        );
        assert_eq!(
            request.output_limit(),
            body["max_completion_tokens"].as_u64().or(body["max_tokens"].as_u64())
        );
        assert_eq!(request.choices(), body["n"].as_u64().unwrap_or(1));
    }
}

/// Counts against the provider's own `prompt_tokens` and `completion_tokens`. A count that calls itself exact must
/// be: for models whose encoding is known, on OpenAI's own hosts. The bound must hold there for every request.
#[test]
fn exact_counts_are_the_providers_figures_and_the_bound_holds() {
    let (mut prompts, mut outputs) = ([0u32; 3], [0u32; 3]);
    let mut wrong = Vec::new();
    for exchange in exchanges() {
        let request = read_chat(exchange.request.as_bytes()).unwrap();
        let Model { encoding, known, .. } = Model::of(request.model());
        let Some(usage) = reported(&values(&exchange)) else { continue };
        let openai = exchange.host.ends_with("openai.com") || exchange.host.ends_with("azure.com");
        if !openai || known != Known::Exact {
            continue;
        }
        let prompt = usage["prompt_tokens"].as_u64().unwrap();
        let count =
            request.count_prompt(exchange.request.as_bytes(), &Model::of(request.model()), &mut Cache::new());
        let (counted, request_is_exact, bound) = (count.tokens(), count.exact, request.prompt_bound());
        if bound < prompt || bound < counted {
            wrong.push(format!("{}: bound {bound}, {prompt} reported, {counted} counted", exchange.id));
        }
        tally(&mut prompts, request_is_exact, counted == prompt);
        if counted != prompt {
            let note = format!("{} {}: prompt {counted} for {prompt}", exchange.id, request.model());
            println!("{note}, bound {bound}");
            if request_is_exact {
                wrong.push(note);
            }
        }
        let output = usage["completion_tokens"].as_u64().unwrap();
        let (meter, _) = metered(&exchange, 50, false);
        let counted = meter.count_output(encoding);
        tally(&mut outputs, counted.exact, counted.tokens == output);
        if counted.exact && request_is_exact && counted.tokens != output {
            wrong.push(format!("{}: output {} for {output}", exchange.id, counted.tokens));
        }
        if counted.tokens != output {
            println!(
                "{} {}: output {} for {output}, exact {}",
                exchange.id,
                request.model(),
                counted.tokens,
                counted.exact
            );
        }
    }
    let table = [("prompts", prompts), ("outputs", outputs)];
    for (what, [exact, estimated_right, estimated]) in table {
        println!(
            "{what}: {exact} counted exactly; {estimated_right} of {estimated} estimates are the provider's figure"
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn tally([exact, right, estimated]: &mut [u32; 3], is_exact: bool, is_right: bool) {
    if is_exact && is_right {
        *exact += 1;
    } else {
        *estimated += 1;
        *right += u32::from(is_right);
    }
}
