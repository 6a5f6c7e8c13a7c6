//! Chat completions, the older text completions and embeddings, as the API reference has them.

use super::prompt::messages;
use crate::json::{Error, Kind, Scanner};
use crate::prompt::{Frame, Image, Media, Sink};
use crate::request::format::{Format, Limits, Shape, Table, What, field, inner};
use crate::request::walk::{each, message, opaque, response_format, skip, texts, tools};
use tokens::Detail;

/// What OpenAI puts around a prompt, at most.
pub(crate) static FRAME: Frame = Frame {
    // Every reply is primed with three tokens (cookbook).
    primer: 3,
    // Cookbook: 3, and 4 for `gpt-3.5-turbo-0301`.
    message: 4,
    // The reasoning models' frame is not documented (recorded: about 80 for gpt-5-mini).
    tools: 128,
    // Cookbook: 10 at most for a function's frame, 3 for its properties' and 12 once for all functions, here for each.
    tool: 25,
    // Not documented: instructions for a search, for running code.
    hosted_tool: 4096,
    // Not documented: two frames' worth.
    tool_calls: 16,
    response_format: 32,
};

pub(crate) static CHAT_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            // OpenRouter's.
            field(&["models"], What::OtherModels),
            field(&["messages"], What::Prompt(Shape::Array, messages)),
            field(&["stream"], What::Stream),
            field(&["stream_options"], What::Nested(&STREAM_OPTIONS)),
            // llama.cpp reads 0 as no limit, and so does Ollama.
            field(&["max_completion_tokens"], What::PositiveLimit),
            field(&["max_tokens"], What::PositiveLimit),
            field(&["n"], What::Choices),
            field(&["tools"], What::Prompt(Shape::ArrayOrNull, tools)),
            field(&["functions"], What::Prompt(Shape::ArrayOrNull, tools)),
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
    frame: &FRAME,
    turns: Some("messages"),
    question_apart: false,
};

static STREAM_OPTIONS: Table = Table {
    fields: &[inner(&["include_usage"], "stream_options.include_usage", What::IncludeUsage)],
    aside: &["include_obfuscation", "continuous_usage_stats", "chunk_include_usage"],
};

pub(crate) static COMPLETIONS_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["prompt"], What::Prompts(Shape::Text, texts)),
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
    frame: &FRAME,
    turns: None,
    question_apart: false,
};

pub(crate) static EMBEDDINGS_REQUEST: Format = Format {
    body: &Table {
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
    frame: &FRAME,
    turns: None,
    question_apart: false,
};

/// Generations in JSON; edits and variations also come as multipart forms.
pub(crate) static IMAGES_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["prompt"], What::Prompt(Shape::Any, message)),
            field(&["image", "images"], What::Prompt(Shape::Any, images)),
            field(&["mask"], What::Prompt(Shape::Any, images)),
            field(&["n"], What::Choices),
            field(&["stream"], What::Stream),
            field(&["user"], What::User),
        ],
        aside: &[
            "background",
            "input_fidelity",
            "moderation",
            "output_compression",
            "output_format",
            "partial_images",
            "quality",
            "response_format",
            "size",
            "style",
        ],
    },
    required: &[],
    model_optional: true,
    streams: false,
    limit: Limits::Fixed(IMAGE_TOKENS),
    frame: &FRAME,
    turns: None,
    question_apart: false,
};

/// Tokens of an image that is generated, at most (guide "Image generation": 6,240 in high quality, upright or wide), with
/// 100 for each of three partial images.
const IMAGE_TOKENS: u64 = 6240 + 3 * 100;

/// Transcriptions and translations: forms, with a recording in them.
pub(crate) static TRANSCRIPTIONS_REQUEST: Format = Format {
    body: &Table {
        fields: &[
            field(&["model"], What::Model),
            field(&["file"], What::Prompt(Shape::Any, opaque)),
            field(&["prompt"], What::Prompt(Shape::Any, message)),
            field(&["stream"], What::Stream),
            field(&["temperature"], What::Temperature),
        ],
        aside: &[
            "chunking_strategy",
            "include",
            "known_speaker_names",
            "known_speaker_references",
            "language",
            "response_format",
            "timestamp_granularities",
        ],
    },
    required: &[],
    model_optional: false,
    streams: false,
    limit: Limits::Fixed(TRANSCRIPT_TOKENS),
    frame: &FRAME,
    turns: None,
    question_apart: false,
};

/// "Max output tokens" of gpt-4o-transcribe (page of the model).
const TRANSCRIPT_TOKENS: u64 = 2000;

fn images(scanner: &mut Scanner<'_>, sink: &mut dyn Sink) -> Result<(), Error> {
    match scanner.peek()? {
        Kind::Null => skip(scanner),
        Kind::Array => each(scanner, sink, images),
        _ => {
            skip(scanner)?;
            sink.image(Image { detail: Detail::High, media: Media::Elsewhere });
            Ok(())
        }
    }
}

/// The name of the output limit in a chat completion. OpenAI's reasoning models refuse the older `max_tokens`, and
/// everybody else understands it; some refuse the newer name (Mistral), some ignore it (Ollama, older servers).
pub(crate) fn limit_name(provider: &str, model: &str) -> &'static str {
    if provider == "azure.ai.openai" || is_own_model(model) { "max_completion_tokens" } else { "max_tokens" }
}

/// Whether it is one of the models that OpenAI itself serves, by its name, with or without a maker's before it. The open
/// ones have templates of their own.
pub(crate) fn is_own_model(model: &str) -> bool {
    let base = model.rsplit('/').next().unwrap_or(model);
    let base = base.strip_prefix("ft:").unwrap_or(base);
    let numbered = |start: &str| {
        base.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    // `gpt-4o`, `o3-mini`; not `gpt-oss-20b`, `olmo-2`.
    numbered("gpt-")
        || numbered("o")
        || ["chatgpt", "codex", "computer-use"].iter().any(|start| base.starts_with(start))
}
