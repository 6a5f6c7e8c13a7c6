//! Ollama's own format; it also speaks OpenAI's.

mod prompt;
mod request;
mod response;

pub(crate) use request::{CHAT_REQUEST, EMBED_REQUEST, GENERATE_REQUEST};
pub(crate) use response::RESPONSE;
