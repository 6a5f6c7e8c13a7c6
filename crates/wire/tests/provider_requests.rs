//! What the requests of each provider say, and how they are changed: bodies by the providers' own documentation.

// Clippy takes only the test functions themselves for tests, not what they share.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

use serde_json::{Value, json};
use wire::{Request, Rewrite, Route, recognise};

fn route(path: &str) -> Route {
    recognise(b"POST", path.as_bytes(), b"").unwrap_or_else(|| panic!("{path}"))
}

fn read(path: &str, body: &Value) -> Request {
    try_read(path, &body.to_string()).unwrap_or_else(|| panic!("{path}: other traffic"))
}

fn try_read(path: &str, body: &str) -> Option<Request> {
    Request::read(&route(path), b"application/json", body.as_bytes())
        .unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn refusal(path: &str, body: &str) -> String {
    Request::read(&route(path), b"application/json", body.as_bytes()).expect_err(body).to_string()
}

/// The body after a change, `null` for none.
fn rewritten(path: &str, body: &Value, edits: Rewrite<'_>) -> Value {
    let text = body.to_string();
    let changed = read(path, body).rewrite(text.as_bytes(), &edits);
    changed.map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).unwrap())
}

fn limited(path: &str, body: &Value) -> Value {
    rewritten(path, body, Rewrite { output_limit: Some(100), ..Rewrite::default() })
}

const MESSAGES: &str = "/v1/messages";
const GENERATE: &str = "/v1beta/models/gemini-2.5-pro:generateContent";
const CONVERSE: &str = "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse";

fn invoke(model: &str) -> String {
    format!("/model/{model}/invoke")
}

#[test]
fn anthropics_messages_are_read() {
    let body = json!({"model": "claude-sonnet-4-5", "max_tokens": 1024, "stream": true, "temperature": 0,
        "service_tier": "auto", "metadata": {"user_id": "u-1"},
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "tools": [{"name": "weather", "input_schema": {"type": "object"}}, {"type": "web_search_20250305", "name": "web_search"}],
        "messages": [
            {"role": "user", "content": [
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A".repeat(400_000)}},
                {"type": "text", "text": "What is it?"}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "weather", "input": {"city": "Bonn"}}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image",
                "source": {"type": "url", "url": "https://example.com/a.png"}}]}]}]});
    let request = read(MESSAGES, &body);
    let text = body.to_string();
    assert_eq!(
        (request.model(), request.stream(), request.output_limit()),
        ("claude-sonnet-4-5", true, Some(1024))
    );
    assert_eq!((request.tools(), request.images(), request.files()), (2, 2, 0));
    assert_eq!(request.user(text.as_bytes()).as_deref(), Some("u-1"));
    assert_eq!(request.service_tier(text.as_bytes()).as_deref(), Some("auto"));
    assert_eq!(request.temperature(), Some(0.0));
    // The base64 of an image is not text.
    assert!(request.prompt_bound() < 200_000, "{}", request.prompt_bound());
    assert!(!request.asks_for_usage());
}

#[test]
fn a_pdf_can_be_as_large_as_a_context_window_and_a_plain_document_is_its_text() {
    let document = |source: Value| {
        json!({"model": "claude-haiku-4-5", "max_tokens": 1, "messages": [{"role": "user", "content": [
            {"type": "document", "source": source}]}]})
    };
    let pdf = read(
        MESSAGES,
        &document(json!({"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"})),
    );
    assert!(pdf.prompt_bound() > 1_000_000 && pdf.files() == 1);
    let plain =
        read(MESSAGES, &document(json!({"type": "text", "media_type": "text/plain", "data": "Hello"})));
    assert!(plain.prompt_bound() < 1000 && plain.files() == 0);
}

#[test]
fn a_batch_of_messages_is_all_its_requests() {
    let request = |model: &str, limit: u64| json!({"custom_id": "a", "params": {"model": model, "max_tokens": limit, "messages": [{"role": "user", "content": "Hi"}]}});
    let path = "/v1/messages/batches";
    let body = json!({"requests": [request("claude-haiku-4-5", 10), request("claude-haiku-4-5", 30)]});
    let batch = read(path, &body);
    assert_eq!((batch.model(), batch.output_limit(), batch.choices()), ("claude-haiku-4-5", Some(30), 2));
    assert!(batch.batch() && batch.deferred() && !batch.can_be_limited());
    // Limits that are there are lowered all the same.
    let limits: Vec<u64> = vec![10, 20];
    let changed = rewritten(path, &body, Rewrite { output_limit: Some(20), ..Rewrite::default() });
    let found =
        changed["requests"].as_array().unwrap().iter().map(|r| r["params"]["max_tokens"].as_u64().unwrap());
    assert_eq!(found.collect::<Vec<_>>(), limits);
    let mixed = json!({"requests": [request("claude-haiku-4-5", 10), request("claude-opus-4-5", 10)]});
    assert!(
        refusal(path, &mixed.to_string()).starts_with("`model` must be the same in all requests of a batch")
    );
}

#[test]
fn geminis_requests_are_read_in_either_spelling() {
    for (config, limit, count) in [
        ("generationConfig", "maxOutputTokens", "candidateCount"),
        ("generation_config", "max_output_tokens", "candidate_count"),
    ] {
        let body = json!({
            "contents": [{"role": "user", "parts": [{"text": "What is it?"},
                {"inline_data": {"mime_type": "image/png", "data": "AAAA"}},
                {"inlineData": {"mimeType": "audio/mp3", "data": "AAAA"}},
                {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/o.mp4"}}]}],
            "tools": [{"functionDeclarations": [{"name": "a"}, {"name": "b"}]}, {"googleSearch": {}}],
            config: {limit: 50, count: 2, "temperature": 0.5, "topP": 1}});
        let request = read(GENERATE, &body);
        assert_eq!(
            (request.model(), request.stream(), request.output_limit()),
            ("gemini-2.5-pro", false, Some(50))
        );
        assert_eq!((request.choices(), request.tools(), request.temperature()), (2, 3, Some(0.5)));
        assert_eq!((request.images(), request.audio(), request.files()), (1, 1, 1));
    }
    let both = r#"{"contents":[],"generationConfig":{"maxOutputTokens":1,"max_output_tokens":9}}"#;
    assert_eq!(
        refusal(GENERATE, both),
        "`generationConfig.maxOutputTokens` is given more than once (byte 55)"
    );
    assert_eq!(refusal(GENERATE, "{}"), "`contents` is missing (byte 2)");
}

#[test]
fn geminis_embeddings_and_batches_are_read() {
    let embed = |path: &str, body: Value| {
        let request = read(path, &body);
        (request.model().to_owned(), request.output_limit(), request.prompt_bound() > 1000)
    };
    let (long, model) = ("a".repeat(1000), "gemini-embedding-001");
    for (action, body) in [
        ("embedContent", json!({"content": {"parts": [{"text": long}]}})),
        (
            "batchEmbedContents",
            json!({"requests": [{"model": "models/x", "content": {"parts": [{"text": long}]}}]}),
        ),
        ("predict", json!({"instances": [{"content": long}]})),
    ] {
        assert_eq!(
            embed(&format!("/v1beta/models/{model}:{action}"), body),
            (model.to_owned(), Some(0), true)
        );
    }
    let inner = json!({"request": {"contents": [{"parts": [{"text": "Hi"}]}], "generationConfig": {"maxOutputTokens": 9}}});
    let batch =
        json!({"batch": {"displayName": "x", "inputConfig": {"requests": {"requests": [inner, inner]}}}});
    let request = read("/v1beta/models/gemini-2.5-flash:batchGenerateContent", &batch);
    assert_eq!((request.choices(), request.output_limit(), request.batch()), (2, Some(9), true));
}

#[test]
fn converse_is_read() {
    let body = json!({"messages": [{"role": "user", "content": [{"text": "Hi"},
            {"image": {"format": "png", "source": {"bytes": "AAAA"}}}, {"cachePoint": {"type": "default"}},
            {"document": {"format": "pdf", "name": "d", "source": {"bytes": "AAAA"}}}]}],
        "system": [{"text": "Be brief."}], "inferenceConfig": {"maxTokens": 77, "temperature": 1},
        "toolConfig": {"tools": [{"toolSpec": {"name": "a", "inputSchema": {"json": {}}}}, {"cachePoint": {"type": "default"}}]},
        "serviceTier": {"type": "flex"}});
    let request = read(CONVERSE, &body);
    assert_eq!(request.model(), "us.anthropic.claude-sonnet-4-5-20250929-v1:0");
    assert_eq!(
        (request.output_limit(), request.tools(), request.images(), request.files()),
        (Some(77), 1, 1, 1)
    );
    assert_eq!(request.service_tier(body.to_string().as_bytes()).as_deref(), Some("flex"));
    assert!(!request.stream() && read(&CONVERSE.replace("converse", "converse-stream"), &body).stream());
}

/// The bodies are those of the user guide's "Inference request parameters", model by model.
#[test]
fn invoke_is_read_in_the_format_of_the_models_maker() {
    let messages = json!([{"role": "user", "content": "Hi"}]);
    for (model, body, limit, choices) in [
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1%3A0",
            json!({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 5, "messages": messages}),
            Some(5),
            1,
        ),
        (
            "anthropic.claude-v2",
            json!({"prompt": "\n\nHuman: Hi\n\nAssistant:", "max_tokens_to_sample": 6}),
            Some(6),
            1,
        ),
        (
            "amazon.nova-lite-v1:0",
            json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"maxTokens": 7}}),
            Some(7),
            1,
        ),
        (
            "amazon.nova-lite-v1:0",
            json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}], "inferenceConfig": {"max_new_tokens": 8}}),
            Some(8),
            1,
        ),
        (
            "amazon.titan-text-express-v1",
            json!({"inputText": "Hi", "textGenerationConfig": {"maxTokenCount": 9}}),
            Some(9),
            1,
        ),
        ("us.meta.llama3-3-70b-instruct-v1:0", json!({"prompt": "Hi", "max_gen_len": 10}), Some(10), 1),
        (
            "mistral.mistral-7b-instruct-v0:2",
            json!({"prompt": "<s>[INST] Hi [/INST]", "max_tokens": 11}),
            Some(11),
            1,
        ),
        ("mistral.mistral-large-2407-v1:0", json!({"messages": messages, "max_tokens": 12}), Some(12), 1),
        (
            "cohere.command-text-v14",
            json!({"prompt": "Hi", "max_tokens": 13, "num_generations": 3}),
            Some(13),
            3,
        ),
        (
            "cohere.command-r-plus-v1:0",
            json!({"message": "Hi", "chat_history": [{"role": "USER", "message": "a"}]}),
            None,
            1,
        ),
        ("us.deepseek.r1-v1:0", json!({"prompt": "Hi", "max_tokens": 15}), Some(15), 1),
        ("openai.gpt-oss-120b-1:0", json!({"messages": messages, "max_completion_tokens": 16}), Some(16), 1),
        ("amazon.titan-embed-text-v2:0", json!({"inputText": "Hi", "dimensions": 256}), Some(0), 1),
        ("cohere.embed-v4:0", json!({"texts": ["Hi"], "input_type": "search_query"}), Some(0), 1),
        // Behind an ARN any of them may be.
        (
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fx",
            json!({"messages": messages, "max_tokens": 17, "max_gen_len": 18}),
            Some(18),
            1,
        ),
    ] {
        let request = read(&invoke(model), &body);
        assert_eq!((request.output_limit(), request.choices()), (limit, choices), "{model}");
        let text = "Hi".len() as u64;
        assert!((text..10_000).contains(&request.prompt_bound()), "{model}: {}", request.prompt_bound());
    }
}

#[test]
fn coheres_requests_are_read() {
    let v2 = json!({"model": "command-a-03-2025", "stream": true, "max_tokens": 9, "documents": [{"data": {"text": "x"}}],
        "messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}]}]});
    let request = read("/v2/chat", &v2);
    assert_eq!(
        (request.model(), request.stream(), request.output_limit()),
        ("command-a-03-2025", true, Some(9))
    );
    assert_eq!(request.images(), 1);
    let v1 = json!({"message": "Hi", "chat_history": [{"role": "USER", "message": "a"}, {"role": "CHATBOT", "message": "b"}]});
    let known = recognise(b"POST", b"/v1/chat", b"api.cohere.com").unwrap();
    let request = Request::read(&known, b"", v1.to_string().as_bytes()).unwrap().unwrap();
    assert_eq!((request.model(), request.stream(), request.output_limit()), ("", false, None));
    let embed = json!({"model": "embed-v4.0", "texts": ["a", "b"], "input_type": "search_document", "max_tokens": 500});
    assert_eq!(read("/v2/embed", &embed).output_limit(), Some(0));
}

#[test]
fn ollamas_requests_are_read_and_stream_unless_they_say_otherwise() {
    let chat = |extra: Value| {
        let mut body =
            json!({"model": "llama3.2", "messages": [{"role": "user", "content": "Hi", "images": ["AAAA"]}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        read("/api/chat", &body)
    };
    let request = chat(json!({}));
    assert_eq!((request.stream(), request.images(), request.output_limit()), (true, 1, None));
    assert!(!chat(json!({"stream": false})).stream());
    for (limit, expected) in [(64, Some(64)), (-1, None), (-2, None), (0, None)] {
        assert_eq!(
            chat(json!({"options": {"num_predict": limit, "num_ctx": 4096}})).output_limit(),
            expected
        );
    }
    assert!(read("/api/generate", &json!({"model": "llama3.2", "prompt": "Hi"})).stream());
    assert!(!read("/api/embed", &json!({"model": "all-minilm", "input": ["Hi"]})).stream());
}

#[test]
fn responses_are_read() {
    let body = json!({"model": "gpt-5", "instructions": "Be brief.", "max_output_tokens": 500, "stream": true, "user": "u",
        "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}, {"type": "input_image", "image_url": "https://e.com/a.png", "detail": "low"}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": "done"}],
        "tools": [{"type": "function", "name": "f", "parameters": {}}, {"type": "web_search"}]});
    let request = read("/v1/responses", &body);
    assert_eq!((request.model(), request.stream(), request.output_limit()), ("gpt-5", true, Some(500)));
    assert_eq!((request.tools(), request.images(), request.files()), (2, 1, 0));
    assert!(!request.asks_for_usage() && !request.deferred());
    // What is kept at the provider can be as large as a context window.
    for kept in [
        json!({"model": "m", "input": "Hi", "previous_response_id": "resp_1"}),
        json!({"model": "m", "input": "Hi", "conversation": {"id": "c"}}),
        json!({"model": "m", "prompt": {"id": "pmpt_1"}}),
        json!({"model": "m", "input": [{"type": "item_reference", "id": "i"}]}),
        json!({"model": "m", "input": "Hi", "tools": [{"type": "mcp", "server_label": "s", "server_url": "https://s"}]}),
    ] {
        assert!(read("/v1/responses", &kept).prompt_bound() > 1_000_000, "{kept}");
    }
    assert!(read("/v1/responses", &json!({"model": "m", "input": "Hi", "background": true})).deferred());
}

#[test]
fn completions_are_as_many_as_prompts_times_the_best_of() {
    let body = json!({"model": "gpt-3.5-turbo-instruct", "prompt": ["a", "b"], "n": 2, "best_of": 3, "max_tokens": 7});
    let request = read("/v1/completions", &body);
    assert_eq!((request.choices(), request.output_limit()), (6, Some(7)));
    // Four numbers are four tokens.
    let tokens = read("/v1/completions", &json!({"model": "m", "prompt": [[1, 20], [300, 4000]]}));
    assert_eq!(tokens.choices(), 2);
    assert!(tokens.prompt_bound() >= 4);
}

#[test]
fn on_a_path_that_others_have_too_the_body_decides() {
    for (path, body) in [
        ("/v1/messages", r#"{"to":"bob","text":"Hi"}"#),
        ("/v1/messages", r#"{"messages":[{"role":"user","content":"Hi"}]}"#),
        ("/v1/messages", "to=bob&text=Hi"),
        ("/v1/messages", ""),
        ("/api/chat", r#"{"id":"x","messages":[{"role":"user","parts":[]}]}"#),
        ("/api/generate", r#"{"report":"monthly"}"#),
        ("/v1/chat", r#"{"room":1}"#),
        ("/v1/chat", r#"{"message":"Hi"}"#),
        ("/api/chat", r#"{"model":"m","messages":[{"role":"user","parts":[{"text":"Hi"}]}]}"#),
        // Fields of ours that mean something else there.
        ("/api/generate", r#"{"stream":"video","model":3}"#),
        ("/v1/completions", r#"{"n":0.5,"n":1,"Model":"T"}"#),
        ("/v1/messages", "\u{1f}\u{8b}"),
        ("/v1/responses", r#"{"survey":7,"answers":[]}"#),
        ("/v1/completions", "[]"),
        ("/api/embeddings", "<xml/>"),
    ] {
        assert!(try_read(path, body).is_none(), "{path} {body}");
    }
    // What could be a call to some reader is no other traffic.
    let ambiguous = r#"{"model":"a","model":"b","messages":[]}"#;
    for body in
        [r#"{"model":"m","messages":[}"#, ambiguous, "\u{feff}{}", "{\0", r#"{"MODEL":1,"messages":1}"#]
    {
        refusal("/v1/messages", body);
    }
    let known = recognise(b"POST", b"/v1/messages", b"api.anthropic.com").unwrap();
    assert!(Request::read(&known, b"", br#"{"text":"Hi"}"#).is_err());
}

#[test]
fn the_output_limit_goes_where_each_provider_has_it() {
    for (path, body, pointer) in [
        (MESSAGES.to_owned(), json!({"model": "m", "messages": []}), "/max_tokens"),
        (GENERATE.to_owned(), json!({"contents": []}), "/generationConfig/maxOutputTokens"),
        (
            GENERATE.to_owned(),
            json!({"contents": [], "generationConfig": null}),
            "/generationConfig/maxOutputTokens",
        ),
        (
            GENERATE.to_owned(),
            json!({"contents": [], "generation_config": {"topP": 1}}),
            "/generation_config/maxOutputTokens",
        ),
        (CONVERSE.to_owned(), json!({"messages": []}), "/inferenceConfig/maxTokens"),
        (CONVERSE.to_owned(), json!({"messages": [], "inferenceConfig": {}}), "/inferenceConfig/maxTokens"),
        (
            invoke("amazon.titan-text-lite-v1"),
            json!({"inputText": "x"}),
            "/textGenerationConfig/maxTokenCount",
        ),
        (invoke("meta.llama3-8b-instruct-v1:0"), json!({"prompt": "x"}), "/max_gen_len"),
        (invoke("anthropic.claude-haiku-4-5"), json!({"messages": []}), "/max_tokens"),
        (invoke("amazon.nova-pro-v1:0"), json!({"messages": []}), "/inferenceConfig/maxTokens"),
        ("/v2/chat".to_owned(), json!({"model": "m", "messages": []}), "/max_tokens"),
        ("/v1/chat".to_owned(), json!({"model": "m", "message": "x"}), "/max_tokens"),
        (
            "/api/chat".to_owned(),
            json!({"model": "m", "messages": [{"role": "user", "content": "x"}]}),
            "/options/num_predict",
        ),
        (
            "/api/generate".to_owned(),
            json!({"model": "m", "prompt": "", "options": {"seed": 1}}),
            "/options/num_predict",
        ),
        ("/v1/responses".to_owned(), json!({"model": "m", "input": "x"}), "/max_output_tokens"),
        ("/v1/completions".to_owned(), json!({"model": "m", "prompt": "x"}), "/max_tokens"),
        // OpenAI's reasoning models refuse the older name, others the newer one.
        (
            "/v1/chat/completions".to_owned(),
            json!({"model": "gpt-5", "messages": []}),
            "/max_completion_tokens",
        ),
        ("/v1/chat/completions".to_owned(), json!({"model": "mistral-large", "messages": []}), "/max_tokens"),
    ] {
        let changed = limited(&path, &body);
        assert_eq!(changed.pointer(pointer), Some(&json!(100)), "{path} {body} {changed}");
        // Without it, it is what it was.
        let mut without = changed.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        without.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
        let mut before = body.clone();
        if !parent.is_empty() && !body.pointer(parent).is_some_and(Value::is_object) {
            before[&parent[1..]] = json!({});
        }
        assert_eq!(without, before, "{path}");
        // It is read back, and stays.
        assert_eq!(read(&path, &changed).output_limit(), Some(100), "{path}");
        assert_eq!(limited(&path, &changed), Value::Null, "{path}");
    }
}

#[test]
fn embeddings_images_and_unknown_formats_have_no_place_for_a_limit() {
    for (path, body) in [
        ("/v1/embeddings", json!({"model": "m", "input": "x"})),
        ("/v1/images/generations", json!({"model": "gpt-image-1", "prompt": "x"})),
        ("/v1beta/models/m:embedContent", json!({"content": {}})),
        ("/model/arn:aws:bedrock:x/invoke", json!({"prompt": "x"})),
    ] {
        assert!(!read(path, &body).can_be_limited());
        assert_eq!(limited(path, &body), Value::Null, "{path}");
    }
    assert_eq!(read("/v1/images/generations", &json!({"prompt": "x", "n": 3})).choices(), 3);
}

#[test]
fn another_model_goes_into_the_body_unless_the_path_names_it() {
    let to = |model| Rewrite { model: Some(model), ..Rewrite::default() };
    let body = json!({"model": "claude-opus-4-5", "max_tokens": 1, "messages": []});
    assert_eq!(rewritten(MESSAGES, &body, to("claude-haiku-4-5"))["model"], "claude-haiku-4-5");
    assert_eq!(rewritten(MESSAGES, &body, to("claude-opus-4-5")), Value::Null);
    assert_eq!(rewritten(MESSAGES, &body, to("a\"b\\c\nd"))["model"], "a\"b\\c\nd");
    assert_eq!(rewritten(GENERATE, &json!({"contents": []}), to("gemini-2.5-flash")), Value::Null);
}

#[test]
fn the_models_to_fall_back_to_are_told() {
    let body = json!({"model": "a", "models": ["b", "c"], "messages": []});
    assert_eq!(read("/api/v1/chat/completions", &body).other_models(), ["b", "c"]);
    let many = json!({"model": "a", "models": vec!["b"; 17], "messages": []}).to_string();
    assert!(refusal("/api/v1/chat/completions", &many).starts_with("`models` has more than 16 items"));
}

/// In every format: the field that decides, twice, in other letters, of another type; and whatever else is hard to read.
#[test]
fn ambiguous_and_hostile_bodies_are_refused_with_what_and_where() {
    for (path, twice, spelt, mistyped) in [
        (
            MESSAGES,
            r#"{"max_tokens":1,"max_tokens":2,"model":"m","messages":[]}"#,
            r#"{"Max_Tokens":1,"model":"m","messages":[]}"#,
            r#"{"max_tokens":"1","model":"m","messages":[]}"#,
        ),
        (
            GENERATE,
            r#"{"contents":[],"generationConfig":{},"generation_config":{}}"#,
            r#"{"contents":[],"GenerationConfig":{}}"#,
            r#"{"contents":[],"generationConfig":[]}"#,
        ),
        (
            CONVERSE,
            r#"{"messages":[],"messages":[]}"#,
            r#"{"messages":[],"inferenceconfig":{}}"#,
            r#"{"messages":{}}"#,
        ),
        (
            "/api/chat",
            r#"{"model":"m","messages":[],"options":{"num_predict":1,"num_predict":2}}"#,
            r#"{"model":"m","messages":[],"Stream":false}"#,
            r#"{"model":"m","messages":[],"stream":1}"#,
        ),
    ] {
        assert!(refusal(path, twice).contains("is given more than once (byte "), "{path}");
        assert!(refusal(path, spelt).contains("must be spelt exactly so (byte "), "{path}");
        assert!(refusal(path, mistyped).contains("must be "), "{path}");
        for hostile in
            ["[".repeat(100_000), "{\"a\":".repeat(100_000), "{\"contents\":[{\"parts\":".repeat(300)]
        {
            let _ = Request::read(&route(path), b"", hostile.as_bytes()).map_err(|e| e.to_string());
        }
        assert!(Request::read(&route(path), b"", b"{\"a\":\"\xff\"}").is_err());
    }
}
