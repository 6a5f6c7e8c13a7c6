//! `invoke` and `invoke-with-response-stream`: the body is in the format of the model's maker. Which one is told by the
//! model's id; behind an ARN that says nothing of the model, by the fields.

use super::prompt::{messages, system};
use super::request::{INFERENCE_CONFIG, TOOL_CONFIG};
use crate::anthropic;
use crate::cohere;
use crate::openai;
use crate::prompt::{ANY_MAKER, Frame};
use crate::request::format::{Field, Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{message, response_format, texts, tools};

/// The tables for a model id: `amazon.nova-lite-v1:0`, with or without a region (`us.`) before it, in an ARN or not.
pub(crate) fn request_of(model: &str) -> &'static Format {
    let holds = |part: &str| model.contains(part);
    if holds("anthropic.") {
        &ANTHROPIC
    } else if holds("embed") {
        &EMBED
    } else if holds("amazon.nova") {
        &NOVA
    } else if holds("amazon.titan") {
        &TITAN
    } else if holds("meta.llama") {
        &LLAMA
    } else if holds("cohere.") {
        &COHERE
    } else if ["openai.", "qwen.", "moonshot", "minimax", "zai.", "nvidia.", "google.", "writer."]
        .iter()
        .any(|maker| holds(maker))
    {
        &CHAT
    } else if holds("mistral.") || holds("deepseek.") || holds("ai21.") {
        &PROMPT_OR_CHAT
    } else {
        &ANY
    }
}

const MESSAGES: Field = field(&["messages"], What::Prompt(Shape::Array, anthropic::messages));
const SYSTEM: Field = field(&["system"], What::Prompt(Shape::Text, anthropic::system));
const PROMPT: Field = field(&["prompt"], What::Prompt(Shape::Any, message));
const MAX_TOKENS: Field = field(&["max_tokens"], What::Limit);
const TEMPERATURE: Field = field(&["temperature"], What::Temperature);
const STREAM: Field = field(&["stream"], What::Stream);

/// Claude: messages, and the older text completions.
static ANTHROPIC: Format = Format {
    body: &Table {
        fields: &[
            MESSAGES,
            SYSTEM,
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            MAX_TOKENS,
            PROMPT,
            field(&["max_tokens_to_sample"], What::Limit),
            STREAM,
            TEMPERATURE,
            field(&["metadata"], What::Nested(&anthropic::METADATA)),
            field(&["output_config"], What::Nested(&anthropic::OUTPUT_CONFIG)),
        ],
        aside: &[
            "anthropic_beta",
            "anthropic_version",
            "cache_control",
            "context_management",
            "stop_sequences",
            "thinking",
            "tool_choice",
            "top_k",
            "top_p",
        ],
    },
    required: &[&["messages", "prompt"]],
    limit: Limits::Field("max_tokens"),
    turns: Some("messages"),
    ..INVOKE
};

static NOVA: Format = Format {
    body: &Table {
        fields: &[
            field(&["messages"], What::Prompt(Shape::Array, messages)),
            field(&["system"], What::Prompt(Shape::Text, system)),
            field(&["toolConfig"], What::Nested(&TOOL_CONFIG)),
            field(&["inferenceConfig"], What::Nested(&INFERENCE_CONFIG)),
        ],
        aside: &["schemaVersion"],
    },
    required: &[&["messages"]],
    limit: Limits::Within("inferenceConfig", "maxTokens"),
    turns: Some("messages"),
    ..INVOKE
};

static TITAN: Format = Format {
    body: &Table {
        fields: &[
            field(&["inputText"], What::Prompt(Shape::Any, message)),
            field(&["textGenerationConfig"], What::Nested(&TEXT_GENERATION_CONFIG)),
        ],
        aside: &[],
    },
    required: &[&["inputText"]],
    limit: Limits::Within("textGenerationConfig", "maxTokenCount"),
    ..INVOKE
};

static TEXT_GENERATION_CONFIG: Table = Table {
    fields: &[
        inner(&["maxTokenCount"], "textGenerationConfig.maxTokenCount", What::Limit),
        inner(&["temperature"], "textGenerationConfig.temperature", What::Temperature),
    ],
    aside: &["stopSequences", "topP"],
};

static LLAMA: Format = Format {
    body: &Table { fields: &[PROMPT, field(&["max_gen_len"], What::Limit), TEMPERATURE], aside: &["top_p"] },
    required: &[&["prompt"]],
    limit: Limits::Field("max_gen_len"),
    ..INVOKE
};

/// Command (`prompt`) and Command R (`message`, `chat_history`).
static COHERE: Format = Format {
    body: &Table {
        fields: &[
            PROMPT,
            field(&["message"], What::Prompt(Shape::Any, message)),
            field(&["preamble"], What::Prompt(Shape::Any, message)),
            field(&["chat_history"], What::Prompt(Shape::ArrayOrNull, cohere::history)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            MAX_TOKENS,
            field(&["num_generations"], What::Choices),
            STREAM,
            TEMPERATURE,
        ],
        aside: &["p", "k", "seed", "stop_sequences", "return_prompt", "return_likelihoods", "truncate"],
    },
    required: &[&["prompt", "message"]],
    limit: Limits::Field("max_tokens"),
    turns: Some("chat_history"),
    question_apart: true,
    ..INVOKE
};

/// Those that speak OpenAI's chat completions.
static CHAT: Format = Format {
    body: &Table {
        fields: &[
            field(&["messages"], What::Prompt(Shape::Array, openai::messages)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["response_format"], What::Prompt(Shape::Any, response_format)),
            MAX_TOKENS,
            field(&["max_completion_tokens"], What::Limit),
            field(&["n"], What::Choices),
            STREAM,
            TEMPERATURE,
        ],
        aside: &["model", "top_p", "stop", "seed", "reasoning_effort", "tool_choice", "stream_options"],
    },
    required: &[&["messages"]],
    limit: Limits::Field("max_tokens"),
    turns: Some("messages"),
    ..INVOKE
};

/// Those that take either form, by version.
static PROMPT_OR_CHAT: Format = Format {
    body: &Table {
        fields: &[
            PROMPT,
            field(&["messages"], What::Prompt(Shape::Array, openai::messages)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["response_format"], What::Prompt(Shape::Any, response_format)),
            MAX_TOKENS,
            field(&["n"], What::Choices),
            STREAM,
            TEMPERATURE,
        ],
        aside: &["top_p", "top_k", "stop", "tool_choice"],
    },
    required: &[&["prompt", "messages"]],
    limit: Limits::Field("max_tokens"),
    turns: Some("messages"),
    ..INVOKE
};

/// Embeddings of all makers: everything that is not a setting is embedded.
static EMBED: Format = Format {
    body: &Table {
        fields: &[
            field(&["inputText"], What::Prompt(Shape::Any, message)),
            field(&["texts"], What::Prompt(Shape::Any, texts)),
        ],
        aside: &[
            "dimensions",
            "embeddingConfig",
            "embeddingTypes",
            "embedding_types",
            "input_type",
            "max_tokens",
            "normalize",
            "output_dimension",
            "schemaVersion",
            "taskType",
            "truncate",
        ],
    },
    required: &[],
    limit: Limits::Fixed(0),
    ..INVOKE
};

/// A model that is not known: every field that a maker has for it. An output limit is not put in, since its name is not
/// known.
static ANY: Format = Format {
    body: &Table {
        fields: &[
            MESSAGES,
            SYSTEM,
            PROMPT,
            MAX_TOKENS,
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["message"], What::Prompt(Shape::Any, message)),
            field(&["inputText"], What::Prompt(Shape::Any, message)),
            field(&["texts"], What::Prompt(Shape::Any, texts)),
            field(&["toolConfig"], What::Nested(&TOOL_CONFIG)),
            field(&["inferenceConfig"], What::Nested(&INFERENCE_CONFIG)),
            field(&["textGenerationConfig"], What::Nested(&TEXT_GENERATION_CONFIG)),
            field(&["max_gen_len"], What::Limit),
            field(&["max_tokens_to_sample"], What::Limit),
            field(&["max_completion_tokens"], What::Limit),
            field(&["num_generations"], What::Choices),
            field(&["n"], What::Choices),
            STREAM,
            TEMPERATURE,
        ],
        aside: &["anthropic_version", "anthropic_beta"],
    },
    required: &[],
    limit: Limits::Unknown,
    turns: Some("messages"),
    ..INVOKE
};

/// What all of them share.
const INVOKE: Format = Format {
    body: &Table { fields: &[], aside: &[] },
    required: &[],
    model_optional: true,
    streams: false,
    limit: Limits::Unknown,
    frame: INVOKE_FRAME,
    turns: None,
    question_apart: false,
};

const INVOKE_FRAME: &Frame = &ANY_MAKER;
