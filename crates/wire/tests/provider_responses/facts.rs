//! What a response says beside its usage, worked out on values.

use serde_json::Value;
use wire::Api;

/// Of an array the items, of anything else nothing.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn model(api: Api, documents: &[Value]) -> Option<String> {
    let named = |document: &Value| match api {
        Api::GeminiGenerate => document["modelVersion"].as_str().map(str::to_owned),
        Api::GeminiEmbed | Api::BedrockConverse | Api::CohereChatV2 | Api::CohereEmbed => None,
        _ => [&document["model"], &document["response"]["model"], &document["message"]["model"]]
            .iter()
            .find_map(|model| model.as_str().filter(|model| !model.is_empty()).map(str::to_owned)),
    };
    documents.iter().find_map(named)
}

/// The provider's own word for why the model stopped.
pub(crate) fn finish(api: Api, documents: &[Value]) -> Option<String> {
    let words = documents.iter().flat_map(|d| match api {
        Api::OpenAiChat => items(&d["choices"]).iter().map(|choice| &choice["finish_reason"]).collect(),
        Api::AnthropicMessages | Api::BedrockInvoke => {
            vec![&d["message"]["stop_reason"], &d["delta"]["stop_reason"], &d["stop_reason"]]
        }
        Api::GeminiGenerate => items(&d["candidates"])
            .iter()
            .map(|candidate| &candidate["finishReason"])
            .chain([&d["promptFeedback"]["blockReason"]])
            .collect(),
        Api::BedrockConverse => vec![&d["stopReason"]],
        Api::CohereChatV2 => vec![&d["finish_reason"], &d["delta"]["finish_reason"]],
        Api::OpenAiResponses => {
            let of = |response: &'static str| &d[response];
            let response = if d["response"].is_object() { of("response") } else { d };
            let reason = &response["incomplete_details"]["reason"];
            let status = &response["status"];
            vec![if reason.is_string() { reason } else { status }]
        }
        _ => Vec::new(),
    });
    let ends = |word: &str| !matches!(word, "" | "in_progress" | "queued");
    words.filter_map(Value::as_str).rfind(|word| ends(word)).map(str::to_owned)
}

/// How many calls of tools there are, by their names.
pub(crate) fn tool_calls(api: Api, documents: &[Value]) -> usize {
    let named = |value: &&Value| value["name"].as_str().is_some_and(|name| !name.is_empty());
    let count = |d: &Value| match api {
        Api::OpenAiChat => items(&d["choices"])
            .iter()
            .flat_map(|choice| [&choice["message"], &choice["delta"]])
            .flat_map(|message| items(&message["tool_calls"]))
            .filter(|call| named(&&call["function"]))
            .count(),
        Api::AnthropicMessages | Api::BedrockInvoke => {
            items(&d["content"]).iter().chain([&d["content_block"]]).filter(named).count()
        }
        Api::GeminiGenerate => items(&d["candidates"])
            .iter()
            .flat_map(|candidate| items(&candidate["content"]["parts"]))
            .filter(|part| named(&&part["functionCall"]))
            .count(),
        Api::BedrockConverse => items(&d["output"]["message"]["content"])
            .iter()
            .map(|block| &block["toolUse"])
            .chain([&d["start"]["toolUse"]])
            .filter(named)
            .count(),
        Api::CohereChatV2 => {
            items(&d["message"]["tool_calls"]).iter().filter(|call| named(&&call["function"])).count()
        }
        Api::OpenAiResponses if d["type"] == "response.output_item.added" => usize::from(named(&&d["item"])),
        Api::OpenAiResponses => items(&d["output"]).iter().filter(named).count(),
        _ => 0,
    };
    documents.iter().map(count).sum()
}

/// What OpenRouter says it cost, in pico-USD.
pub(crate) fn cost(documents: &[Value]) -> Option<u64> {
    let usd = documents.iter().filter_map(|d| d["usage"]["cost"].as_f64()).next_back()?;
    Some((usd * 1e12).round() as u64)
}

/// Searches that are billed by the piece.
pub(crate) fn searches(api: Api, documents: &[Value]) -> u64 {
    let count =
        |items: &[Value]| items.iter().filter(|item| item["type"] == "web_search_call").count() as u64;
    match api {
        Api::OpenAiResponses => documents
            .iter()
            .map(|d| match d["type"].as_str() {
                Some("response.completed") => count(items(&d["response"]["output"])),
                _ => count(items(&d["output"])),
            })
            .sum(),
        Api::AnthropicMessages => {
            let made = documents.iter().map(|d| &d["usage"]["server_tool_use"]["web_search_requests"]);
            made.filter_map(Value::as_u64).next_back().unwrap_or(0)
        }
        Api::GeminiGenerate => documents
            .iter()
            .flat_map(|d| items(&d["candidates"]))
            .map(|candidate| items(&candidate["groundingMetadata"]["webSearchQueries"]).len() as u64)
            .sum(),
        _ => 0,
    }
}

pub(crate) fn error(documents: &[Value]) -> bool {
    let is_error =
        |d: &Value| d["error"].is_object() || d["error"].is_string() || d["response"]["error"].is_object();
    documents.iter().any(is_error)
}
