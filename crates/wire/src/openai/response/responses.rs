//! The responses API: a response, or the events that lead to one.

use super::ERROR;
use super::usage::NEWER_USAGE;
use crate::response::{Field, Leaf, Said, Scope};

/// A response's own fields stand at the top of a body, and under `response` in some events of a stream; its output is
/// read from a body and, in a stream, from the events before.
pub(crate) static RESPONSES_RESPONSE: Field = Field::document(&[
    Field::new("type").means(Leaf::Kind),
    Field::new("delta").means(Leaf::Delta),
    Field::new("output_index").means(Leaf::Call),
    Field::new("item")
        .with(&[Field::new("type").means(Leaf::EventItemType), Field::new("name").means(Leaf::ItemName)]),
    Field::new("response").with(&[MODEL, STATUS, INCOMPLETE, TIER, NEWER_USAGE, ERROR]),
    Field::new("output").opens(Scope::Calls).with(&[
        Field::new("type").means(Leaf::ItemType),
        Field::new("content")
            .with(&[Field::new("text").says(Said::Content), Field::new("refusal").says(Said::Refusal)]),
        Field::new("summary").with(&[Field::new("text").says(Said::Reasoning)]),
        Field::new("name").says(Said::CallName),
        Field::new("arguments").says(Said::CallArguments),
        Field::new("input").says(Said::CallArguments),
        Field::new("code").says(Said::CallArguments),
    ]),
    MODEL,
    STATUS,
    INCOMPLETE,
    TIER,
    NEWER_USAGE,
    ERROR,
]);

const MODEL: Field = Field::new("model").means(Leaf::Model);
const TIER: Field = Field::new("service_tier").means(Leaf::Tier);
const STATUS: Field = Field::new("status").means(Leaf::Status);
const INCOMPLETE: Field = Field::new("incomplete_details").with(&[Field::new("reason").means(Leaf::Finish)]);
