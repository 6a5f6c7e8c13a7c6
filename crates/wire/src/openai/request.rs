//! Chat completions, the older text completions and embeddings, as the API reference has them.

use super::prompt::{functions, messages, response_format, texts};
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};

pub(crate) static CHAT: Format = Format {
    body: Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["messages"], What::Prompt(Shape::Array, messages)),
            field(&["stream"], What::Stream),
            field(&["stream_options"], What::Nested(&STREAM_OPTIONS)),
            // llama.cpp reads 0 as no limit, and so does Ollama.
            field(&["max_completion_tokens"], What::PositiveLimit),
            field(&["max_tokens"], What::PositiveLimit),
            field(&["n"], What::Choices),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, functions)),
            field(&["functions"], What::Prompt(Shape::ArrayOrNull, functions)),
            field(&["response_format"], What::Prompt(Shape::Any, response_format)),
            field(&["service_tier"], What::Tier),
            field(&["temperature"], What::Temperature),
            field(&["user"], What::User),
            field(&["safety_identifier"], What::User),
        ],
        aside: &[
            "audio",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "metadata",
            "modalities",
            "moderation",
            "parallel_tool_calls",
            "prediction",
            "presence_penalty",
            "prompt_cache_key",
            "prompt_cache_retention",
            "reasoning_effort",
            "seed",
            "stop",
            "store",
            "top_logprobs",
            "top_p",
            "verbosity",
        ],
    },
    required: &[&["messages"]],
    model_optional: false,
    streams: false,
    limit: Limits::Chat,
};

static STREAM_OPTIONS: Table = Table {
    fields: &[inner(&["include_usage"], "stream_options.include_usage", What::IncludeUsage)],
    aside: &["include_obfuscation", "continuous_usage_stats", "chunk_include_usage"],
};

pub(crate) static COMPLETIONS: Format = Format {
    body: Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["prompt"], What::Prompt(Shape::Text, texts)),
            field(&["suffix"], What::Prompt(Shape::Text, texts)),
            field(&["stream"], What::Stream),
            field(&["stream_options"], What::Nested(&STREAM_OPTIONS)),
            field(&["max_tokens"], What::Limit),
            field(&["max_completion_tokens"], What::Limit),
            field(&["n"], What::Choices),
            // So many are generated, and charged, though fewer are returned.
            field(&["best_of"], What::Choices),
            field(&["temperature"], What::Temperature),
            field(&["user"], What::User),
        ],
        aside: &[
            "echo",
            "frequency_penalty",
            "logit_bias",
            "logprobs",
            "presence_penalty",
            "seed",
            "stop",
            "top_p",
        ],
    },
    required: &[&["prompt"]],
    model_optional: false,
    streams: false,
    limit: Limits::Field("max_tokens"),
};

pub(crate) static EMBEDDINGS: Format = Format {
    body: Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["input"], What::Prompt(Shape::Any, texts)),
            field(&["user"], What::User),
        ],
        aside: &["dimensions", "encoding_format"],
    },
    required: &[&["input"]],
    model_optional: false,
    streams: false,
    limit: Limits::Fixed(0),
};

/// The name of the output limit in a chat completion. OpenAI's reasoning models refuse the older `max_tokens`, and
/// everybody else understands it; some refuse the newer name (Mistral), some ignore it (Ollama, older servers).
pub(crate) fn limit_name(provider: &str, model: &str) -> &'static str {
    let base = model.rsplit('/').next().unwrap_or(model);
    let openai = matches!(provider, "openai" | "azure.ai.openai" | "openrouter")
        && ["gpt-", "o1", "o3", "o4", "chatgpt", "ft:gpt", "codex"]
            .iter()
            .any(|start| base.starts_with(start));
    if openai || provider == "azure.ai.openai" { "max_completion_tokens" } else { "max_tokens" }
}
