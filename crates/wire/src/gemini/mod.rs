//! Gemini, by its own API and through Vertex.

mod response;

pub(crate) use response::{EMBED_RESPONSE, GENERATE_RESPONSE};
