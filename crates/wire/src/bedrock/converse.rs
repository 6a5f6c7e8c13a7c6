//! Converse: a body, or the payload of one event of its stream. Source: the API reference, "Converse" and
//! "ConverseStream".

use super::MESSAGE_OF_ERROR;
use crate::response::{Field, Figure, Leaf, Said, Scope};

pub(crate) static CONVERSE_RESPONSE: Field = Field::document(CONVERSE);

pub(super) const CONVERSE: &[Field] = &[
    Field::new("contentBlockIndex").means(Leaf::Call),
    Field::new("start").with(&[Field::new("toolUse").with(&[Field::new("name").says(Said::CallName)])]),
    Field::new("delta").with(&[
        Field::new("text").says(Said::Content),
        Field::new("reasoningContent").with(&[Field::new("text").says(Said::Reasoning)]),
        Field::new("toolUse").with(&[Field::new("input").says(Said::CallArguments)]),
    ]),
    Field::new("output").with(&[MESSAGE]),
    Field::new("stopReason").means(Leaf::Finish),
    USAGE,
    Field::new("serviceTier").with(&[Field::new("type").means(Leaf::Tier)]),
    MESSAGE_OF_ERROR,
];

const MESSAGE: Field = Field::new("message").with(&[Field::new("content").opens(Scope::Calls).with(&[
    Field::new("text").says(Said::Content),
    Field::new("reasoningContent")
        .with(&[Field::new("reasoningText").with(&[Field::new("text").says(Said::Reasoning)])]),
    Field::new("toolUse")
        .with(&[Field::new("name").says(Said::CallName), Field::new("input").says(Said::CallArguments)]),
])]);

const USAGE: Field = Field::new("usage").opens(Scope::Usage).with(USAGE_MEMBERS);

/// The input leaves out what came from a cache or went to one.
pub(super) const USAGE_MEMBERS: &[Field] = &[
    Field::new("inputTokens").is(Figure::Uncached),
    Field::new("outputTokens").is(Figure::Output),
    Field::new("cacheReadInputTokens").is(Figure::CacheRead),
    Field::new("cacheReadInputTokenCount").is(Figure::CacheReadToo),
    Field::new("cacheWriteInputTokens").is(Figure::CacheWrite),
    Field::new("cacheWriteInputTokenCount").is(Figure::CacheWrite),
    Field::new("cacheDetails")
        .opens(Scope::WrittenParts)
        .with(&[Field::new("ttl").means(Leaf::Lifetime), Field::new("inputTokens").means(Leaf::Part)]),
];
