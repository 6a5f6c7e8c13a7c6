//! OpenAI's chat completions, request and response.
//!
//! Sources: the API reference ("Chat", "Chat streaming"), the cookbook "How to count tokens with tiktoken", the guides
//! "Images and vision" and "Audio"; what compatible providers do differently is marked where it is read.

mod choices;
mod chunk;
mod prompt;
mod request;
mod usage;

pub(crate) use chunk::{Shape, may_be_usage_only, read_chunk};
pub(crate) use request::{CHAT, COMPLETIONS, EMBEDDINGS, limit_name};
