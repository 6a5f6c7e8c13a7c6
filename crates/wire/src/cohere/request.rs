//! Chat and embeddings.

use super::prompt::{documents, history, inputs, messages, tool_results};
use crate::prompt::Frame;
use crate::request::format::{Format, Limits, Shape, Table, What, field};
use crate::request::walk::{each, message, opaque, response_format, texts, tools};

/// What Cohere puts around a prompt, at most. It bills a prompt without most of this; recorded with tools (`tokens`, not
/// `billed_units`): about 1,400.
static FRAME: Frame = Frame {
    primer: 1024,
    message: 16,
    tools: 2048,
    tool: 128,
    hosted_tool: 4096,
    tool_calls: 64,
    response_format: 512,
};

pub(crate) static CHAT_V2_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["messages"], What::Prompt(Shape::Array, messages)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["documents"], What::Prompt(Shape::ArrayOrNull, documents)),
            field(&["response_format"], What::Prompt(Shape::Any, response_format)),
            field(&["max_tokens"], What::Limit),
            field(&["stream"], What::Stream),
            field(&["temperature"], What::Temperature),
        ],
        aside: &[
            "citation_options",
            "frequency_penalty",
            "k",
            "logprobs",
            "p",
            "presence_penalty",
            "priority",
            "safety_mode",
            "seed",
            "stop_sequences",
            "strict_tools",
            "thinking",
            "tool_choice",
        ],
    },
    required: &[&["messages"]],
    model_optional: false,
    streams: false,
    limit: Limits::Field("max_tokens"),
    frame: &FRAME,
    turns: Some("messages"),
    question_apart: false,
};

pub(crate) static CHAT_V1_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["message"], What::Prompt(Shape::Any, message)),
            field(&["chat_history"], What::Prompt(Shape::ArrayOrNull, history)),
            field(&["preamble"], What::Prompt(Shape::Any, message)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["tool_results"], What::Prompt(Shape::ArrayOrNull, tool_results)),
            field(&["documents"], What::Prompt(Shape::ArrayOrNull, documents)),
            field(&["response_format"], What::Prompt(Shape::Any, response_format)),
            // What is found on the way, and the conversation that is kept at the provider.
            field(
                &["connectors"],
                What::Prompt(Shape::ArrayOrNull, |scanner, sink| each(scanner, sink, opaque)),
            ),
            field(&["conversation_id"], What::Prompt(Shape::Any, opaque)),
            field(&["max_tokens"], What::Limit),
            field(&["stream"], What::Stream),
            field(&["temperature"], What::Temperature),
        ],
        aside: &[
            "citation_quality",
            "frequency_penalty",
            "k",
            "max_input_tokens",
            "p",
            "presence_penalty",
            "prompt_truncation",
            "raw_prompting",
            "return_prompt",
            "safety_mode",
            "search_queries_only",
            "seed",
            "stop_sequences",
        ],
    },
    required: &[&["message"]],
    model_optional: true,
    streams: false,
    limit: Limits::Field("max_tokens"),
    frame: &FRAME,
    turns: Some("chat_history"),
    question_apart: true,
};

pub(crate) static EMBED_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["texts"], What::Prompt(Shape::ArrayOrNull, texts)),
            field(&["images"], What::Prompt(Shape::ArrayOrNull, super::prompt::images)),
            field(&["inputs"], What::Prompt(Shape::ArrayOrNull, inputs)),
        ],
        aside: &["embedding_types", "input_type", "max_tokens", "output_dimension", "priority", "truncate"],
    },
    required: &[&["texts", "images", "inputs"]],
    model_optional: true,
    streams: false,
    limit: Limits::Fixed(0),
    frame: &FRAME,
    turns: None,
    question_apart: false,
};
