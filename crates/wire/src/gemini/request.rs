//! Generating, batches of it, and embeddings.

use super::prompt::{contents, instances, system, tools};
use crate::prompt::Frame;
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{message, opaque, response_format};

/// What Gemini puts around a prompt, at most. Nothing of it is documented; recorded are at most 1 for a message and
/// about 60 for tools.
static FRAME: Frame = Frame {
    primer: 16,
    message: 8,
    tools: 512,
    tool: 64,
    hosted_tool: 4096,
    tool_calls: 32,
    response_format: 256,
};

static GENERATION_CONFIG: Table = Table {
    fields: &[
        inner(&["maxOutputTokens", "max_output_tokens"], "generationConfig.maxOutputTokens", What::Limit),
        inner(&["candidateCount", "candidate_count"], "generationConfig.candidateCount", What::Choices),
        inner(&["temperature"], "generationConfig.temperature", What::Temperature),
        inner(
            &["responseSchema", "response_schema"],
            "generationConfig.responseSchema",
            What::Prompt(Shape::Any, response_format),
        ),
        inner(
            &["responseJsonSchema", "response_json_schema", "_responseJsonSchema"],
            "generationConfig.responseJsonSchema",
            What::Prompt(Shape::Any, response_format),
        ),
    ],
    aside: &[
        "audioTimestamp",
        "enableAffectiveDialog",
        "frequencyPenalty",
        "imageConfig",
        "logprobs",
        "mediaResolution",
        "presencePenalty",
        "responseLogprobs",
        "responseMimeType",
        "responseModalities",
        "routingConfig",
        "seed",
        "speechConfig",
        "stopSequences",
        "thinkingConfig",
        "topK",
        "topP",
    ],
};

static BODY: Table = Table {
    fields: &[
        field(&["contents"], What::Prompt(Shape::Any, contents)),
        field(&["systemInstruction", "system_instruction"], What::Prompt(Shape::Any, system)),
        field(&["tools"], What::Prompt(Shape::Any, tools)),
        field(&["generationConfig", "generation_config"], What::Nested(&GENERATION_CONFIG)),
        field(&["cachedContent", "cached_content"], What::Prompt(Shape::Any, opaque)),
        field(&["serviceTier", "service_tier"], What::Tier),
    ],
    aside: &[
        "labels",
        "model",
        "modelArmorConfig",
        "model_armor_config",
        "safetySettings",
        "safety_settings",
        "store",
        "toolConfig",
        "tool_config",
    ],
};

pub(crate) static GENERATE_REQUEST: Format = Format {
    body: &BODY,
    required: &[&["contents"]],
    model_optional: true,
    streams: false,
    limit: Limits::Within("generationConfig", "maxOutputTokens"),
    frame: &FRAME,
    turns: Some("contents"),
    question_apart: false,
};

/// `{batch: {inputConfig: {requests: {requests: [{request: …}]}}}}`; with a file in place of the inner requests there is
/// nothing to read.
pub(crate) static BATCH_REQUEST: Format = Format {
    body: &Table { fields: &[field(&["batch"], What::Nested(&BATCH_BODY))], aside: &[] },
    required: &[&["batch"]],
    model_optional: true,
    streams: false,
    limit: Limits::Unknown,
    frame: &FRAME,
    turns: None,
    question_apart: false,
};

static BATCH_BODY: Table = Table {
    fields: &[inner(&["inputConfig", "input_config"], "batch.inputConfig", What::Nested(&INPUT_CONFIG))],
    aside: &["displayName", "display_name", "model", "name", "priority"],
};

static INPUT_CONFIG: Table = Table {
    fields: &[
        inner(&["requests"], "batch.inputConfig.requests", What::Nested(&INLINE_REQUESTS)),
        inner(&["fileName", "file_name"], "batch.inputConfig.fileName", What::Prompt(Shape::Any, opaque)),
    ],
    aside: &[],
};

static INLINE_REQUESTS: Table = Table {
    fields: &[inner(
        &["requests"],
        "batch.inputConfig.requests.requests",
        What::Each(&Table {
            fields: &[inner(
                &["request"],
                "batch.inputConfig.requests.requests.request",
                What::Nested(&BODY),
            )],
            aside: &["metadata"],
        }),
    )],
    aside: &[],
};

static EMBED_BODY: Table = Table {
    fields: &[
        field(&["content"], What::Prompt(Shape::Any, system)),
        field(&["title"], What::Prompt(Shape::Any, message)),
    ],
    aside: &[
        "autoTruncate",
        "embedContentConfig",
        "model",
        "outputDimensionality",
        "output_dimensionality",
        "taskType",
        "task_type",
    ],
};

/// `embedContent` has a content, `batchEmbedContents` requests with one each, Vertex's `predict` instances.
pub(crate) static EMBED_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["content"], What::Prompt(Shape::Any, system)),
            field(&["title"], What::Prompt(Shape::Any, message)),
            field(&["requests"], What::Each(&EMBED_BODY)),
            field(&["instances"], What::Prompt(Shape::Array, instances)),
        ],
        aside: &[
            "autoTruncate",
            "embedContentConfig",
            "model",
            "outputDimensionality",
            "output_dimensionality",
            "parameters",
            "taskType",
            "task_type",
        ],
    },
    required: &[&["content", "requests", "instances"]],
    model_optional: true,
    streams: false,
    limit: Limits::Fixed(0),
    frame: &FRAME,
    turns: None,
    question_apart: false,
};
