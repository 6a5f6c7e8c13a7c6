//! OpenAI's chat completions, request and response.
//!
//! Sources: the API reference ("Chat", "Chat streaming"), the cookbook "How to count tokens with tiktoken", the guides
//! "Images and vision" and "Audio"; what compatible providers do differently is marked where it is read.

mod bound;
mod choices;
mod chunk;
mod count;
mod error;
mod prompt;
mod request;
mod rewrite;
mod tools;
mod usage;

pub(crate) use chunk::{Shape, may_be_usage_only, read_chunk};
pub use error::ReadError;
pub use request::ChatRequest;
pub use rewrite::Rewrite;

/// Whether the cookbook's rules are documented for a model: its section 6 names gpt-3.5-turbo, gpt-4, gpt-4o and
/// gpt-4o-mini. Reasoning models count differently (recorded: gpt-5 one token less a prompt, nine more an answer).
pub(crate) fn is_documented(model: &str) -> bool {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let family = ["gpt-4o", "gpt-4-", "gpt-3.5-turbo"].iter().any(|family| base.starts_with(family))
        || base == "gpt-4";
    family && !["audio", "realtime", "search", "transcribe", "tts"].iter().any(|other| base.contains(other))
}
