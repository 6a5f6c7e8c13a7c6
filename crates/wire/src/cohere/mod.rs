//! Cohere's chats of both versions, and its embeddings.

mod response;

pub(crate) use response::{CHAT_V1_RESPONSE, CHAT_V2_RESPONSE, EMBED_RESPONSE};
