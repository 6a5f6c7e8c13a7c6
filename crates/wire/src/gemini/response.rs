//! What is generated: a body, an event of a stream, or an element of the array that a stream is without `alt=sse`.
//! Source: the API references of Gemini ("GenerateContentResponse", "UsageMetadata") and of Vertex.

use crate::openai::ERROR;
use crate::response::{Field, Figure, Leaf, Said, Scope};

pub(crate) static GENERATE_RESPONSE: Field = Field::document(&[
    Field::new("candidates").opens(Scope::Choices).with(&[
        Field::new("index").means(Leaf::Choice),
        Field::new("content").with(&[Field::new("parts").with(&[
            Field::new("text").says(Said::Content),
            Field::new("functionCall").opens(Scope::NewCall).with(&[
                Field::new("name").says(Said::CallName),
                Field::new("args").says(Said::CallArguments),
            ]),
            Field::new("executableCode").with(&[Field::new("code").says(Said::Content)]),
        ])]),
        Field::new("finishReason").means(Leaf::Finish),
        Field::new("groundingMetadata").with(&[Field::new("webSearchQueries").means(Leaf::Search)]),
    ]),
    Field::new("promptFeedback").with(&[Field::new("blockReason").means(Leaf::Finish)]),
    Field::new("modelVersion").means(Leaf::Model),
    Field::new("usageMetadata").opens(Scope::Usage).with(USAGE),
    ERROR,
]);

/// Cumulative in a stream. What came from a cache is part of the prompt; what tools brought comes on top; thoughts
/// stand beside the candidates.
const USAGE: &[Field] = &[
    Field::new("promptTokenCount").is(Figure::Prompt),
    Field::new("cachedContentTokenCount").is(Figure::CacheRead),
    Field::new("toolUsePromptTokenCount").is(Figure::ToolPrompt),
    Field::new("candidatesTokenCount").is(Figure::Answer),
    Field::new("thoughtsTokenCount").is(Figure::Thoughts),
    Field::new("totalTokenCount").is(Figure::Total),
    Field::new("promptTokensDetails").opens(Scope::PromptParts).with(PART),
    // Embeddings.
    Field::new("promptTokenDetails").opens(Scope::PromptParts).with(PART),
    Field::new("cacheTokensDetails").opens(Scope::CachedParts).with(PART),
    Field::new("candidatesTokensDetails").opens(Scope::OutputParts).with(PART),
    Field::new("serviceTier").means(Leaf::Tier),
    // Vertex.
    Field::new("trafficType").means(Leaf::Tier),
];

const PART: &[Field] =
    &[Field::new("modality").means(Leaf::Modality), Field::new("tokenCount").means(Leaf::Part)];

/// Embeddings: Gemini's, and those that Vertex predicts, where each text has its figure.
pub(crate) static EMBED_RESPONSE: Field = Field::document(&[
    Field::new("usageMetadata").opens(Scope::Usage).with(USAGE),
    Field::new("predictions").with(&[Field::new("embeddings").with(&[
        Field::new("statistics").with(&[Field::new("token_count").means(Leaf::Summand(Figure::Prompt))])
    ])]),
    ERROR,
]);
