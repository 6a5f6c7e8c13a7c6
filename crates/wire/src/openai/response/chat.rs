//! Chat completions, the older text completions, embeddings: a body, or one chunk of a stream, which is the same
//! object with `delta` for `message`.

use super::ERROR;
use super::usage::USAGE;
use crate::response::{Field, Figure, Leaf, Said, Scope};

pub(crate) static CHAT_RESPONSE: Field = Field::document(&[
    Field::new("choices").opens(Scope::Choices).with(CHOICE),
    Field::new("model").means(Leaf::Model),
    USAGE,
    // Groq's stream has its usage here, and only here.
    Field::new("x_groq").with(&[USAGE]),
    Field::new("service_tier").means(Leaf::Tier),
    ERROR,
]);

pub(crate) static COMPLETIONS_RESPONSE: Field = Field::document(&[
    Field::new("choices").opens(Scope::Choices).with(&[
        Field::new("index").means(Leaf::Choice),
        Field::new("text").says(Said::Content),
        Field::new("finish_reason").means(Leaf::Finish),
    ]),
    Field::new("model").means(Leaf::Model),
    USAGE,
    Field::new("service_tier").means(Leaf::Tier),
    ERROR,
]);

/// `total_tokens` is the prompt, and all that some (Voyage) give.
pub(crate) static EMBEDDINGS_RESPONSE: Field = Field::document(&[
    Field::new("model").means(Leaf::Model),
    Field::new("usage").opens(Scope::Usage).with(&[
        Field::new("prompt_tokens").is(Figure::Prompt),
        Field::new("total_tokens").is(Figure::ProcessedPrompt),
        Field::new("cost").means(Leaf::CostUsd),
    ]),
    ERROR,
]);

pub(crate) const CHOICE: &[Field] = &[
    Field::new("index").means(Leaf::Choice),
    Field::new("delta").with(MESSAGE),
    Field::new("message").with(MESSAGE),
    Field::new("finish_reason").means(Leaf::Finish),
];

const MESSAGE: &[Field] = &[
    // A text, or parts of it (Mistral), of which some are reasoning.
    Field::new("content").says(Said::Content).with(&[
        Field::new("text").says(Said::Content),
        Field::new("thinking").says(Said::Reasoning).with(&[Field::new("text").says(Said::Reasoning)]),
    ]),
    Field::new("refusal").says(Said::Refusal),
    // The same under two names: DeepSeek's and OpenRouter's; vLLM sends both.
    Field::new("reasoning_content").says(Said::Reasoning),
    Field::new("reasoning").says(Said::Reasoning),
    Field::new("tool_calls").opens(Scope::Calls).with(&[
        Field::new("index").means(Leaf::Call),
        Field::new("function").with(CALL),
        Field::new("custom").with(CALL),
    ]),
    Field::new("function_call").with(CALL),
    Field::new("audio").opens(Scope::Unseen),
];

const CALL: &[Field] = &[
    Field::new("name").says(Said::CallName),
    Field::new("arguments").says(Said::CallArguments),
    Field::new("input").says(Said::CallArguments),
];
