//! Bodies and events. Source: the API references of both versions, "Chat", "Chat with streaming", "Embed".

use crate::response::{Field, Figure, Leaf, Said, Scope};

/// The message stands at the top of a body and under `delta` in the events of a stream.
pub(crate) static CHAT_V2_RESPONSE: Field = Field::document(&[
    Field::new("type").means(Leaf::Kind),
    Field::new("index").means(Leaf::Call),
    Field::new("delta").with(&[MESSAGE, FINISH, USAGE, ERROR]),
    MESSAGE,
    FINISH,
    USAGE,
]);

const MESSAGE: Field = Field::new("message").with(&[
    Field::new("content")
        .says(Said::Content)
        .with(&[Field::new("text").says(Said::Content), Field::new("thinking").says(Said::Reasoning)]),
    Field::new("tool_plan").says(Said::Reasoning),
    Field::new("tool_calls").opens(Scope::Calls).with(&[Field::new("function").with(&[
        Field::new("name").says(Said::CallName),
        Field::new("arguments").says(Said::CallArguments),
    ])]),
]);

const FINISH: Field = Field::new("finish_reason").means(Leaf::Finish);
const ERROR: Field = Field::new("error").means(Leaf::ErrorName);

const USAGE: Field = Field::new("usage").opens(Scope::Usage).with(USAGE_MEMBERS);

/// What is billed counts. It leaves out what Cohere's own wrapping of the prompt adds, and so says nothing of the
/// cache; what went through the model is there for where nothing is billed.
const USAGE_MEMBERS: &[Field] = &[
    Field::new("billed_units").with(&[
        Field::new("input_tokens").is(Figure::Uncached),
        Field::new("output_tokens").is(Figure::Output),
        Field::new("image_tokens").is(Figure::ImagesBeside),
        Field::new("search_units").means(Leaf::Searches),
    ]),
    Field::new("tokens").with(&[
        Field::new("input_tokens").is(Figure::ProcessedPrompt),
        Field::new("output_tokens").is(Figure::ProcessedOutput),
    ]),
    Field::new("cached_tokens").is(Figure::ProcessedCached),
];

/// A body, or an event. The last event has the whole body again under `response`, of which only the usage counts.
pub(crate) static CHAT_V1_RESPONSE: Field = Field::document(&[
    Field::new("event_type").means(Leaf::Kind),
    Field::new("text").says(Said::Content),
    Field::new("tool_calls").opens(Scope::NewCall).with(V1_CALL),
    Field::new("tool_call_delta").with(&[Field::new("index").means(Leaf::Call)]).and(V1_CALL, &[]),
    FINISH,
    Field::new("response").with(&[V1_USAGE]),
    V1_USAGE,
]);

const V1_CALL: &[Field] =
    &[Field::new("name").says(Said::CallName), Field::new("parameters").says(Said::CallArguments)];

const V1_USAGE: Field = Field::new("meta").opens(Scope::Usage).with(USAGE_MEMBERS);

pub(crate) static EMBED_RESPONSE: Field = Field::document(&[V1_USAGE]);
