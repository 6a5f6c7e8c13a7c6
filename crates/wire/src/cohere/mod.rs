//! Cohere's chats of both versions, and its embeddings.

mod prompt;
mod request;
mod response;

pub(crate) use prompt::history;
pub(crate) use request::{CHAT_V1_REQUEST, CHAT_V2_REQUEST, EMBED_REQUEST};
pub(crate) use response::{CHAT_V1_RESPONSE, CHAT_V2_RESPONSE, EMBED_RESPONSE};
