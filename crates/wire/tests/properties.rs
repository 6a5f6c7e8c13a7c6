//! What holds for any input and any split.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]
#![cfg(not(target_arch = "wasm32"))]

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
mod common;

use common::{EVENTS, JSON, chat_meter, figures, read_chat};
use tokens::Encoding::O200kBase;
use tokens::{Cache, Model};
use wire::{Passed, Rewrite, recognise};

/// Text with what is hard about text: escapes, characters of every width, white space.
fn text() -> impl Strategy<Value = String> {
    vec(prop_oneof!["[a-zA-Z]{1,8}", r#"[ "\\\n\t\r{}:,\u{0}]"#, "[éß日本😀]", "[0-9]{1,4}"], 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i16>().prop_map(|n| Value::from(f64::from(n) / 8.0)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((text(), inner), 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn usage() -> impl Strategy<Value = Value> {
    (0..5000u64, 0..5000u64, 0..3000u64, 0..3000u64).prop_map(|(prompt, completion, cached, reasoning)| {
        json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": reasoning}})
    })
}

fn event() -> impl Strategy<Value = String> {
    let delta = prop_oneof![
        text().prop_map(|t| json!({"content": t})),
        text().prop_map(|t| json!({"reasoning_content": t})),
        (0..3u64, text()).prop_map(
            |(i, t)| json!({"tool_calls": [{"index": i, "function": {"name": "f", "arguments": t}}]})
        ),
        Just(json!({})),
    ];
    let chunk = (0..2u64, delta).prop_map(|(index, delta)| {
        json!({"model": "gpt-4o", "choices": [{"index": index, "delta": delta}], "usage": null})
    });
    prop_oneof![
        6 => chunk.prop_map(|chunk| format!("data: {chunk}")),
        2 => usage().prop_map(|usage| format!("data: {}", json!({"choices": [], "usage": usage}))),
        1 => usage().prop_map(|usage| format!("data: {{\"usage\":{usage},\"choices\":[]}}")),
        1 => json_value().prop_map(|value| format!("data:{value}")),
        1 => Just("data: {\"choices\":[],\ndata: \"usage\":{\"prompt_tokens\":1}}".to_owned()),
        1 => "[ -~é]{0,40}",
        1 => Just(": keep-alive".to_owned()),
        1 => Just("event: message\ndata: [DONE]".to_owned()),
    ]
}

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let ends = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    (vec(event(), 0..8), ends, any::<bool>()).prop_map(|(events, end, finished)| {
        let mut stream: String =
            events.iter().map(|event| format!("{}{end}{end}", event.replace('\n', end))).collect();
        if !finished {
            stream.truncate(stream.trim_end().len());
        }
        stream.into_bytes()
    })
}

#[derive(Debug, PartialEq)]
struct Metered {
    usage: Option<tokens::Usage>,
    output: u64,
    chunks: u64,
    error: bool,
    unread: u64,
    client: Vec<u8>,
}

/// Feeds the body cut at these places; ends with the last piece or, as with trailers, after it.
fn meter(body: &[u8], cuts: &[prop::sample::Index], kind: &str, strip: bool, trailers: bool) -> Metered {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    places.extend([0, body.len()]);
    places.sort_unstable();
    let mut meter = chat_meter(kind, strip);
    let mut client = Vec::new();
    for (at, ends) in places.windows(2).enumerate() {
        let piece = &body[ends[0]..ends[1]];
        match meter.feed(piece, !trailers && at + 2 == places.len()) {
            Passed::Untouched => client.extend_from_slice(piece),
            Passed::Replaced(bytes) => client.extend(bytes),
        }
    }
    client.extend(meter.release());
    Metered {
        usage: figures(&meter),
        output: meter.count_output(O200kBase).tokens,
        chunks: meter.output_chunks(),
        error: meter.error_seen(),
        unread: meter.unread_bytes(),
        client,
    }
}

fn request() -> impl Strategy<Value = Value> {
    let part = prop_oneof![
        3 => text().prop_map(|t| json!({"type": "text", "text": t})),
        1 => text().prop_map(|t| json!({"type": "image_url", "image_url": {"url": t, "detail": "low"}})),
        1 => text().prop_map(|t| json!({"type": "input_audio", "input_audio": {"data": t, "format": "wav"}})),
        1 => json_value(),
    ];
    let content = prop_oneof![4 => text().prop_map(Value::from), 2 => vec(part, 0..3).prop_map(Value::from), 1 => json_value()];
    let call = (text(), text())
        .prop_map(|(name, arguments)| json!({"id": "c", "function": {"name": name, "arguments": arguments}}));
    let message = prop_oneof![
        4 => ("system|user|assistant", content).prop_map(|(role, content)| json!({"role": role, "content": content})),
        1 => (text(), text()).prop_map(|(name, t)| json!({"role": "user", "name": name, "content": t})),
        1 => vec(call, 0..3).prop_map(|calls| json!({"role": "assistant", "content": null, "tool_calls": calls})),
        1 => json_value(),
    ];
    let property = (
        text(),
        text(),
        vec(prop_oneof![text().prop_map(Value::from), any::<u8>().prop_map(Value::from)], 0..4),
    )
        .prop_map(
            |(kind, description, items)| json!({"type": kind, "description": description, "enum": items}),
        );
    let properties = vec((text(), prop_oneof![property, json_value()]), 0..3)
        .prop_map(|list| Value::Object(list.into_iter().collect()));
    let tool = prop_oneof![
        3 => (text(), text(), properties).prop_map(|(name, description, properties)| json!({"type": "function", "function":
            {"name": name, "description": description, "parameters": {"type": "object", "properties": properties}}})),
        1 => json_value(),
    ];
    let limit = || prop_oneof![Just(Value::Null), (0..5000u64).prop_map(Value::from), Just(json!(-1))];
    let stream_options = prop_oneof![
        Just(Value::Null),
        Just(json!({})),
        Just(json!({"include_usage": false})),
        Just(json!({"include_usage": true, "x": []})),
        Just(json!({"include_obfuscation": true})),
    ];
    let fields = (
        vec(message, 0..4),
        proptest::option::of(vec(tool, 0..3)),
        proptest::option::of(limit()),
        proptest::option::of(limit()),
        proptest::option::of(stream_options),
        proptest::option::of(any::<bool>()),
        proptest::option::of(json_value()),
    );
    fields.prop_map(|(messages, tools, max_tokens, max_completion_tokens, stream_options, stream, other)| {
        let mut body = json!({"model": "gpt-4o", "messages": messages});
        let optional = [
            ("tools", tools.map(Value::from)),
            ("max_tokens", max_tokens),
            ("max_completion_tokens", max_completion_tokens),
            ("stream_options", stream_options),
            ("stream", stream.map(Value::from)),
            ("something", other),
        ];
        for (key, value) in optional {
            if let Some(value) = value {
                body[key] = value;
            }
        }
        body
    })
}

/// What the rewritten body must say, worked out on values.
fn expected(body: &Value, edits: &Rewrite) -> Value {
    let mut changed = body.clone();
    if edits.include_usage && body["stream"] == true {
        if !body["stream_options"].is_object() {
            changed["stream_options"] = json!({});
        }
        changed["stream_options"]["include_usage"] = true.into();
    }
    if let Some(limit) = edits.output_limit {
        let names = ["max_completion_tokens", "max_tokens"];
        let is_said = |name: &&str| body[*name].is_i64() || body[*name].is_u64();
        if names.iter().any(is_said) {
            for name in names.iter().filter(|name| is_said(name)) {
                let own = body[*name].as_u64().filter(|own| *own > 0);
                changed[*name] = own.map_or(limit, |own| own.min(limit)).into();
            }
        } else {
            // Of several nulls the first in the body; serde_json has the keys sorted.
            let present = names.into_iter().find(|name| body.get(name).is_some());
            changed[present.unwrap_or(names[0])] = limit.into();
        }
    }
    changed
}

/// Whether the bytes of `part` appear in `whole` in this order.
fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_stream_gives_the_same(
        body in stream(), cuts in vec(any::<prop::sample::Index>(), 0..12), strip: bool, trailers: bool,
    ) {
        let whole = meter(&body, &[], EVENTS, strip, false);
        prop_assert_eq!(&meter(&body, &cuts, EVENTS, strip, trailers), &whole);
        if strip {
            prop_assert!(is_subsequence(&whole.client, &body));
        } else {
            prop_assert_eq!(whole.client, body);
        }
    }

    #[test]
    fn any_split_of_a_body_gives_the_same(value in json_value(), usage in usage(), cuts in vec(any::<prop::sample::Index>(), 0..6)) {
        let body = json!({"x": value, "choices": [{"message": {"content": value}}], "usage": usage}).to_string();
        let whole = meter(body.as_bytes(), &[], JSON, true, false);
        prop_assert!(whole.usage.is_some());
        prop_assert_eq!(meter(body.as_bytes(), &cuts, JSON, true, true), whole);
    }

    #[test]
    fn rewriting_changes_what_it_should_and_keeps_every_other_byte(
        body in request(), pretty: bool, include_usage: bool, output_limit in proptest::option::of(0..5000u64),
    ) {
        let text = if pretty { serde_json::to_string_pretty(&body) } else { serde_json::to_string(&body) }.unwrap();
        let edits = Rewrite { include_usage, output_limit, model: None, trim: None };
        let request = read_chat(text.as_bytes()).unwrap();
        let changed = request.rewrite(text.as_bytes(), &edits);
        let expected = expected(&body, &edits);
        match changed {
            None => prop_assert_eq!(&expected, &body),
            Some(bytes) => {
                let after: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_ne!(&after, &body);
                prop_assert_eq!(after, expected);
                // Without the values of the fields it may touch, the old bytes are all there, in order.
                let messages = if pretty { "\"messages\": " } else { "\"messages\":" };
                let (start, end) = (text.find(messages).unwrap(), text.find("\"model\"").unwrap());
                prop_assert!(end < start || String::from_utf8_lossy(&bytes).contains(&text[start..end]));
                let grown = bytes.len() as i64 - text.len() as i64;
                prop_assert!((-20..=80).contains(&grown), "{grown}");
                // Doing it again changes nothing.
                let again = read_chat(&bytes).unwrap();
                prop_assert_eq!(again.rewrite(&bytes, &edits), None);
            }
        }
    }

    #[test]
    fn the_bound_is_never_below_the_count(body in request(), escape: bool) {
        let mut text = body.to_string();
        if escape {
            text = text.chars().map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) }).collect();
        }
        let request = read_chat(text.as_bytes()).unwrap();
        for model in ["gpt-4o", "gpt-4"] {
            let counted = request.count_prompt(text.as_bytes(), &Model::of(model), &mut Cache::new()).tokens();
            prop_assert!(request.prompt_bound() >= counted, "{} < {counted}", request.prompt_bound());
        }
    }

    #[test]
    fn a_damaged_body_is_refused_exactly_where_serde_refuses_it(body in request(), at: prop::sample::Index, byte in "[ -~]") {
        let mut text = body.to_string();
        let place = at.index(text.len());
        prop_assume!(text.is_char_boundary(place));
        text.replace_range(place..text[place..].chars().next().map_or(place, |c| place + c.len_utf8()), &byte);
        let valid = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        match read_chat(text.as_bytes()) {
            Ok(_) => prop_assert!(valid),
            // A field's type, spelling or absence: that is judged only as far as the body is JSON.
            Err(error) => prop_assert!(error.field().is_some() || !valid || !text.starts_with('{'), "{error}: {text}"),
        }
    }

    #[test]
    fn garbage_never_panics(
        bytes in vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\":,\\\r\n data".to_vec())], 0..300), cut: prop::sample::Index,
    ) {
        let _ = read_chat(&bytes).map_err(|e| e.to_string());
        for kind in [JSON, EVENTS] {
            meter(&bytes, &[cut], kind, true, false);
        }
        let _ = recognise(b"POST", &bytes, &bytes);
    }

    #[test]
    fn a_damaged_stream_never_panics_and_is_metered_alike_in_any_split(
        body in stream(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), cuts in vec(any::<prop::sample::Index>(), 0..5),
    ) {
        prop_assume!(!body.is_empty());
        let mut body = body;
        for (at, byte) in damage {
            let place = at.index(body.len());
            body[place] = byte;
        }
        let whole = meter(&body, &[], EVENTS, true, false);
        prop_assert_eq!(meter(&body, &cuts, EVENTS, true, true), whole);
    }
}

fn escaped(c: char) -> String {
    c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}
