//! Errors as each provider writes them: status, body, and the header that some SDKs tell them apart by.

use super::{Kind, Refusal};
use serde_json::{Value, json};
use wire::Api;

pub(super) struct Shape {
    pub(super) status: u32,
    pub(super) header: Option<(&'static str, String)>,
    pub(super) body: Value,
}

pub(super) fn of(refusal: &Refusal, api: Api) -> Shape {
    let plain = |body| Shape { status: status(refusal.kind), header: None, body };
    match api {
        Api::AnthropicMessages => plain(anthropic(refusal)),
        Api::GeminiGenerate | Api::GeminiEmbed => plain(google(refusal)),
        Api::BedrockConverse | Api::BedrockInvoke => bedrock(refusal),
        Api::CohereChatV1 | Api::CohereChatV2 | Api::CohereEmbed => cohere(refusal),
        Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbed => {
            plain(json!({ "error": refusal.message }))
        }
        // OpenAI's own, and all who speak it.
        _ => plain(openai(refusal)),
    }
}

const fn status(kind: Kind) -> u32 {
    match kind {
        Kind::Throttled | Kind::Exhausted => 429,
        Kind::Unavailable => 503,
        Kind::Unreadable => 400,
    }
}

/// <https://platform.openai.com/docs/guides/error-codes>
fn openai(refusal: &Refusal) -> Value {
    let kind = match refusal.kind {
        Kind::Throttled if refusal.limits.as_ref().is_some_and(super::Limits::of_requests) => "requests",
        Kind::Throttled => "tokens",
        Kind::Exhausted => "insufficient_quota",
        Kind::Unavailable => "server_error",
        Kind::Unreadable => "invalid_request_error",
    };
    let code = refusal.kind.reason();
    json!({ "error": { "message": refusal.message, "type": kind, "param": null, "code": code } })
}

/// <https://docs.anthropic.com/en/api/errors>
fn anthropic(refusal: &Refusal) -> Value {
    let kind = match refusal.kind {
        Kind::Throttled | Kind::Exhausted => "rate_limit_error",
        Kind::Unavailable => "api_error",
        Kind::Unreadable => "invalid_request_error",
    };
    json!({ "type": "error", "error": { "type": kind, "message": refusal.message } })
}

/// <https://cloud.google.com/apis/design/errors>: the canonical code, and details by their types.
fn google(refusal: &Refusal) -> Value {
    let canonical = match refusal.kind {
        Kind::Throttled | Kind::Exhausted => "RESOURCE_EXHAUSTED",
        Kind::Unavailable => "UNAVAILABLE",
        Kind::Unreadable => "INVALID_ARGUMENT",
    };
    let mut details = vec![json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": refusal.kind.reason().to_ascii_uppercase(),
        "domain": "tollkeeper",
    })];
    if let (Kind::Throttled, Some(retry_ms)) = (refusal.kind, refusal.retry_ms) {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}.{:03}s", retry_ms / 1_000, retry_ms % 1_000),
        }));
    }
    json!({ "error": {
        "code": status(refusal.kind),
        "message": refusal.message,
        "status": canonical,
        "details": details,
    } })
}

/// The errors of Bedrock's runtime, by the names and statuses of its service model (botocore's `bedrock-runtime`). AWS's
/// SDKs retry whatever has status 429; `ServiceQuotaExceededException` is a 400 and they do not.
fn bedrock(refusal: &Refusal) -> Shape {
    let (status, name) = match refusal.kind {
        Kind::Throttled => (429, "ThrottlingException"),
        Kind::Exhausted => (400, "ServiceQuotaExceededException"),
        Kind::Unavailable => (503, "ServiceUnavailableException"),
        Kind::Unreadable => (400, "ValidationException"),
    };
    let header = Some(("x-amzn-errortype", name.to_owned()));
    Shape { status, header, body: json!({ "message": refusal.message }) }
}

/// <https://docs.cohere.com/reference/errors>: 402 is for a billing limit that is reached. Its SDK retries 429 whatever
/// headers say.
fn cohere(refusal: &Refusal) -> Shape {
    let status = if refusal.kind == Kind::Exhausted { 402 } else { status(refusal.kind) };
    Shape { status, header: None, body: json!({ "message": refusal.message }) }
}
