//! InvokeModel: each model's own format, all in one table, for no name in one means something else in another.
//! Sources: "Inference request parameters and response fields" in Bedrock's user guide; for what Bedrock adds, the API
//! reference, "InvokeModel" and "InvokeModelWithResponseStream".

use super::{MESSAGE_OF_ERROR, converse};
use crate::response::{Field, Figure, Leaf, ResponseHead, Said, Scope};
use crate::{anthropic, openai};
use tokens::Usage;

/// What an event of the stream wraps its document in.
pub(crate) static INVOKE_CHUNK: Field =
    Field::document(&[Field::new("bytes").means(Leaf::Wrapped), MESSAGE_OF_ERROR]);

pub(crate) static INVOKE_RESPONSE: Field = Field::document(OWN).and(anthropic::MESSAGES, converse::CONVERSE);

/// What is in neither Anthropic's table nor Converse's, or in several.
const OWN: &[Field] = &[
    Field::new("usage")
        .opens(Scope::MoreUsage)
        .with(anthropic::USAGE_MEMBERS)
        .and(converse::USAGE_MEMBERS, openai::USAGE_MEMBERS),
    // What Bedrock adds to the last chunk of any stream.
    Field::new("amazon-bedrock-invocationMetrics").opens(Scope::Fallback).with(&[
        Field::new("inputTokenCount").is(Figure::Uncached),
        Field::new("outputTokenCount").is(Figure::Output),
        Field::new("cacheReadInputTokenCount").is(Figure::CacheRead),
        Field::new("cacheWriteInputTokenCount").is(Figure::CacheWrite),
    ]),
    // Nova: Converse's bodies, and its events, each under its name.
    Field::new("contentBlockStart").with(converse::CONVERSE),
    Field::new("contentBlockDelta").with(converse::CONVERSE),
    Field::new("messageStop").with(converse::CONVERSE),
    Field::new("metadata").with(converse::CONVERSE),
    // Titan: texts, a stream of texts, embeddings.
    Field::new("inputTextTokenCount").is(Figure::Prompt),
    Field::new("results").with(&[
        Field::new("tokenCount").means(Leaf::Summand(Figure::Output)),
        Field::new("outputText").says(Said::Content),
        Field::new("completionReason").means(Leaf::Finish),
    ]),
    Field::new("outputText").says(Said::Content),
    Field::new("totalOutputTextTokenCount").is(Figure::Output),
    Field::new("completionReason").means(Leaf::Finish),
    // Llama.
    Field::new("generation").says(Said::Content),
    Field::new("prompt_token_count").is(Figure::Prompt),
    Field::new("generation_token_count").is(Figure::Output),
    // Mistral's texts.
    Field::new("outputs")
        .opens(Scope::Choices)
        .with(&[Field::new("text").says(Said::Content), Field::new("stop_reason").means(Leaf::Finish)]),
    // OpenAI's format, or nearly: gpt-oss, Mistral's chats, Qwen; DeepSeek has texts.
    Field::new("choices")
        .opens(Scope::Choices)
        .with(openai::CHOICE)
        .and(&[Field::new("text").says(Said::Content), Field::new("stop_reason").means(Leaf::Finish)], &[]),
    // Cohere.
    Field::new("text").says(Said::Content),
    Field::new("generations")
        .opens(Scope::Choices)
        .with(&[Field::new("text").says(Said::Content), Field::new("finish_reason").means(Leaf::Finish)]),
    Field::new("finish_reason").means(Leaf::Finish),
    Field::new("event_type").means(Leaf::Kind),
];

/// The usage that Bedrock puts into headers, for models whose bodies have none. `None` if there is none.
pub(crate) fn figures_in_head(head: &ResponseHead<'_>) -> Option<Usage> {
    let figure = |name: &str| {
        let value = (head.header)(name)?;
        str::from_utf8(value).ok()?.trim().parse::<u64>().ok()
    };
    let input = figure("x-amzn-bedrock-input-token-count");
    let output = figure("x-amzn-bedrock-output-token-count");
    input.or(output)?;
    Some(Usage {
        uncached_input: input.unwrap_or(0),
        cache_read: figure("x-amzn-bedrock-cache-read-input-token-count").unwrap_or(0),
        cache_write_5m: figure("x-amzn-bedrock-cache-write-input-token-count").unwrap_or(0),
        output_visible: output.unwrap_or(0),
        ..Usage::default()
    })
}
