//! Ollama's own format; it also speaks OpenAI's.

mod response;

pub(crate) use response::RESPONSE;
