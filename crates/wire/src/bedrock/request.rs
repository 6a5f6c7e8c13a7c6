//! `converse` and `converse-stream`, as the API reference has them.

use super::prompt::{additional, messages, system, tool_config_tools};
use crate::prompt::ANY_MAKER;
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{opaque, response_format};

pub(super) static INFERENCE_CONFIG: Table = Table {
    fields: &[
        inner(&["maxTokens", "max_new_tokens"], "inferenceConfig.maxTokens", What::Limit),
        inner(&["temperature"], "inferenceConfig.temperature", What::Temperature),
    ],
    aside: &["stopSequences", "topP", "topK", "top_p", "top_k", "stop"],
};

pub(super) static TOOL_CONFIG: Table = Table {
    fields: &[inner(&["tools"], "toolConfig.tools", What::Prompt(Shape::ArrayOrNull, tool_config_tools))],
    aside: &["toolChoice"],
};

static OUTPUT_CONFIG: Table = Table {
    fields: &[inner(&["textFormat"], "outputConfig.textFormat", What::Prompt(Shape::Any, response_format))],
    aside: &["effort"],
};

static SERVICE_TIER: Table =
    Table { fields: &[inner(&["type"], "serviceTier.type", What::Tier)], aside: &[] };

pub(crate) static CONVERSE_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["messages"], What::Prompt(Shape::Array, messages)),
            field(&["system"], What::Prompt(Shape::Text, system)),
            field(&["toolConfig"], What::Nested(&TOOL_CONFIG)),
            field(&["inferenceConfig"], What::Nested(&INFERENCE_CONFIG)),
            field(&["outputConfig"], What::Nested(&OUTPUT_CONFIG)),
            field(&["serviceTier"], What::Nested(&SERVICE_TIER)),
            // A prompt that is kept at the provider is filled with these.
            field(&["promptVariables"], What::Prompt(Shape::Any, opaque)),
            field(&["additionalModelRequestFields"], What::Prompt(Shape::Any, additional)),
        ],
        aside: &[
            "additionalModelResponseFieldPaths",
            "guardrailConfig",
            "performanceConfig",
            "requestMetadata",
        ],
    },
    required: &[&["messages"]],
    model_optional: true,
    streams: false,
    limit: Limits::Within("inferenceConfig", "maxTokens"),
    frame: &ANY_MAKER,
    turns: Some("messages"),
    question_apart: false,
};
