//! Messages, and batches of them.

use super::prompt::{container, messages, system};
use crate::prompt::Frame;
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{each, opaque, response_format, tools};

/// What Anthropic puts around a prompt, at most.
static FRAME: Frame = Frame {
    // Recorded: 7 tokens around one message of Claude 3 and 4.
    primer: 16,
    message: 8,
    // "Tool use": the system prompt that goes with tools has 159 to 530 tokens, by model and choice.
    tools: 768,
    tool: 64,
    // "Tool use", "Computer use", "Text editor", "Bash": 245 to 735 tokens a tool of Anthropic's own and 499 more for
    // the first; recorded: up to 2,500 for a search.
    hosted_tool: 4096,
    tool_calls: 32,
    // "Structured outputs": a system prompt explains the schema.
    response_format: 512,
};

pub(crate) static METADATA: Table =
    Table { fields: &[inner(&["user_id"], "metadata.user_id", What::User)], aside: &[] };

pub(crate) static OUTPUT_CONFIG: Table = Table {
    fields: &[inner(&["format"], "output_config.format", What::Prompt(Shape::Any, response_format))],
    aside: &["effort", "task_budget"],
};

static BODY: Table = Table {
    fields: &[
        field(&["model"], What::Model),
        field(&["fallbacks"], What::OtherModels),
        field(&["messages"], What::Prompt(Shape::Array, messages)),
        field(&["system"], What::Prompt(Shape::Text, system)),
        field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
        field(&["max_tokens"], What::Limit),
        field(&["stream"], What::Stream),
        field(&["service_tier"], What::Tier),
        field(&["temperature"], What::Temperature),
        field(&["metadata"], What::Nested(&METADATA)),
        field(&["output_config"], What::Nested(&OUTPUT_CONFIG)),
        field(&["output_format"], What::Prompt(Shape::Any, response_format)),
        // The tools of these servers are asked for on the way.
        field(&["mcp_servers"], What::Prompt(Shape::Any, |scanner, sink| each(scanner, sink, opaque))),
        field(&["container"], What::Prompt(Shape::Any, container)),
    ],
    aside: &[
        "anthropic_beta",
        "anthropic_version",
        "cache_control",
        "context_management",
        "inference_geo",
        "speed",
        "stop_sequences",
        "thinking",
        "tool_choice",
        "top_k",
        "top_p",
        "user_profile_id",
    ],
};

pub(crate) static MESSAGES_REQUEST: Format = Format {
    body: &BODY,
    required: &[&["messages"]],
    model_optional: false,
    streams: false,
    limit: Limits::Field("max_tokens"),
    frame: &FRAME,
    turns: Some("messages"),
    question_apart: false,
};

pub(crate) static BATCH_REQUEST: Format = Format {
    body: &Table {
        fields: &[field(
            &["requests"],
            What::Each(&Table {
                fields: &[inner(&["params"], "requests.params", What::Nested(&BODY))],
                aside: &["custom_id"],
            }),
        )],
        aside: &[],
    },
    required: &[&["requests"]],
    model_optional: false,
    streams: false,
    limit: Limits::Unknown,
    frame: &FRAME,
    turns: None,
    question_apart: false,
};
