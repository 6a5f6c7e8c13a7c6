//! What a call costs in tokens, as OpenAI documents it: the public vocabularies, and the overhead of messages and
//! tools from the cookbook's "How to count tokens with tiktoken". Counted here without any of the project's own
//! crates, so that their figures have something to agree with.

use serde::Serialize;
use serde_json::Value;
use tiktoken_rs::CoreBPE;
use tiktoken_rs::tokenizer::{Tokenizer, get_tokenizer};

/// Prompt tokens before the answer starts: every reply is primed with `<|start|>assistant<|message|>`.
const PRIMING: u64 = 3;
const PER_MESSAGE: u64 = 3;
const PER_NAME: u64 = 1;

/// One image at `detail: low`, the only detail that needs no look at the picture ("Images and vision" guide, gpt-4o).
const PER_IMAGE: u64 = 85;

/// `usage` of a chat completion. The details are parts of the totals, not additions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
    pub prompt_tokens_details: PromptDetails,
    pub completion_tokens_details: CompletionDetails,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PromptDetails {
    pub cached_tokens: u64,
    pub audio_tokens: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CompletionDetails {
    pub reasoning_tokens: u64,
    pub audio_tokens: u64,
    pub accepted_prediction_tokens: u64,
    pub rejected_prediction_tokens: u64,
}

impl Usage {
    /// `cached` is a part of `prompt`; `reasoning` comes on top of what is `visible`.
    pub fn new(prompt: u64, cached: u64, visible: u64, reasoning: u64) -> Self {
        Self {
            prompt_tokens: prompt,
            completion_tokens: visible + reasoning,
            total_tokens: prompt + visible + reasoning,
            prompt_tokens_details: PromptDetails { cached_tokens: cached.min(prompt), audio_tokens: 0 },
            completion_tokens_details: CompletionDetails {
                reasoning_tokens: reasoning,
                audio_tokens: 0,
                accepted_prediction_tokens: 0,
                rejected_prediction_tokens: 0,
            },
        }
    }
}

/// The vocabulary of a model; that of the current models for names nobody published one for.
pub(crate) fn vocabulary(model: &str) -> &'static CoreBPE {
    match get_tokenizer(model) {
        Some(Tokenizer::Cl100kBase) => tiktoken_rs::cl100k_base_singleton(),
        _ => tiktoken_rs::o200k_base_singleton(),
    }
}

/// Tokens of the prompt: the messages of a request and the tools it offers.
pub(crate) fn prompt_tokens(bpe: &CoreBPE, request: &Value) -> u64 {
    let messages = list(&request["messages"]);
    let tools = list(&request["tools"]);
    PRIMING
        + messages.iter().map(|message| message_tokens(bpe, message)).sum::<u64>()
        + tools_tokens(bpe, tools)
}

fn message_tokens(bpe: &CoreBPE, message: &Value) -> u64 {
    let name = if message["name"].is_string() { PER_NAME } else { 0 };
    let calls = list(&message["tool_calls"]).iter().map(|call| &call["function"]);
    let calls = calls.map(|call| text(bpe, &call["name"]) + text(bpe, &call["arguments"])).sum::<u64>();
    PER_MESSAGE
        + name
        + calls
        + text(bpe, &message["role"])
        + text(bpe, &message["name"])
        + content_tokens(bpe, &message["content"])
}

fn content_tokens(bpe: &CoreBPE, content: &Value) -> u64 {
    let parts = list(content).iter().map(|part| match part["type"].as_str() {
        Some("image_url") => PER_IMAGE,
        _ => text(bpe, &part["text"]),
    });
    text(bpe, content) + parts.sum::<u64>()
}

/// The cookbook's `num_tokens_for_tools`, with its figures for gpt-4o.
fn tools_tokens(bpe: &CoreBPE, tools: &[Value]) -> u64 {
    const FUNCTION: u64 = 7;
    const PROPERTIES: u64 = 3;
    const PROPERTY: u64 = 3;
    const ENUM_ITEM: u64 = 3;
    const ENUM_SAVES: u64 = 3;
    const END: u64 = 12;

    let line = |line: String| bpe.encode_ordinary(line.trim_end_matches('.')).len() as u64;
    let property = |(key, value): (&String, &Value)| {
        let items = list(&value["enum"]);
        let items_tokens = items.iter().map(|item| ENUM_ITEM + text(bpe, item)).sum::<u64>();
        let saved = if items.is_empty() { 0 } else { ENUM_SAVES };
        PROPERTY + items_tokens - saved
            + line(format!("{key}:{}:{}", str(&value["type"]), str(&value["description"])))
    };
    let function = |tool: &Value| {
        let function = &tool["function"];
        let properties = function["parameters"]["properties"].as_object().filter(|all| !all.is_empty());
        let properties = properties.map_or(0, |all| PROPERTIES + all.iter().map(property).sum::<u64>());
        FUNCTION + properties + line(format!("{}:{}", str(&function["name"]), str(&function["description"])))
    };
    if tools.is_empty() { 0 } else { END + tools.iter().map(function).sum::<u64>() }
}

fn text(bpe: &CoreBPE, value: &Value) -> u64 {
    bpe.encode_ordinary(str(value)).len() as u64
}

fn str(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// The cookbook's own example and the figures it prints beside the API's answer.
    #[test]
    fn messages_cost_what_the_cookbook_saw_the_api_bill() {
        let messages = [
            (
                "system",
                None,
                "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
            ),
            ("system", Some("example_user"), "New synergies will help drive top-line growth."),
            ("system", Some("example_assistant"), "Things working well together will increase revenue."),
            (
                "system",
                Some("example_user"),
                "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
            ),
            (
                "system",
                Some("example_assistant"),
                "Let's talk later when we're less busy about how to do better.",
            ),
            (
                "user",
                None,
                "This late pivot means we don't have time to boil the ocean for the client deliverable.",
            ),
        ];
        let messages = messages.map(|(role, name, content)| match name {
            Some(name) => json!({"role": role, "name": name, "content": content}),
            None => json!({"role": role, "content": content}),
        });
        let request = json!({ "messages": messages });
        assert_eq!(prompt_tokens(vocabulary("gpt-4o"), &request), 124);
        assert_eq!(prompt_tokens(vocabulary("gpt-4-0613"), &request), 129);
        assert_eq!(prompt_tokens(vocabulary("gpt-3.5-turbo"), &request), 129);
    }

    /// Likewise, of its example with a tool.
    #[test]
    fn tools_cost_what_the_cookbook_saw_the_api_bill() {
        let request = json!({
            "messages": [
                {"role": "system", "content": "You are a helpful assistant that can answer to questions about the weather."},
                {"role": "user", "content": "What's the weather like in San Francisco?"},
            ],
            "tools": [{"type": "function", "function": {
                "name": "get_current_weather",
                "description": "Get the current weather in a given location",
                "parameters": {"type": "object", "required": ["location"], "properties": {
                    "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                    "unit": {"type": "string", "description": "The unit of temperature to return", "enum": ["celsius", "fahrenheit"]},
                }},
            }}],
        });
        assert_eq!(prompt_tokens(vocabulary("gpt-4o"), &request), 101);
    }
}
