use super::*;

fn route(path: &str) -> Option<Route> {
    recognise(b"POST", path.as_bytes(), b"")
}

#[test]
fn chat_completions_are_recognised_under_any_prefix_and_spelling() {
    for path in [
        "/v1/chat/completions",
        "/chat/completions",
        "/openai/v1/chat/completions",
        "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21",
        "/v1/chat/completions/",
        "/v1//chat/./completions",
        "/v1/chat%2Fcompletion%73",
        "/v1/Chat/COMPLETIONS",
        "/v1/chat;a=b/completions;c",
        "/v1/x/../chat/completions",
        "v1/chat/completions",
        "http://h/v1/chat/completions#x",
    ] {
        let found = route(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((found.api, found.certain), (Api::OpenAiChat, true), "{path}");
    }
}

#[test]
fn every_format_has_its_paths() {
    for (path, api, streams, model) in [
        ("/v1/completions", Api::OpenAiCompletions, None, None),
        ("/v1/fim/completions", Api::OpenAiCompletions, None, None),
        ("/v1/responses", Api::OpenAiResponses, None, None),
        ("/responses", Api::OpenAiResponses, None, None),
        ("/openai/v1/responses/compact", Api::OpenAiResponses, None, None),
        ("/v1/embeddings", Api::OpenAiEmbeddings, None, None),
        ("/openai/deployments/ada/embeddings?api-version=1", Api::OpenAiEmbeddings, None, Some("ada")),
        ("/v1/images/edits", Api::OpenAiImages, None, None),
        ("/v1/audio/transcriptions", Api::OpenAiTranscriptions, None, None),
        ("/v1/messages?beta=true", Api::AnthropicMessages, None, None),
        ("/anthropic/v1/messages", Api::AnthropicMessages, None, None),
        (
            "/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict",
            Api::AnthropicMessages,
            Some(true),
            Some("claude-sonnet-4-5@20250929"),
        ),
        (
            "/v1/projects/p/locations/l/publishers/mistralai/models/mistral-small:rawPredict",
            Api::OpenAiChat,
            Some(false),
            Some("mistral-small"),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:generateContent",
            Api::GeminiGenerate,
            Some(false),
            Some("gemini-2.5-pro"),
        ),
        (
            "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse",
            Api::GeminiGenerate,
            Some(true),
            Some("gemini-2.5-pro"),
        ),
        (
            "/v1/models/gemini-embedding-2:batchEmbedContents",
            Api::GeminiEmbed,
            Some(false),
            Some("gemini-embedding-2"),
        ),
        (
            "/v1beta1/projects/p/locations/global/publishers/google/models/gemini-embedding-001:predict",
            Api::GeminiEmbed,
            Some(false),
            Some("gemini-embedding-001"),
        ),
        (
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
            Api::BedrockConverse,
            Some(true),
            Some("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        ),
        (
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fx/invoke",
            Api::BedrockInvoke,
            Some(false),
            Some("arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x"),
        ),
        (
            "/model/amazon.titan-embed-text-v1/invoke-with-response-stream",
            Api::BedrockInvoke,
            Some(true),
            Some("amazon.titan-embed-text-v1"),
        ),
        ("/v1/chat", Api::CohereChatV1, None, None),
        ("/v2/chat", Api::CohereChatV2, None, None),
        ("/v2/embed", Api::CohereEmbed, None, None),
        ("/api/chat", Api::OllamaChat, None, None),
        ("/api/generate", Api::OllamaGenerate, None, None),
        ("/api/embeddings", Api::OllamaEmbed, None, None),
        ("/serving-endpoints/my-llama/invocations", Api::OpenAiChat, None, Some("my-llama")),
    ] {
        let found = route(path).unwrap_or_else(|| panic!("{path}"));
        assert_eq!((found.api, found.streams, found.model.as_deref()), (api, streams, model), "{path}");
    }
}

#[test]
fn what_is_no_call_or_costs_nothing_is_let_by() {
    assert_eq!(recognise(b"GET", b"/v1/chat/completions", b"api.openai.com"), None);
    for path in [
        "/",
        "",
        "*",
        "/v1/chat/completions/x",
        "/x?/chat/completions",
        "/%",
        "/v1/chat/completions%3F",
        "/..",
        "/v1/messages/count_tokens",
        "/v1beta/models/gemini-2.5-flash:countTokens",
        "/v1beta/models/imagen-4:predict",
        "/model/anthropic.claude-v2/count-tokens",
        "/v1/tokenize",
        "/v1/responses/input_tokens",
        "/v1/responses/resp_1/cancel",
        "/v1/batches",
        "/v1/files",
        "/v1/threads/t/messages",
        "/chat",
        "/users/generate",
        "/invoke",
        "/v1/models/x:generateContents",
        "/:generateContent",
    ] {
        assert_eq!(route(path), None, "{path}");
    }
}

#[test]
fn a_host_gives_the_provider_its_name_and_makes_a_path_certain() {
    let at = |path: &str, host: &str| {
        let route = recognise(b"POST", path.as_bytes(), host.as_bytes()).unwrap();
        (route.provider, route.certain)
    };
    assert_eq!(at("/v1/messages", "api.anthropic.com"), ("anthropic", true));
    assert_eq!(at("/v1/messages", "chat.example.com"), ("anthropic", false));
    assert_eq!(at("/openai/v1/chat/completions", "api.groq.com"), ("groq", true));
    assert_eq!(at("/v1/chat/completions", "llm.internal:8000"), ("openai", true));
    assert_eq!(at("/openai/deployments/d/chat/completions", "gateway"), ("azure.ai.openai", true));
    assert_eq!(at("/v1/publishers/google/models/m:generateContent", "gateway"), ("gcp.vertex_ai", true));
    assert_eq!(at("/api/chat", "localhost:11434"), ("ollama", true));
    assert_eq!(at("/api/chat", "api.openai.com"), ("openai", false));
}

#[test]
fn batches_are_told_where_the_body_carries_the_prompts() {
    assert!(route("/v1/messages/batches").unwrap().batch);
    assert!(route("/v1beta/models/m:batchGenerateContent").unwrap().batch);
    assert!(!route("/v1/messages").unwrap().batch);
}

#[test]
fn an_operator_may_say_what_a_path_is() {
    let forced = Route::forced(Api::OllamaChat, b"/models/x:generateContent", b"");
    assert_eq!((forced.api, forced.model, forced.certain), (Api::OllamaChat, None, true));
    let forced = Route::forced(Api::GeminiGenerate, b"/models/x:streamGenerateContent", b"");
    assert_eq!((forced.model.as_deref(), forced.streams), (Some("x"), Some(true)));
}

#[test]
fn another_model_goes_into_the_path_where_it_stands() {
    let changed = |path: &str, model: &str| {
        let changed = route(path)?.path_with_model(path.as_bytes(), model)?;
        Some(String::from_utf8(changed).unwrap())
    };
    for (path, model, expected) in [
        (
            "/v1beta/models/gemini-2.5-pro:generateContent?key=x",
            "gemini-2.5-flash",
            "/v1beta/models/gemini-2.5-flash:generateContent?key=x",
        ),
        ("/v1//models/%67emini%3AgenerateContent", "b", "/v1//models/b%3AgenerateContent"),
        (
            "/model/anthropic.claude-v2%3A1/converse",
            "amazon.nova-lite-v1:0",
            "/model/amazon.nova-lite-v1%3A0/converse",
        ),
        ("/model/arn:aws:x%2Fy//./invoke", "a/b", "/model/a%2Fb//./invoke"),
        (
            "/openai/deployments/a/../b/chat/completions?v=1",
            "c",
            "/openai/deployments/a/../c/chat/completions?v=1",
        ),
    ] {
        assert_eq!(changed(path, model).as_deref(), Some(expected), "{path}");
    }
    assert_eq!(changed("/v1/chat/completions", "m"), None);
}
