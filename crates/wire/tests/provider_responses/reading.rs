//! What providers' figures mean, worked out on values by the rules of WIRE_FORMATS.md, section 1.

use serde_json::{Value, json};
use tokens::Usage;
use wire::Api;

/// The usage that a response reports, read from its documents.
pub(crate) fn usage(api: Api, documents: &[Value]) -> Option<Usage> {
    match api {
        Api::OpenAiChat | Api::OpenAiCompletions | Api::OpenAiEmbeddings => {
            let mut reported = documents.iter().flat_map(|d| [&d["usage"], &d["x_groq"]["usage"]]);
            reported.rfind(|usage| usage["prompt_tokens"].is_number()).map(chat)
        }
        Api::OpenAiResponses | Api::OpenAiImages | Api::OpenAiTranscriptions => {
            let mut reported = documents.iter().flat_map(|d| [&d["usage"], &d["response"]["usage"]]);
            reported.rfind(|usage| usage.is_object()).map(responses)
        }
        Api::AnthropicMessages => anthropic(documents),
        Api::GeminiGenerate | Api::GeminiEmbed => gemini(documents),
        Api::BedrockConverse => documents.iter().map(|d| &d["usage"]).rfind(|u| u.is_object()).map(converse),
        Api::BedrockInvoke => {
            let titan = documents.iter().find_map(|d| d["inputTextTokenCount"].as_u64());
            let titan = titan.map(|n| Usage { uncached_input: n, ..Usage::default() });
            anthropic(documents).or(titan)
        }
        Api::CohereChatV2 => documents.iter().map(|d| &d["usage"]).rfind(|u| u.is_object()).map(cohere),
        Api::CohereChatV1 | Api::CohereEmbed => {
            documents.iter().map(|d| &d["meta"]).rfind(|u| u.is_object()).map(cohere)
        }
        Api::OllamaChat | Api::OllamaGenerate | Api::OllamaEmbed => {
            let last = documents.iter().rfind(|d| d["prompt_eval_count"].is_u64())?;
            Some(Usage {
                uncached_input: n(&last["prompt_eval_count"]),
                output_visible: n(&last["eval_count"]),
                ..Usage::default()
            })
        }
        other => panic!("no reading of {other:?}"),
    }
}

fn n(value: &Value) -> u64 {
    value.as_u64().or(value.as_f64().map(|f| f as u64)).unwrap_or(0)
}

/// Details are subsets of the totals.
fn chat(usage: &Value) -> Usage {
    let (input, output) = (&usage["prompt_tokens_details"], &usage["completion_tokens_details"]);
    let cache_read = [&input["cached_tokens"], &usage["num_cached_tokens"], &usage["cached_tokens"]];
    let cache_read = cache_read.map(n).into_iter().max().unwrap_or(0);
    let completion = n(&usage["completion_tokens"]);
    // One recording reports more reasoning than output.
    let reasoning = n(&output["reasoning_tokens"]).min(completion);
    let (mut cache_write, audio_in) = (n(&input["cache_write_tokens"]), n(&input["audio_tokens"]));
    if cache_write == cache_read {
        cache_write = 0; // one recording: the tokens written are the tokens read
    }
    let (image_in, audio_out) = (n(&input["image_tokens"]), n(&output["audio_tokens"]));
    Usage {
        uncached_input: n(&usage["prompt_tokens"]) - cache_read - cache_write - audio_in - image_in,
        cache_read,
        cache_write_5m: cache_write,
        audio_in,
        image_in,
        output_visible: completion - reasoning - audio_out,
        reasoning,
        audio_out,
        ..Usage::default()
    }
}

fn responses(usage: &Value) -> Usage {
    let input = &usage["input_tokens_details"];
    let (read, written) = (n(&input["cached_tokens"]), n(&input["cache_write_tokens"]));
    let reasoning = n(&usage["output_tokens_details"]["reasoning_tokens"]);
    Usage {
        uncached_input: n(&usage["input_tokens"]) - read - written,
        cache_read: read,
        cache_write_5m: written,
        output_visible: n(&usage["output_tokens"]) - reasoning,
        reasoning,
        ..Usage::default()
    }
}

/// The input excludes the cache; what comes later in a stream replaces what it names again.
fn anthropic(documents: &[Value]) -> Option<Usage> {
    let mut merged = json!({});
    for document in documents {
        for usage in [&document["message"]["usage"], &document["usage"]] {
            for (key, value) in usage.as_object().into_iter().flatten() {
                merged[key] = value.clone();
            }
        }
    }
    let written = n(&merged["cache_creation_input_tokens"]);
    let long = n(&merged["cache_creation"]["ephemeral_1h_input_tokens"]);
    let thinking = n(&merged["output_tokens_details"]["thinking_tokens"]);
    merged["input_tokens"].is_u64().then(|| Usage {
        uncached_input: n(&merged["input_tokens"]),
        cache_read: n(&merged["cache_read_input_tokens"]),
        cache_write_5m: written - long,
        cache_write_1h: long,
        output_visible: n(&merged["output_tokens"]) - thinking,
        reasoning: thinking,
        ..Usage::default()
    })
}

fn gemini(documents: &[Value]) -> Option<Usage> {
    let predicted: Vec<u64> = documents
        .iter()
        .flat_map(|d| d["predictions"].as_array().cloned().unwrap_or_default())
        .map(|p| n(&p["embeddings"]["statistics"]["token_count"]))
        .collect();
    if !predicted.is_empty() {
        return Some(Usage { uncached_input: predicted.iter().sum(), ..Usage::default() });
    }
    let last = documents.iter().map(|d| &d["usageMetadata"]).rfind(|u| u["promptTokenCount"].is_u64())?;
    let of = |details: &str, modality: &str| {
        let parts = last[details].as_array().cloned().unwrap_or_default();
        parts.iter().filter(|p| p["modality"] == modality).map(|p| n(&p["tokenCount"])).sum::<u64>()
    };
    let audio_in = of("promptTokensDetails", "AUDIO") - of("cacheTokensDetails", "AUDIO");
    let image_in = of("promptTokensDetails", "IMAGE") - of("cacheTokensDetails", "IMAGE");
    let audio_out = of("candidatesTokensDetails", "AUDIO");
    let cache_read = n(&last["cachedContentTokenCount"]);
    Some(Usage {
        uncached_input: n(&last["promptTokenCount"]) + n(&last["toolUsePromptTokenCount"])
            - cache_read
            - audio_in
            - image_in,
        cache_read,
        audio_in,
        image_in,
        output_visible: n(&last["candidatesTokenCount"]) - audio_out,
        reasoning: n(&last["thoughtsTokenCount"]),
        audio_out,
        ..Usage::default()
    })
}

fn converse(usage: &Value) -> Usage {
    let details = usage["cacheDetails"].as_array().cloned().unwrap_or_default();
    let long: u64 = details.iter().filter(|d| d["ttl"] == "1h").map(|d| n(&d["inputTokens"])).sum();
    Usage {
        uncached_input: n(&usage["inputTokens"]),
        cache_read: n(&usage["cacheReadInputTokens"]),
        cache_write_5m: n(&usage["cacheWriteInputTokens"]) - long,
        cache_write_1h: long,
        output_visible: n(&usage["outputTokens"]),
        ..Usage::default()
    }
}

/// What is billed.
fn cohere(usage: &Value) -> Usage {
    let billed = &usage["billed_units"];
    Usage {
        uncached_input: n(&billed["input_tokens"]),
        output_visible: n(&billed["output_tokens"]),
        ..Usage::default()
    }
}
