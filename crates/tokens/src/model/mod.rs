//! What a model's name says of how it counts.

mod name;
mod table;

use crate::{Encoding, ImageRule};

/// How a model counts, as far as its name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Model {
    /// Its vocabulary, or the one to estimate with.
    pub encoding: Encoding,
    /// How sure that is.
    pub known: Known,
    /// What its tokenizer has in common with others.
    pub family: Family,
    /// What images cost.
    pub images: ImageRule,
    /// Tokens of a second of recorded sound.
    pub audio_per_second: u16,
    /// What the provider puts around messages.
    pub framing: Framing,
}

/// How sure it is that a model uses an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The provider says so: a count of a text with this encoding is the provider's count.
    Exact,
    /// The model has another vocabulary or is unknown: a count is an estimate.
    Estimated,
}

/// Models whose tokenizers are alike, in relation to `o200k_base`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// One of the carried vocabularies.
    OpenAi,
    /// gpt-oss, wherever it runs: `o200k_harmony`, and a system prompt of its own.
    GptOss,
    /// Claude up to Opus 4.6, Sonnet 4.6 and Haiku 4.5.
    Claude,
    /// Claude since Opus 4.7 and Sonnet 5.
    ClaudeNew,
    /// Gemini and Gemma.
    Gemini,
    Mistral,
    Cohere,
    Nova,
    Llama,
    Qwen,
    DeepSeek,
    /// Any other.
    Other,
}

/// What a provider puts around messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// OpenAI's cookbook "How to count tokens with tiktoken", section 6: it names the model.
    Documented,
    /// OpenAI's models of the same generation that the cookbook does not name.
    Chat,
    /// OpenAI's reasoning models: one token less a prompt, and tools are put differently. Measured on recordings of
    /// o3-mini, gpt-5 and gpt-5.2 to gpt-5.6, not documented.
    Reasoning,
    /// Not documented: OpenAI's framing is the raw estimate that others are learned from.
    Unknown,
}

impl Model {
    /// The model of that name: as in a provider's API, with a date, a fine-tune's suffix, the prefix of a gateway, a
    /// region or a cloud. Names that only begin like a known one are estimates.
    #[must_use]
    pub fn of(name: &str) -> Model {
        table::look_up(&name::Name::of(name))
    }

    /// Whether it is documented what the provider puts around its messages.
    #[must_use]
    pub fn has_documented_framing(&self) -> bool {
        self.known == Known::Exact && self.framing == Framing::Documented
    }
}

#[cfg(test)]
mod tests;
