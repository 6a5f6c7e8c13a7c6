//! Gemini, by its own API and through Vertex.

mod prompt;
mod request;
mod response;

pub(crate) use request::{BATCH_REQUEST, EMBED_REQUEST, GENERATE_REQUEST};
pub(crate) use response::{EMBED_RESPONSE, GENERATE_RESPONSE};
