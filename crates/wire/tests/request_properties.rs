//! What holds for any request of any provider: changing it changes what it should and keeps every other byte; nothing
//! that is sent makes the reader panic.

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
use tokens::{Cache, Model};
use wire::{Pointer, Request, Rewrite, Route, read_pointers, recognise};

/// A format with the fields that are changed in it.
struct Shape {
    path: &'static str,
    /// Fields without which it is no call.
    needs: &'static str,
    /// Where limits may stand, and first of all where one is put that is missing.
    limits: &'static [&'static str],
    has_model: bool,
    streams_with_usage: bool,
}

const fn shape(
    path: &'static str,
    needs: &'static str,
    limits: &'static [&'static str],
    has_model: bool,
) -> Shape {
    Shape { path, needs, limits, has_model, streams_with_usage: true }
}

static SHAPES: [Shape; 11] = [
    Shape {
        streams_with_usage: false,
        ..shape(
            "/v1/chat/completions",
            r#""messages":MESSAGES"#,
            &["/max_completion_tokens", "/max_tokens"],
            true,
        )
    },
    Shape {
        streams_with_usage: false,
        ..shape("/v1/completions", r#""prompt":"x""#, &["/max_tokens", "/max_completion_tokens"], true)
    },
    shape("/v1/responses", r#""input":MESSAGES"#, &["/max_output_tokens"], true),
    shape("/v1/messages", r#""messages":MESSAGES"#, &["/max_tokens"], true),
    shape(
        "/v1beta/models/m:generateContent",
        r#""contents":MESSAGES"#,
        &["/generationConfig/maxOutputTokens"],
        false,
    ),
    shape("/model/m/converse", r#""messages":MESSAGES"#, &["/inferenceConfig/maxTokens"], false),
    shape(
        "/model/amazon.titan-x/invoke",
        r#""inputText":"x""#,
        &["/textGenerationConfig/maxTokenCount"],
        false,
    ),
    shape("/model/meta.llama3/invoke", r#""prompt":"x""#, &["/max_gen_len"], false),
    shape("/v2/chat", r#""messages":MESSAGES"#, &["/max_tokens"], true),
    shape("/api/chat", r#""messages":MESSAGES"#, &["/options/num_predict"], true),
    shape("/api/generate", r#""prompt":"x""#, &["/options/num_predict"], true),
];

fn route(path: &str) -> Route {
    recognise(b"POST", path.as_bytes(), b"").unwrap_or_else(|| panic!("{path}"))
}

fn read(path: &str, body: &[u8]) -> Request {
    let route = Route { certain: true, ..route(path) };
    Request::read(&route, b"", body).unwrap_or_else(|e| panic!("{path}: {e}")).expect("a call")
}

/// Text with what is hard about text: escapes, characters of every width, white space.
fn text() -> impl Strategy<Value = String> {
    vec(prop_oneof!["[a-zA-Z]{1,8}", r#"[ "\\\n\t\r{}:,\u{0}]"#, "[éß日本😀]", "[0-9]{1,4}"], 0..12)
        .prop_map(|pieces| pieces.concat())
}

fn any_json() -> impl Strategy<Value = Value> {
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
            vec((text(), inner.clone()), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            // Words that the readers know, with values that they do not.
            (prop::sample::select(WORDS), inner).prop_map(|(word, value)| json!({word: value})),
        ]
    })
}

const WORDS: &[&str] = &[
    "role",
    "content",
    "parts",
    "text",
    "type",
    "source",
    "data",
    "image_url",
    "url",
    "input_audio",
    "inlineData",
    "mimeType",
    "functionCall",
    "functionResponse",
    "response",
    "tool_use",
    "tool_result",
    "input",
    "toolUse",
    "toolResult",
    "image",
    "document",
    "bytes",
    "format",
    "reasoningContent",
    "thinking",
    "summary",
    "arguments",
    "output",
    "tools",
    "images",
];

fn messages() -> impl Strategy<Value = Value> {
    let message = prop_oneof![
        3 => (prop::sample::select(&["user", "assistant", "model", "system", "tool"][..]), text())
            .prop_map(|(role, text)| json!({"role": role, "content": text})),
        1 => text().prop_map(|text| json!({"role": "user", "parts": [{"text": text}]})),
        1 => text().prop_map(|text| json!({"role": "user", "content": [{"type": "text", "text": text}]})),
        1 => any_json(),
    ];
    vec(message, 0..6).prop_map(Value::from)
}

/// White space that may stand anywhere.
fn space() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just(String::new()), 1 => "[ \n\r\t]{1,3}"]
}

fn limit() -> impl Strategy<Value = String> {
    prop_oneof![Just("null".to_owned()), Just("-1".to_owned()), (1..5000u64).prop_map(|n| n.to_string())]
}

#[derive(Debug, Clone)]
struct Body {
    shape: usize,
    text: String,
    /// Members that no change may touch, as they are written.
    untouched: Vec<String>,
}

fn body() -> impl Strategy<Value = Body> {
    let parts = (
        0..SHAPES.len(),
        messages(),
        vec(proptest::option::of(limit()), 2),
        proptest::option::of(any::<bool>()),
        proptest::option::of(prop::sample::select(
            &[
                "null",
                "{}",
                r#"{ "include_usage" : false }"#,
                r#"{"include_usage":true,"x":[]}"#,
                r#"{"include_obfuscation":true}"#,
            ][..],
        )),
        vec(("x[a-z]{1,5}", any_json()), 0..3),
        vec(space(), 24),
        any::<u64>(),
    );
    parts.prop_map(|(at, messages, limits, stream, options, extra, spaces, order)| {
        let shape = &SHAPES[at];
        let mut spaces = spaces.into_iter().cycle();
        let mut space = || spaces.next().unwrap();
        let (mut touched, mut untouched) =
            (Vec::new(), vec![shape.needs.replace("MESSAGES", &messages.to_string())]);
        if shape.has_model {
            touched.push(format!("\"model\"{}:{}\"gpt-4o\"", space(), space()));
        }
        for (pointer, value) in shape.limits.iter().zip(&limits) {
            let Some(value) = value else { continue };
            touched.push(match pointer[1..].split_once('/') {
                None => format!("\"{}\"{}:{}{value}", &pointer[1..], space(), space()),
                Some((parent, name)) => {
                    format!("\"{parent}\":{{{}\"topP\":1 ,\"{name}\" : {value}{}}}", space(), space())
                }
            });
        }
        if let (Some(stream), true) = (stream, shape.has_model) {
            untouched.push(format!("\"stream\":{}{stream}", space()));
        }
        if let (Some(options), false) = (options, shape.streams_with_usage) {
            touched.push(format!("\"stream_options\":{options}"));
        }
        for (at, (key, value)) in extra.into_iter().enumerate() {
            untouched.push(format!("\"{key}{at}\"{}:{}{value}", space(), space()));
        }
        let mut members: Vec<String> = touched.into_iter().chain(untouched.iter().cloned()).collect();
        let turn = usize::try_from(order % members.len() as u64).unwrap();
        members.rotate_left(turn);
        untouched = members.iter().filter(|member| untouched.contains(member)).cloned().collect();
        let joined = members
            .iter()
            .map(|member| format!("{}{member}{}", space(), space()))
            .collect::<Vec<_>>()
            .join(",");
        Body { shape: at, text: format!("{}{{{joined}}}{}", space(), space()), untouched }
    })
}

/// What the changed body must say, worked out on values.
fn expected(shape: &Shape, body: &Value, text: &str, edits: &Rewrite<'_>) -> Value {
    let mut changed = body.clone();
    if let (Some(limit), Some(first)) = (edits.output_limit, shape.limits.first()) {
        let said = |pointer: &&&str| body.pointer(pointer).is_some_and(Value::is_number);
        let mut set = |pointer: &str, value: u64| {
            let (parent, name) = pointer.rsplit_once('/').unwrap();
            if !parent.is_empty() && !changed.pointer(parent).is_some_and(Value::is_object) {
                changed[&parent[1..]] = json!({});
            }
            changed.pointer_mut(parent).unwrap()[name] = value.into();
        };
        let given: Vec<&&str> = shape.limits.iter().filter(said).collect();
        if given.is_empty() {
            // Of several nulls the one that comes first in the body.
            let nulls = shape.limits.iter().filter(|p| body.pointer(p).is_some());
            let null = nulls
                .min_by_key(|pointer| text.find(&format!("\"{}\"", pointer.rsplit('/').next().unwrap())));
            set(null.unwrap_or(first), limit);
        }
        for pointer in given {
            let own = body.pointer(pointer).unwrap().as_u64();
            set(pointer, own.map_or(limit, |own| own.min(limit)));
        }
    }
    if edits.include_usage && body["stream"] == true && !shape.streams_with_usage {
        if !body["stream_options"].is_object() {
            changed["stream_options"] = json!({});
        }
        changed["stream_options"]["include_usage"] = true.into();
    }
    if let (Some(model), true) = (edits.model, shape.has_model) {
        changed["model"] = model.into();
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_change_changes_what_it_should_and_keeps_every_other_byte(
        body in body(), include_usage: bool, output_limit in proptest::option::of(1..5000u64), model in proptest::option::of(text()),
    ) {
        let shape = &SHAPES[body.shape];
        let before: Value = serde_json::from_str(&body.text).unwrap();
        let request = read(shape.path, body.text.as_bytes());
        let edits = Rewrite { include_usage, output_limit, model: model.as_deref(), trim: None };
        let expected = expected(shape, &before, &body.text, &edits);
        match request.rewrite(body.text.as_bytes(), &edits) {
            None => prop_assert_eq!(&expected, &before),
            Some(bytes) => {
                let after: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_ne!(&after, &before);
                prop_assert_eq!(after, expected, "{}", body.text);
                // What it may not touch is all there, as it was written and in its order.
                let text = String::from_utf8(bytes.clone()).unwrap();
                let mut rest = text.as_str();
                for member in &body.untouched {
                    let at = rest.find(member.as_str());
                    prop_assert!(at.is_some(), "{member} in {text}");
                    rest = &rest[at.unwrap() + member.len()..];
                }
                // Doing it again changes nothing.
                let again = read(shape.path, &bytes);
                prop_assert_eq!(again.rewrite(&bytes, &edits), None);
            }
        }
    }

    /// Whatever is left out, what remains is a conversation: system messages and the last turn are there, and no result of
    /// a tool without its call.
    #[test]
    fn what_remains_of_a_conversation_is_one(kinds in vec(0..4u8, 0..14), share in 0..100u64) {
        let mut calls = 0;
        let messages: Vec<Value> = kinds.iter().flat_map(|kind| match kind {
            0 => vec![json!({"role": "user", "content": "What is the capital of France?"})],
            1 => vec![json!({"role": "assistant", "content": "Paris."})],
            2 => vec![json!({"role": "system", "content": "Be brief."})],
            _ => {
                calls += 1;
                let function = json!({"name": "f", "arguments": "{\"a\":1}"});
                vec![
                    json!({"role": "assistant", "content": null, "tool_calls": [{"id": calls, "type": "function", "function": function}]}),
                    json!({"role": "tool", "tool_call_id": calls, "content": "done"}),
                ]
            }
        }).collect();
        let body = json!({"model": "gpt-4o", "messages": messages}).to_string();
        let (path, model) = ("/v1/chat/completions", Model::of("gpt-4o"));
        let request = read(path, body.as_bytes());
        let total = request.count_prompt(body.as_bytes(), &model, &mut Cache::new()).tokens();
        let most = total * share / 100;
        let Some(trim) = request.trim(body.as_bytes(), &model, most, &mut Cache::new()) else { return Ok(()) };
        let edits = Rewrite { trim: Some(&trim), ..Rewrite::default() };
        let changed = request.rewrite(body.as_bytes(), &edits).unwrap();
        let after: Value = serde_json::from_slice(&changed).unwrap();
        let left = after["messages"].as_array().unwrap();
        let of = |list: &[Value], role: &str| list.iter().filter(|m| m["role"] == role).count();
        prop_assert_eq!(of(left, "system"), of(&messages, "system"));
        let last = messages.iter().rposition(|m| m["role"] == "user").unwrap();
        prop_assert!(left.ends_with(&messages[last..]));
        prop_assert_eq!(left.iter().find(|m| m["role"] != "system").map(|m| &m["role"]), Some(&json!("user")));
        for (at, message) in left.iter().enumerate().filter(|(_, m)| m["role"] == "tool") {
            prop_assert_eq!(&left[at - 1]["tool_calls"][0]["id"], &message["tool_call_id"]);
        }
        prop_assert_eq!(trim.messages as usize, messages.len() - left.len());
        prop_assert_eq!(trim.bytes as usize, body.len() - changed.len());
        let recount = read(path, &changed).count_prompt(&changed, &model, &mut Cache::new()).tokens();
        prop_assert_eq!(trim.remaining, recount);
        // No more than needed: with the last turn that went, it would be too long.
        prop_assert!(trim.tokens + trim.remaining > most);
    }

    #[test]
    fn a_damaged_request_never_panics_and_the_bound_is_never_below_the_count(
        body in body(), damage in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3), other in 0..SHAPES.len(),
    ) {
        let mut bytes = body.text.into_bytes();
        for (at, byte) in damage {
            let place = at.index(bytes.len());
            bytes[place] = byte;
        }
        for path in [SHAPES[body.shape].path, SHAPES[other].path, "/model/arn/invoke", "/v1/messages/batches", "/v1/chat", "/v1/images/edits"] {
            for content_type in ["application/json", "multipart/form-data; boundary=x"] {
                let Ok(Some(request)) = Request::read(&route(path), content_type.as_bytes(), &bytes) else { continue };
                let model = Model::of("gpt-4o");
                let counted = request.count_prompt(&bytes, &model, &mut Cache::new());
                prop_assert!(request.prompt_bound() >= counted.tokens(), "{path}: {} < {counted:?}", request.prompt_bound());
                let trim = request.trim(&bytes, &model, 1, &mut Cache::new());
                let edits = Rewrite { include_usage: true, output_limit: Some(7), model: Some("m"), trim: trim.as_ref() };
                if let Some(changed) = request.rewrite(&bytes, &edits) {
                    prop_assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&changed).is_ok());
                }
                let _ = (request.user(&bytes), request.service_tier(&bytes));
            }
        }
        let _ = read_pointers(&bytes, &[Pointer::parse("/messages/0/content").unwrap(), Pointer::parse("/x/y").unwrap()]);
    }

    #[test]
    fn a_path_of_any_bytes_is_recognised_or_not(path in vec(prop_oneof![any::<u8>(), prop::sample::select(b"/.%:;?#model2F".to_vec())], 0..60), end in 0..SHAPES.len()) {
        let _ = recognise(b"POST", &path, &path);
        // Before a path of ours anything may stand that begins no query.
        let prefix: Vec<u8> = path.into_iter().filter(|b| !matches!(b, b'?' | b'#')).collect();
        let ours = SHAPES[end].path.as_bytes();
        let whole = [b"/", &prefix[..], ours].concat();
        let found = recognise(b"POST", &whole, b"").unwrap_or_else(|| panic!("{:?}", String::from_utf8_lossy(&whole)));
        prop_assert_eq!(found.api, route(SHAPES[end].path).api);
        let changed = found.path_with_model(&whole, "other");
        prop_assert_eq!(changed.is_some(), found.model.is_some());
        if let Some(changed) = changed {
            let again = recognise(b"POST", &changed, b"").unwrap();
            prop_assert_eq!(again.model.as_deref(), Some("other"));
        }
    }
}
