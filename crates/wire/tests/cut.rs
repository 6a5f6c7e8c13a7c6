//! Streams that are ended early: after any unit, in any split, the client gets a whole stream of its provider's that
//! says it came to its output limit.

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

use common::meter;
use proptest::prelude::*;
use serde_json::Value;
use tokens::Usage;
use wire::{Api, CutOff, FinishReason, LastWords, Passed, ResponseHead, recognise};

const EVENTS: &str = "text/event-stream";
const LINES: &str = "application/x-ndjson";
const BINARY: &str = "application/vnd.amazon.eventstream";

const LAST: LastWords = LastWords {
    usage: Usage {
        uncached_input: 17,
        cache_read: 4,
        cache_write_5m: 0,
        cache_write_1h: 0,
        audio_in: 0,
        image_in: 0,
        output_visible: 5,
        reasoning: 2,
        audio_out: 0,
    },
    include_usage: true,
};

fn cut_off(api: Api, content_type: &str) -> Option<CutOff> {
    let header = |name: &str| (name == "content-type").then_some(content_type.as_bytes());
    CutOff::new(api, &ResponseHead { status: 200, header: &header })
}

/// The first `units` of a stream that comes in pieces, and what ends it there.
fn cut(
    api: Api,
    content_type: &str,
    stream: &[u8],
    units: usize,
    piece: usize,
) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut cut = cut_off(api, content_type).unwrap();
    let (mut passed, mut seen) = (Vec::new(), 0);
    for mut piece in stream.chunks(piece) {
        while let Some(taken) = cut.next(piece) {
            passed.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            seen += 1;
            if seen == units {
                let ending = cut.ending(&LAST);
                return (passed, ending);
            }
        }
        passed.extend_from_slice(piece);
    }
    (passed, None)
}

/// Cuts after every unit; returns how many of them could be.
fn cut_everywhere(name: &str, api: Api, content_type: &str, stream: &[u8]) -> usize {
    let mut cuts = 0;
    for units in 1.. {
        let (mut passed, ending) = cut(api, content_type, stream, units, usize::MAX);
        assert!(stream.starts_with(&passed), "{name}");
        if passed.len() == stream.len() {
            assert_eq!(ending, None, "{name}: nothing ends what is over");
            return cuts;
        }
        for piece in [1, 7, 1000] {
            let in_pieces = cut(api, content_type, stream, units, piece);
            assert!((&in_pieces.0, &in_pieces.1) == (&passed, &ending), "{name}: {units} units in pieces");
        }
        let Some(ending) = ending else { continue };
        cuts += 1;
        passed.extend_from_slice(&ending);
        let mut whole = meter(api, content_type, false);
        assert_eq!(whole.feed(&passed, true), Passed::Untouched);
        assert_eq!(whole.finish_reason(), Some(FinishReason::Length), "{name}: after {units} units");
        assert!(!whole.error_seen() && !whole.is_truncated(), "{name}: after {units} units");
        assert_eq!(whole.unread_bytes(), 0, "{name}: after {units} units");
        let usage = whole.usage().unwrap_or_else(|| panic!("{name}: no usage after {units} units"));
        assert!(usage.complete, "{name}: after {units} units");
        assert_eq!(usage.usage.output(), LAST.usage.output(), "{name}: after {units} units");
    }
    cuts
}

#[test]
fn recorded_streams_can_be_ended_after_any_event() {
    let Some(file) = common::corpus() else { return println!("skipped: corpus not found") };
    let mut streams = std::collections::BTreeMap::<String, (usize, usize)>::new();
    for line in std::fs::read_to_string(file).unwrap().lines() {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| exchange[key].as_str().unwrap_or_default();
        let route = recognise(text("method").as_bytes(), text("path").as_bytes(), text("host").as_bytes());
        let (Some(route), 200) = (route, exchange["status"].as_u64().unwrap()) else { continue };
        let mut body = text("response_body").as_bytes().to_vec();
        if text("response_encoding") == "base64" {
            body = decoded(text("response_body"));
        }
        // A short one is cut everywhere; this is quadratic.
        if cut_off(route.api, text("content_type")).is_none()
            || text("content_type") == "application/json"
            || body.len() > 40_000
        {
            continue;
        }
        let cuts = cut_everywhere(text("id"), route.api, text("content_type"), &body);
        let seen = streams.entry(format!("{:?}", route.api)).or_default();
        *seen = (seen.0 + 1, seen.1 + cuts);
    }
    println!("streams and cuts by format: {streams:?}");
    for api in ["OpenAiChat", "OpenAiResponses", "AnthropicMessages", "GeminiGenerate", "BedrockConverse"] {
        assert!(streams[api].1 > 10, "{api}: {streams:?}");
    }
}

fn decoded(base64: &str) -> Vec<u8> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let digits: Vec<u32> = base64.bytes().filter_map(digit).map(u32::from).collect();
    digits
        .chunks(4)
        .flat_map(|four| {
            let bits = four.iter().fold(0, |bits, digit| bits << 6 | digit) << (6 * (4 - four.len()));
            bits.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect()
}

fn events(data: &[&str]) -> Vec<u8> {
    data.iter().map(|data| format!("data: {data}\n\n")).collect::<String>().into_bytes()
}

#[test]
fn formats_that_were_not_recorded_are_ended_as_documented() {
    let cases: [(Api, &str, Vec<u8>, usize); 7] = [
        (
            Api::OpenAiCompletions,
            EVENTS,
            events(&[
                r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"gpt-3.5-turbo-instruct","choices":[{"text":"One","index":0,"logprobs":null,"finish_reason":null}]}"#,
                r#"{"id":"cmpl-1","object":"text_completion","created":1,"model":"gpt-3.5-turbo-instruct","choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}"#,
                "[DONE]",
            ]),
            1,
        ),
        (
            Api::CohereChatV2,
            EVENTS,
            events(&[
                r#"{"type":"message-start","id":"m","delta":{"message":{"role":"assistant","content":[]}}}"#,
                r#"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#,
                r#"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#,
                r#"{"type":"content-end","index":0}"#,
                r#"{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":1}}}}"#,
                "[DONE]",
            ]),
            4,
        ),
        (
            Api::CohereChatV1,
            "application/stream+json",
            [
                r#"{"is_finished":false,"event_type":"stream-start","generation_id":"g"}"#,
                r#"{"is_finished":false,"event_type":"text-generation","text":"Hi"}"#,
                r#"{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"text":"Hi","meta":{"billed_units":{"input_tokens":1,"output_tokens":1}}}}"#,
                "",
            ]
            .join("\n")
            .into_bytes(),
            2,
        ),
        (
            Api::OllamaChat,
            LINES,
            [
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","message":{"role":"assistant","content":"Hi"},"done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:01Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}"#,
                "",
            ]
            .join("\n")
            .into_bytes(),
            1,
        ),
        (
            Api::OllamaGenerate,
            LINES,
            [
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:00Z","response":"Hi","done":false}"#,
                r#"{"model":"llama3.2","created_at":"2026-11-24T10:00:01Z","response":"","done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}"#,
                "",
            ]
            .join("\n")
            .into_bytes(),
            1,
        ),
        (
            Api::GeminiGenerate,
            "application/json; charset=UTF-8",
            br#"[{"candidates":[{"content":{"parts":[{"text":"[{\"1\"}]"}],"role":"model"},"index":0}],"modelVersion":"gemini-2.5-pro"}
,
{"candidates":[{"content":{"parts":[{"text":"2"}],"role":"model"},"index":0}]}
,
{"candidates":[{"content":{"parts":[{"text":"3"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":3,"totalTokenCount":4}}
]"#
            .to_vec(),
            2,
        ),
        (
            Api::OpenAiChat,
            EVENTS,
            // Two choices; one is over before the other.
            events(&[
                r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"role":"assistant","content":"a"},"finish_reason":null}]}"#,
                r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":1,"delta":{"role":"assistant","content":"b"},"finish_reason":null}]}"#,
                r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
                r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}"#,
                "[DONE]",
            ]),
            3,
        ),
    ];
    for (api, content_type, stream, cuts) in cases {
        assert_eq!(cut_everywhere(api.name(), api, content_type, &stream), cuts, "{api:?}");
    }
}

#[test]
fn the_last_events_are_the_providers_own() {
    let ending = |api, content_type, stream: &[u8], units| {
        let (_, ending) = cut(api, content_type, stream, units, usize::MAX);
        String::from_utf8(ending.unwrap()).unwrap()
    };
    let stream = events(&[
        r#"{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","content":[],"model":"claude","usage":{"input_tokens":9,"output_tokens":1}}}"#,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#,
        r#"{"type":"ping"}"#,
    ]);
    assert_eq!(
        ending(Api::AnthropicMessages, EVENTS, &stream, 3),
        concat!(
            "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
            "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",",
            "\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}\n\n",
            "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        )
    );
    let stream = events(&[
        r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
    ]);
    assert_eq!(
        ending(Api::OpenAiChat, EVENTS, &stream, 1),
        concat!(
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}]}"#,
            "\n\n",
            r#"data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":7,"total_tokens":28,"prompt_tokens_details":{"cached_tokens":4},"completion_tokens_details":{"reasoning_tokens":2}}}"#,
            "\n\ndata: [DONE]\n\n",
        )
    );
}

#[test]
fn invoke_models_chunks_are_ended_as_the_model_within_would() {
    let inner = [
        (
            r#"{"type":"message_start","message":{"id":"m","usage":{"input_tokens":9,"output_tokens":1}}}"#,
            "message_stop",
        ),
        (r#"{"messageStart":{"role":"assistant"}}"#, "metadata"),
        (
            r#"{"generation":"Hi","prompt_token_count":9,"generation_token_count":1,"stop_reason":null}"#,
            "generation",
        ),
        (r#"{"outputs":[{"text":"Hi","stop_reason":null}]}"#, "outputs"),
        (
            r#"{"outputText":"Hi","index":0,"totalOutputTextTokenCount":null,"completionReason":null}"#,
            "outputText",
        ),
        (
            r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-oss","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#,
            "chat.completion.chunk",
        ),
    ];
    for (inner, last) in inner {
        let stream = message("chunk", &format!("{{\"bytes\":\"{}\"}}", encoded(inner.as_bytes())));
        let (mut passed, ending) = cut(Api::BedrockInvoke, BINARY, &stream, 1, usize::MAX);
        let ending = ending.unwrap_or_else(|| panic!("{inner}"));
        passed.extend_from_slice(&ending);
        let mut whole = meter(Api::BedrockInvoke, BINARY, false);
        assert_eq!(whole.feed(&passed, true), Passed::Untouched);
        assert_eq!((whole.unread_bytes(), whole.is_truncated()), (0, false), "{inner}");
        let usage = whole.usage().unwrap_or_else(|| panic!("no usage: {inner}")).usage;
        // Anthropic's first event has the prompt's figures already.
        let input = if last == "message_stop" { 9 } else { 21 };
        assert_eq!((usage.input(), usage.output()), (input, 7), "{inner}");
        // The last chunk, decoded.
        let text = String::from_utf8_lossy(&ending).into_owned();
        let start = text.rfind("\"bytes\":\"").unwrap() + 9;
        let base64 = text[start..].split('"').next().unwrap();
        let said: Value = serde_json::from_slice(&decoded(base64)).unwrap();
        assert!(said.to_string().contains(last), "{said}");
        assert_eq!(said["amazon-bedrock-invocationMetrics"]["outputTokenCount"], 7, "{said}");
    }
}

/// A message of AWS's event stream, written from its specification; CRC-32 bit by bit.
fn message(event: &str, payload: &str) -> Vec<u8> {
    let crc = |bytes: &[u8]| {
        let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        !bytes.iter().fold(!0u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
    };
    let headers = [&[11u8], b":event-type".as_slice(), &[7, 0, event.len() as u8], event.as_bytes()].concat();
    let total = (16 + headers.len() + payload.len()) as u32;
    let mut message = [total.to_be_bytes(), (headers.len() as u32).to_be_bytes()].concat();
    message.extend(crc(&message).to_be_bytes());
    message.extend([headers.as_slice(), payload.as_bytes()].concat());
    message.extend(crc(&message).to_be_bytes());
    message
}

fn encoded(bytes: &[u8]) -> String {
    let digits: Vec<char> = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['+', '/']).collect();
    let mut bits: Vec<u8> =
        bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    bits.resize(bits.len().div_ceil(6) * 6, 0);
    let mut text: String =
        bits.chunks(6).map(|six| digits[six.iter().fold(0, |n, bit| n << 1 | usize::from(*bit))]).collect();
    text.extend(std::iter::repeat_n('=', (4 - text.len() % 4) % 4));
    text
}

#[test]
fn what_is_no_stream_or_not_begun_is_not_ended() {
    assert!(cut_off(Api::OpenAiChat, "application/json").is_none());
    assert!(cut_off(Api::OpenAiEmbeddings, EVENTS).is_none());
    for api in [Api::OpenAiChat, Api::OpenAiResponses, Api::AnthropicMessages, Api::CohereChatV2] {
        let (_, ending) = cut(api, EVENTS, b": a comment\n\ndata: nonsense\n\ndata: {\n\n", 3, 5);
        assert_eq!(ending, None, "{api:?}");
    }
    assert_eq!(cut_off(Api::BedrockConverse, BINARY).unwrap().next(&[0, 0, 0, 1, 2, 3]), None);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Pieces of real streams with bytes changed, left out and doubled, in any order.
    #[test]
    fn no_stream_panics_and_every_byte_is_passed_on(
        api in 0..Api::ALL.len(),
        kind in 0..5usize,
        parts in prop::collection::vec((0..PARTS.len(), 0..200usize, 0..200usize, any::<u8>()), 0..12),
        piece in 1..300usize,
    ) {
        let content_type = [EVENTS, LINES, BINARY, "application/json", "application/stream+json"][kind];
        let Some(mut cut) = cut_off(Api::ALL[api], content_type) else { return Ok(()) };
        let mut stream = Vec::new();
        for (part, from, changed, byte) in parts {
            let mut part = PARTS[part].as_bytes().to_vec();
            let place = changed % part.len();
            part[place] = byte;
            stream.extend_from_slice(&part[from % part.len()..]);
            stream.extend_from_slice(&part);
        }
        let mut taken = 0;
        for piece in stream.chunks(piece) {
            let mut rest = piece;
            while let Some(size) = cut.next(rest) {
                prop_assert!((1..=rest.len()).contains(&size), "a unit has an end in these bytes");
                rest = &rest[size..];
                let _ = cut.ending(&LAST);
            }
            taken += piece.len();
        }
        prop_assert_eq!(taken, stream.len());
    }
}

const PARTS: [&str; 9] = [
    "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":null}]}\n\n",
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{}}\n\n",
    "data: {\"type\":\"content_block_start\",\"index\":18446744073709551615}\r\n\r\n",
    "data: {\"type\":\"response.created\",\"response\":{\"a\\\"b\":1},\"sequence_number\":18446744073709551615}\n\n",
    "data: {\"type\":\"response.output_text.delta\",\"delta\":\"\\u0041\"}\n\n",
    "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"]}\"}]}}]}\n,",
    "{\"model\":\"m\",\"created_at\":\"t\",\"done\":false}\n",
    "\0\0\0\x10\0\0\0\0\0\0\0\0\0\0\0\0",
    "\0\0\0\x30\0\0\0\x12\0\0\0\0\x0b:event-type\x07\0\x05chunk{\"bytes\":\"e30=\"}",
];
