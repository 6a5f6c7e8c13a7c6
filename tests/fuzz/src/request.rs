//! Requests of every format.

use crate::memory::peak;
use crate::seeds::Seeds;
use crate::{Random, Target};
use serde::de::IgnoredAny;
use serde_json::Value;
use tokens::{Cache, Model};
use wire::{Api, Pointer, Request, Rewrite, Route, read_pointers};

/// Bytes that a reader may take beside what it copies (names of models).
const MOST: usize = 64 << 10;

/// Of each kind there is: a vocabulary that is carried, one that is guessed, and formulas for images of three makers.
const MODELS: [&str; 4] = ["gpt-4o", "gpt-3.5-turbo", "claude-sonnet-4-5", "gemini-2.5-flash"];

pub(crate) fn targets(seeds: &Seeds) -> Vec<Target> {
    let target = |api: Api| Target {
        name: format!("request/{}", api.name()),
        seeds: seeds.requests(api),
        check: Box::new(move |body: &[u8]| check(api, body)),
    };
    Api::ALL.into_iter().map(target).collect()
}

/// A path that names a model where such paths do.
fn path(api: Api, random: &mut Random) -> &'static str {
    match api {
        Api::GeminiGenerate => {
            ["/v1beta/models/g:generateContent", "/v1beta/models/g:batchGenerateContent"][random.below(2)]
        }
        Api::GeminiEmbed => {
            ["/v1beta/models/e:embedContent", "/v1/models/e:batchEmbedContents"][random.below(2)]
        }
        Api::BedrockConverse => "/model/amazon.nova-lite-v1%3A0/converse-stream",
        Api::BedrockInvoke => [
            "/model/anthropic.claude-v2/invoke",
            "/model/amazon.titan-text-lite-v1/invoke",
            "/model/meta.llama3/invoke-with-response-stream",
            "/model/mistral.mistral-7b/invoke",
            "/model/cohere.command-r/invoke",
            "/model/amazon.nova-lite-v1%3A0/invoke",
            "/model/x/invoke",
        ][random.below(7)],
        Api::AnthropicMessages => ["/v1/messages", "/v1/messages/batches"][random.below(2)],
        _ => "/",
    }
}

fn check(api: Api, body: &[u8]) {
    let mut random = Random::of(body);
    let mut route = Route::forced(api, path(api, &mut random).as_bytes(), b"");
    route.certain = random.one_in(2);
    let form = body.starts_with(b"--");
    let kind = if form { &b"multipart/form-data; boundary=toll"[..] } else { b"application/json" };

    check_pointers(body);
    let (read, bytes) = peak(|| Request::read(&route, kind, body));
    assert!(bytes <= MOST + body.len() / 2, "{bytes} bytes of memory to read {}", body.len());
    let request = match read {
        Ok(Some(request)) => request,
        Ok(None) => return assert!(!route.certain, "no call, on a route that is nothing else"),
        Err(error) => {
            assert!(error.at() <= body.len() && !error.to_string().is_empty());
            return;
        }
    };
    assert_eq!(request.api(), api);
    assert!(request.choices() >= 1 && request.model().len() <= 256);
    let _ = (request.service_tier(body), request.user(body), request.temperature(), request.other_models());
    if !form {
        assert_valid(body);
    }
    for model in MODELS {
        let count = request.count_prompt(body, &Model::of(model), &mut Cache::new());
        let (bound, tokens) = (request.prompt_bound(), count.tokens());
        assert!(bound >= tokens || count.media > 0, "{model}: {tokens} tokens, bound {bound}");
    }
    check_rewriting(&route, kind, body, &request, &mut random);
    check_trimming(&route, kind, body, &request, &mut random);
}

/// What is taken for JSON is JSON to others. (Some give up at a depth that is none of ours.)
fn assert_valid(body: &[u8]) {
    if let Err(error) = serde_json::from_slice::<IgnoredAny>(body) {
        assert!(error.to_string().contains("recursion limit"), "{error}");
    }
}

fn check_rewriting(route: &Route, kind: &[u8], body: &[u8], request: &Request, random: &mut Random) {
    let limit = random.number() % 5_000;
    let edits = Rewrite {
        include_usage: random.one_in(2),
        output_limit: random.one_in(2).then_some(limit),
        model: random.one_in(2).then_some("other-\"model\"\u{e9}"),
        trim: None,
    };
    let Some(changed) = request.rewrite(body, &edits) else { return };
    let again = match Request::read(route, kind, &changed) {
        Ok(Some(again)) => again,
        other => panic!("{:?} of {:?}", other.err(), String::from_utf8_lossy(&changed)),
    };
    assert_eq!(again.rewrite(&changed, &edits), None, "rewriting twice changes it again");
    if let (Some(limit), true) = (edits.output_limit, request.can_be_limited()) {
        let now = again.output_limit();
        assert!(now.is_some_and(|now| now <= limit), "a limit of {limit} was asked for, not {now:?}");
    }
    if let (Some(model), None) = (edits.model, &route.model) {
        assert_eq!(again.model(), model);
    }
    assert_eq!(
        (again.stream(), again.choices(), again.tools()),
        (request.stream(), request.choices(), request.tools())
    );
    if edits.model.is_none() {
        // (Models differ in what they make of images.)
        assert_eq!(again.prompt_bound(), request.prompt_bound());
    }
    let values = [body, &changed[..]].map(|text| serde_json::from_slice::<Value>(text).ok());
    if let [Some(Value::Object(before)), Some(Value::Object(after))] = values {
        for (name, value) in before {
            let may_change = after.get(&name) != Some(&value);
            assert!(!may_change || MAY_CHANGE.contains(&name.as_str()), "`{name}` was changed");
        }
    }
}

/// What is left after trimming is a request, of as many tokens as was said.
fn check_trimming(route: &Route, kind: &[u8], body: &[u8], request: &Request, random: &mut Random) {
    let model = Model::of("gpt-4o");
    let count = request.count_prompt(body, &model, &mut Cache::new());
    let tokens = count.tokens();
    let most = random.number() % (tokens + 1);
    let Some(trim) = request.trim(body, &model, most, &mut Cache::new()) else { return };
    let edits = Rewrite { trim: Some(&trim), ..Rewrite::default() };
    let changed = request.rewrite(body, &edits).expect("what is left out makes a change");
    assert_eq!(changed.len() as u64 + trim.bytes, body.len() as u64);
    let again = match Request::read(route, kind, &changed) {
        Ok(Some(again)) => again,
        other => panic!("{:?} of {:?}", other.err(), String::from_utf8_lossy(&changed)),
    };
    if count.exact {
        assert_eq!(again.count_prompt(&changed, &model, &mut Cache::new()).tokens(), trim.remaining);
    }
    assert_eq!(trim.remaining + trim.tokens, tokens);
}

/// The same as serde_json finds there, but for keys given twice.
fn check_pointers(body: &[u8]) {
    const PLACES: [&str; 5] = [
        "/model",
        "/metadata/user_id",
        "/messages/0/role",
        "/messages/1/content/0/text",
        "/contents/0/parts/0/text",
    ];
    let pointers: Vec<Pointer> = PLACES.iter().filter_map(|place| Pointer::parse(place)).collect();
    let found = read_pointers(body, &pointers);
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return };
    for (place, found) in PLACES.iter().zip(found) {
        let Some(found) = found else { continue };
        let there = value.pointer(place);
        match there {
            Some(Value::String(text)) => assert_eq!(*text, found, "{place}"),
            _ => assert!(
                there.is_some_and(|there| there.is_number() || there.is_boolean()),
                "{place}: {found}"
            ),
        }
    }
}

/// The members that hold what may be rewritten.
const MAY_CHANGE: &[&str] = &[
    "model",
    "models",
    "stream_options",
    "max_tokens",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens_to_sample",
    "max_gen_len",
    "max_new_tokens",
    "generationConfig",
    "generation_config",
    "inferenceConfig",
    "inference_params",
    "textGenerationConfig",
    "options",
    "requests",
    "batch",
];
