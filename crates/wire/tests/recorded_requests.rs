//! Recorded traffic of all providers: every request, against an independent reading of it with serde_json, and the
//! bound of its prompt against the provider's own figure.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg(not(target_arch = "wasm32"))]

mod common;

use serde_json::Value;
use std::collections::BTreeMap;
use wire::{Api, Request, Route, recognise};

struct Exchange {
    id: String,
    host: String,
    path: String,
    route: Route,
    body: String,
    status: u64,
    response: Vec<u8>,
}

/// All exchanges with their routes, and the paths of those that have none.
fn exchanges() -> (Vec<Exchange>, Vec<String>) {
    let Some(file) = common::corpus() else {
        println!("skipped: corpus not found");
        return (Vec::new(), Vec::new());
    };
    let lines = std::fs::read_to_string(file).expect("the corpus is readable");
    let (mut calls, mut others) = (Vec::new(), Vec::new());
    for line in lines.lines() {
        let exchange: Value = serde_json::from_str(line).expect("a line of the corpus is JSON");
        let text = |key: &str| exchange[key].as_str().unwrap_or_default().to_owned();
        let (method, path, host) = (text("method"), text("path"), text("host"));
        let Some(route) = recognise(method.as_bytes(), path.as_bytes(), host.as_bytes()) else {
            others.push(path);
            continue;
        };
        assert_ne!(text("request_encoding"), "base64", "a request that is no text");
        let response = text("response_body");
        let response = match text("response_encoding").as_str() {
            "base64" => unbase64(&response),
            _ => response.into_bytes(),
        };
        let status = exchange["status"].as_u64().unwrap();
        calls.push(Exchange {
            id: text("id"),
            host,
            path,
            route,
            body: text("request_body"),
            status,
            response,
        });
    }
    assert!(calls.len() > 400, "the corpus has lost its calls");
    (calls, others)
}

fn unbase64(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0u32, 0);
    for digit in text.bytes().filter_map(|b| ALPHABET.iter().position(|a| *a == b)) {
        bits = bits << 6 | u32::try_from(digit).unwrap();
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xFF).unwrap());
        }
    }
    bytes
}

fn read(exchange: &Exchange) -> Request {
    Request::read(&exchange.route, b"application/json", exchange.body.as_bytes())
        .unwrap_or_else(|e| panic!("{} {}: {e}", exchange.id, exchange.path))
        .unwrap_or_else(|| panic!("{} {}: taken for other traffic", exchange.id, exchange.path))
}

#[test]
fn every_call_is_recognised_and_what_costs_nothing_is_not() {
    let (calls, others) = exchanges();
    let free = ["count_tokens", ":countTokens", "/count-tokens", "/tokenize"];
    for path in others {
        assert!(free.iter().any(|end| path.split('?').next().unwrap().ends_with(end)), "{path}");
    }
    let mut table = BTreeMap::new();
    for exchange in &calls {
        *table
            .entry((exchange.host.clone(), exchange.route.provider, format!("{:?}", exchange.route.api)))
            .or_insert(0) += 1;
        assert!(exchange.route.certain, "{}{}", exchange.host, exchange.path);
    }
    println!("{:45} {:18} {:22} {:>5}", "host", "provider", "format", "calls");
    for ((host, provider, api), calls) in table {
        println!("{host:45} {provider:18} {api:22} {calls:>5}");
    }
}

/// What a body says, found by looking through all of it as a tree.
#[derive(Debug, PartialEq)]
struct Said {
    model: String,
    stream: bool,
    limit: Option<u64>,
    choices: u64,
    tools: usize,
    images: usize,
    audio: usize,
    temperature: Option<f64>,
}

fn said(exchange: &Exchange, body: &Value) -> Said {
    let path = percent_decoded(exchange.path.split('?').next().unwrap());
    let at = |pointer: &str| body.pointer(pointer).cloned().unwrap_or_default();
    let in_path = |start: &str, ends: &[&str]| {
        let from = path.find(start)? + start.len();
        let length = ends.iter().filter_map(|end| path[from..].find(end)).min()?;
        Some(path[from..from + length].to_owned())
    };
    let api = exchange.route.api;
    let model = match api {
        Api::BedrockConverse | Api::BedrockInvoke => in_path("/model/", &["/invoke", "/converse"]),
        Api::GeminiGenerate | Api::GeminiEmbed => {
            in_path("/models/", &[":generate", ":stream", ":batch", ":predict"])
        }
        _ => in_path("/deployments/", &["/"]),
    };
    let limits = [
        "/max_tokens",
        "/max_completion_tokens",
        "/max_output_tokens",
        "/generationConfig/maxOutputTokens",
        "/inferenceConfig/maxTokens",
    ];
    let embeds = matches!(api, Api::OpenAiEmbeddings | Api::GeminiEmbed | Api::CohereEmbed)
        || (api == Api::BedrockInvoke && path.contains("embed"));
    let list = |value: Value| value.as_array().cloned().unwrap_or_default();
    let tools: usize = match api {
        Api::GeminiGenerate => list(at("/tools"))
            .iter()
            .flat_map(|tool| tool.as_object().unwrap().values())
            .map(|value| value.as_array().map_or(1, Vec::len))
            .sum(),
        Api::BedrockConverse => {
            list(at("/toolConfig/tools")).iter().filter(|t| t.get("cachePoint").is_none()).count()
        }
        // What searches for tools have found is on offer, too.
        Api::OpenAiResponses => {
            list(at("/tools")).len()
                + list(at("/input")).iter().map(|item| list(item["tools"].clone()).len()).sum::<usize>()
        }
        _ => list(at("/tools")).len(),
    };
    let (mut images, mut audio) = (0, 0);
    count_media(body, &mut images, &mut audio);
    Said {
        model: model.or(body["model"].as_str().map(str::to_owned)).unwrap_or_default(),
        stream: match api {
            Api::GeminiGenerate | Api::BedrockConverse | Api::BedrockInvoke => path.contains("tream"),
            _ => body["stream"].as_bool().unwrap_or(false),
        },
        limit: if embeds { Some(0) } else { limits.iter().filter_map(|limit| at(limit).as_u64()).max() },
        choices: body["n"].as_u64().unwrap_or(1),
        tools,
        images,
        audio,
        temperature: ["/temperature", "/generationConfig/temperature", "/inferenceConfig/temperature"]
            .iter()
            .find_map(|pointer| at(pointer).as_f64()),
    }
}

/// Images and recordings by the marks that each provider has for them.
fn count_media(value: &Value, images: &mut usize, audio: &mut usize) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| count_media(item, images, audio)),
        Value::Object(members) => {
            let mime =
                ["mimeType", "mime_type"].iter().find_map(|key| members.get(*key)?.as_str()).unwrap_or("");
            let kind = members.get("type").and_then(Value::as_str).unwrap_or("");
            let bedrock = |key: &str| members.get(key).is_some_and(|v| v.get("format").is_some());
            let is_image =
                mime.starts_with("image/") || matches!(kind, "image" | "image_url" | "input_image");
            *images += usize::from(is_image || bedrock("image"));
            *audio += usize::from(mime.starts_with("audio/") || kind == "input_audio");
            for (key, member) in members {
                // What tools were called with may use the same words.
                let arguments = matches!(key.as_str(), "args" | "input" | "arguments" | "response" | "tools");
                if !(arguments && member.is_object()) {
                    count_media(member, images, audio);
                }
            }
        }
        _ => {}
    }
}

fn percent_decoded(path: &str) -> String {
    path.replace("%3A", ":").replace("%2F", "/")
}

#[test]
fn every_request_is_read_as_serde_reads_it() {
    for exchange in exchanges().0 {
        let body: Value = serde_json::from_str(&exchange.body).unwrap();
        let request = read(&exchange);
        let read = Said {
            model: request.model().to_owned(),
            stream: request.stream(),
            limit: request.output_limit(),
            choices: request.choices(),
            tools: request.tools().try_into().unwrap(),
            images: request.images().try_into().unwrap(),
            audio: request.audio().try_into().unwrap(),
            temperature: request.temperature(),
        };
        assert_eq!(read, said(&exchange, &body), "{} {}", exchange.id, exchange.path);
        assert_eq!(
            request.include_usage(),
            body["stream_options"]["include_usage"].as_bool().unwrap_or(false),
            "{}",
            exchange.id
        );
    }
}

/// The prompt's tokens as the provider gives them, cached ones included: the last figure in the response.
fn reported(exchange: &Exchange) -> Option<u64> {
    let response = String::from_utf8_lossy(&exchange.response);
    let values: Vec<Value> = match serde_json::from_str(&response) {
        Ok(value) => vec![value],
        Err(_) if response.contains("data:") => response
            .lines()
            .filter_map(|line| serde_json::from_str(line.strip_prefix("data:")?.trim()).ok())
            .collect(),
        // An event stream of Bedrock's: its messages are JSON between binary headers.
        Err(_) => response
            .match_indices("{\"")
            .filter_map(|(at, _)| {
                serde_json::Deserializer::from_str(&response[at..]).into_iter().next()?.ok()
            })
            .collect(),
    };
    let figure = |value: &Value, names: &[&str]| names.iter().find_map(|name| value.pointer(name)?.as_f64());
    let found = values.iter().rev().find_map(|value| match exchange.route.api {
        Api::AnthropicMessages | Api::BedrockInvoke => {
            let usage = [&value["usage"], &value["message"]["usage"]]
                .into_iter()
                .find(|u| u["input_tokens"].is_u64());
            let sum = |usage: &Value| {
                ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens"]
                    .iter()
                    .map(|name| usage[*name].as_f64().unwrap_or(0.0))
                    .sum()
            };
            usage
                .map(sum)
                .or_else(|| figure(value, &["/inputTextTokenCount", "/meta/billed_units/input_tokens"]))
        }
        Api::BedrockConverse => {
            let usage = &value["usage"];
            usage["inputTokens"].as_f64().map(|input| {
                input
                    + usage["cacheReadInputTokens"].as_f64().unwrap_or(0.0)
                    + usage["cacheWriteInputTokens"].as_f64().unwrap_or(0.0)
            })
        }
        Api::GeminiGenerate | Api::GeminiEmbed => figure(
            value,
            &["/usageMetadata/promptTokenCount", "/predictions/0/embeddings/statistics/token_count"],
        ),
        _ => figure(
            value,
            &[
                "/usage/prompt_tokens",
                "/usage/input_tokens",
                "/response/usage/input_tokens",
                "/x_groq/usage/prompt_tokens",
                "/usage/tokens/input_tokens",
                "/usage/billed_units/input_tokens",
                "/delta/usage/tokens/input_tokens",
                "/meta/billed_units/input_tokens",
            ],
        ),
    });
    found.map(|tokens| tokens as u64)
}

/// Whether the provider put something before the model that is not in the request: what it found in a search, read
/// from an address, ran, or what its own tools said on the way. Nobody can bound that before.
fn had_help(exchange: &Exchange) -> bool {
    let (request, response) = (&exchange.body, String::from_utf8_lossy(&exchange.response));
    let body: Value = serde_json::from_str(request).unwrap();
    let hosted = |tool: &Value| {
        tool["type"].as_str().is_some_and(|kind| !matches!(kind, "function" | "custom"))
            || tool["googleSearch"].is_object()
    };
    let offers = body["tools"].as_array().is_some_and(|tools| tools.iter().any(hosted));
    let used = [
        "server_tool_use",
        "web_search_call",
        "mcp_call",
        "code_interpreter_call",
        "file_search_call",
        "toolUsePrompt",
    ];
    // A model of Groq's that searches by itself.
    body["model"].as_str().is_some_and(|model| model.starts_with("compound"))
        || body["web_search_options"].is_object()
        || (offers && used.iter().any(|mark| response.contains(mark)))
}

#[test]
fn the_bound_holds_for_every_provider() {
    let mut table: BTreeMap<(String, &str), [u64; 3]> = BTreeMap::new();
    let mut wrong = Vec::new();
    for exchange in exchanges().0 {
        let request = read(&exchange);
        let Some(reported) = reported(&exchange).filter(|tokens| *tokens > 0) else {
            if exchange.status == 200 {
                table.entry((exchange.host.clone(), "no figure")).or_default()[0] += 1;
            }
            continue;
        };
        let bound = request.prompt_bound();
        let row = if had_help(&exchange) { "with help" } else { "bounded" };
        let [calls, above, slack] = table.entry((exchange.host.clone(), row)).or_default();
        *calls += 1;
        *slack = (*slack).max(bound / reported);
        if bound < reported {
            *above += 1;
            let note = format!(
                "{} {} {}: bound {bound}, {reported} reported",
                exchange.id,
                exchange.host,
                request.model()
            );
            println!("{row}: {note}");
            if row == "bounded" {
                wrong.push(note);
            }
        }
    }
    println!("{:45} {:10} {:>6} {:>6} {:>10}", "host", "", "calls", "above", "bound at most");
    for ((host, row), [calls, above, slack]) in table {
        println!("{host:45} {row:10} {calls:>6} {above:>6} {slack:>9}x");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
