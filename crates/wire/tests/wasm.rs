//! The figures and the bytes under wasm are those of the native tests.
#![cfg(target_arch = "wasm32")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{EVENTS, JSON, chat_meter, figures, read_chat};
use tokens::{Cache, Model, Usage};
use wasm_bindgen_test::wasm_bindgen_test;
use wire::{Passed, Request, Rewrite, recognise};

const CONTENT: &str = "data: {\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"wörld 日本\"}}],\"usage\":null}\r\n\r\n";
const USAGE: &str = "data: {\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":2006,\"completion_tokens\":300,\"total_tokens\":2306,\"prompt_tokens_details\":{\"cached_tokens\":1920},\"completion_tokens_details\":{\"reasoning_tokens\":192}}}\r\n\r\n";
const DONE: &str = "data: [DONE]\r\n\r\n";

#[wasm_bindgen_test]
fn any_cut_of_a_stream_gives_the_same_usage_count_and_bytes() {
    let stream = [CONTENT, USAGE, DONE].concat();
    for cut in 0..=stream.len() {
        let mut meter = chat_meter(EVENTS, true);
        let mut client = Vec::new();
        let (a, b) = stream.as_bytes().split_at(cut);
        for (piece, end) in [(a, false), (b, true)] {
            match meter.feed(piece, end) {
                Passed::Untouched => client.extend_from_slice(piece),
                Passed::Replaced(bytes) => client.extend(bytes),
            }
        }
        assert_eq!(client, [CONTENT, DONE].concat().as_bytes(), "cut at {cut}");
        let expected = Usage {
            uncached_input: 86,
            cache_read: 1920,
            output_visible: 108,
            reasoning: 192,
            ..Usage::default()
        };
        assert_eq!(figures(&meter), Some(expected), "cut at {cut}");
        assert_eq!(meter.output_chunks(), 1);
    }
}

#[wasm_bindgen_test]
fn a_request_is_read_counted_and_rewritten() {
    let body = br#"{"model":"gpt-4o","messages":[{"role":"user","content":"What is the capital of France?"}],"stream":true,"max_tokens":500}"#;
    let request = read_chat(body).unwrap();
    assert_eq!((request.model(), request.stream(), request.output_limit()), ("gpt-4o", true, Some(500)));
    // OpenAI reported 14 prompt tokens for this message.
    let counted = request.count_prompt(body, &Model::of("gpt-4o"), &mut Cache::new());
    assert_eq!((counted.tokens(), counted.exact), (14, true));
    let changed = request
        .rewrite(body, &Rewrite { include_usage: true, output_limit: Some(50), model: None, trim: None })
        .unwrap();
    assert_eq!(
        changed,
        br#"{"stream_options":{"include_usage":true},"model":"gpt-4o","messages":[{"role":"user","content":"What is the capital of France?"}],"stream":true,"max_tokens":50}"#
    );
}

#[wasm_bindgen_test]
fn requests_of_other_providers_are_read_and_rewritten() {
    for (path, body, limit, changed) in [
        (
            "/v1/messages",
            r#"{"model":"m","messages":[],"max_tokens":9}"#,
            9,
            r#"{"model":"m","messages":[],"max_tokens":5}"#,
        ),
        (
            "/v1beta/models/m:generateContent",
            r#"{"generationConfig":{"maxOutputTokens": 8},"contents":[]}"#,
            8,
            r#"{"generationConfig":{"maxOutputTokens": 5},"contents":[]}"#,
        ),
        (
            "/model/arn%3Ax%2Fm/converse",
            r#"{"messages":[],"inferenceConfig":{"maxTokens":7}}"#,
            7,
            r#"{"messages":[],"inferenceConfig":{"maxTokens":5}}"#,
        ),
    ] {
        let route = recognise(b"POST", path.as_bytes(), b"").unwrap();
        let request = Request::read(&route, b"", body.as_bytes()).unwrap().unwrap();
        assert_eq!(request.output_limit(), Some(limit));
        let edits = Rewrite { output_limit: Some(5), ..Rewrite::default() };
        assert_eq!(request.rewrite(body.as_bytes(), &edits).unwrap(), changed.as_bytes());
    }
}

#[wasm_bindgen_test]
fn hostile_bodies_are_refused_not_trapped() {
    for body in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000), "\"\\".repeat(1000), String::new()] {
        assert!(read_chat(body.as_bytes()).is_err());
        let mut meter = chat_meter(JSON, false);
        meter.feed(body.as_bytes(), true);
        assert_eq!(figures(&meter), None);
    }
}
