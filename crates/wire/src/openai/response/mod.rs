//! What OpenAI's responses say, by the API reference; fields of those who speak its format are marked with their names.

mod chat;
mod media;
mod responses;
mod usage;

pub(crate) use chat::{CHAT_RESPONSE, CHOICE, COMPLETIONS_RESPONSE, EMBEDDINGS_RESPONSE};
pub(crate) use media::{IMAGES_RESPONSE, TRANSCRIPTIONS_RESPONSE};
pub(crate) use responses::RESPONSES_RESPONSE;
pub(crate) use usage::USAGE_MEMBERS;

use crate::response::{Field, Leaf, Scope};

/// An error, as an object or as a mere message.
pub(crate) const ERROR: Field =
    Field::new("error").means(Leaf::ErrorName).opens(Scope::Error).with(ERROR_MEMBERS);

const ERROR_MEMBERS: &[Field] = &[
    Field::new("type").means(Leaf::ErrorName),
    Field::new("code").means(Leaf::ErrorName),
    Field::new("status").means(Leaf::ErrorName),
];
