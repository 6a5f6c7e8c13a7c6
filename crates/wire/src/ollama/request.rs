//! Chat, generate and embed.

use super::prompt::{images, messages};
use crate::prompt::ANY_MAKER;
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{message, response_format, texts, tools};

static OPTIONS: Table = Table {
    fields: &[
        // -1 is no limit, -2 as much as fits, and 0 no limit, too.
        inner(&["num_predict"], "options.num_predict", What::PositiveLimit),
        inner(&["temperature"], "options.temperature", What::Temperature),
    ],
    aside: &[
        "frequency_penalty",
        "min_p",
        "num_batch",
        "num_ctx",
        "num_gpu",
        "num_keep",
        "num_thread",
        "presence_penalty",
        "repeat_last_n",
        "repeat_penalty",
        "seed",
        "stop",
        "top_k",
        "top_p",
        "typical_p",
        "use_mmap",
    ],
};

const SETTINGS: &[&str] =
    &["keep_alive", "logprobs", "raw", "think", "top_logprobs", "truncate", "dimensions", "shift"];

pub(crate) static CHAT_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["messages"], What::Prompt(Shape::ArrayOrNull, messages)),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["format"], What::Prompt(Shape::Any, response_format)),
            field(&["options"], What::Nested(&OPTIONS)),
            field(&["stream"], What::Stream),
        ],
        aside: SETTINGS,
    },
    required: &[&["messages"]],
    model_optional: false,
    streams: true,
    limit: Limits::Within("options", "num_predict"),
    frame: &ANY_MAKER,
    turns: Some("messages"),
    question_apart: false,
};

pub(crate) static GENERATE_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["prompt"], What::Prompt(Shape::Any, message)),
            field(&["suffix"], What::Prompt(Shape::Any, message)),
            field(&["system"], What::Prompt(Shape::Any, message)),
            field(&["template"], What::Prompt(Shape::Any, message)),
            field(&["images"], What::Prompt(Shape::ArrayOrNull, images)),
            field(&["context"], What::Prompt(Shape::ArrayOrNull, texts)),
            field(&["format"], What::Prompt(Shape::Any, response_format)),
            field(&["options"], What::Nested(&OPTIONS)),
            field(&["stream"], What::Stream),
        ],
        aside: SETTINGS,
    },
    // Without a prompt a model is only loaded.
    required: &[&["prompt"]],
    model_optional: false,
    streams: true,
    limit: Limits::Within("options", "num_predict"),
    frame: &ANY_MAKER,
    turns: None,
    question_apart: false,
};

pub(crate) static EMBED_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["input"], What::Prompt(Shape::Any, texts)),
            // Of the older `/api/embeddings`.
            field(&["prompt"], What::Prompt(Shape::Any, texts)),
            field(&["options"], What::Nested(&OPTIONS)),
        ],
        aside: SETTINGS,
    },
    required: &[&["input", "prompt"]],
    model_optional: false,
    streams: false,
    limit: Limits::Fixed(0),
    frame: &ANY_MAKER,
    turns: None,
    question_apart: false,
};
