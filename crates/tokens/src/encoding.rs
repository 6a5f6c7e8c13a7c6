//! The vocabularies.

/// A byte-pair vocabulary with its pre-tokeniser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// GPT-4o and everything of OpenAI's since.
    O200kBase,
    /// gpt-oss: `o200k_base` with the special tokens of the harmony chat format.
    O200kHarmony,
    /// GPT-4, GPT-3.5 and the embedding models.
    Cl100kBase,
}

impl Encoding {
    /// Whether its vocabulary is in this build; one that is not counts as `o200k_base`.
    #[must_use]
    pub const fn is_carried(self) -> bool {
        cfg!(feature = "cl100k") || !matches!(self, Encoding::Cl100kBase)
    }

    pub(crate) const fn shares_vocabulary(self, other: Encoding) -> bool {
        self.has_older() == other.has_older()
    }

    const fn has_older(self) -> bool {
        cfg!(feature = "cl100k") && matches!(self, Encoding::Cl100kBase)
    }
}
