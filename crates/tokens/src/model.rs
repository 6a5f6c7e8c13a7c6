//! What a model's name says of how it counts.

use crate::{Encoding, Known};

/// How a model counts, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its vocabulary, or the one to estimate with.
    pub encoding: Encoding,
    /// Whether that is its vocabulary.
    pub known: Known,
    documented_overhead: bool,
}

impl Model {
    /// The model of that name.
    #[must_use]
    pub fn of(name: &str) -> Model {
        let (encoding, known) = Encoding::of_model(name);
        Model { encoding, known, documented_overhead: known == Known::Exact && is_documented(name) }
    }

    /// Whether it is documented what the provider puts around its messages.
    #[must_use]
    pub const fn has_documented_overhead(&self) -> bool {
        self.documented_overhead
    }
}

/// The cookbook "How to count tokens with tiktoken" names gpt-3.5-turbo, gpt-4, gpt-4o and gpt-4o-mini in its section 6.
/// Reasoning models count differently (recorded: gpt-5 one token less a prompt, nine more an answer).
fn is_documented(model: &str) -> bool {
    let base = model.strip_prefix("ft:").unwrap_or(model);
    let family = ["gpt-4o", "gpt-4-", "gpt-3.5-turbo"].iter().any(|family| base.starts_with(family))
        || base == "gpt-4";
    family && !["audio", "realtime", "search", "transcribe", "tts"].iter().any(|other| base.contains(other))
}
