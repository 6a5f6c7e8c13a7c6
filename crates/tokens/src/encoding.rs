//! Which vocabulary a model counts with.

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

/// How sure it is that a model uses an encoding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The provider says so: a count with this encoding is the provider's count.
    Exact,
    /// The model has another vocabulary or is unknown: a count is an estimate.
    Estimated,
}

/// Model name prefixes, longest first where one is the beginning of another.
/// Source: `MODEL_PREFIX_TO_ENCODING` of OpenAI's tiktoken 0.12, and the model list in OpenAI's API reference.
const PREFIXES: &[(&str, Encoding)] = &[
    ("gpt-oss-", Encoding::O200kHarmony),
    ("gpt-5", Encoding::O200kBase),
    ("gpt-4.5-", Encoding::O200kBase),
    ("gpt-4.1", Encoding::O200kBase),
    ("chatgpt-4o-", Encoding::O200kBase),
    ("gpt-4o", Encoding::O200kBase),
    ("o1", Encoding::O200kBase),
    ("o3", Encoding::O200kBase),
    ("o4-mini", Encoding::O200kBase),
    ("gpt-4", Encoding::Cl100kBase),
    ("gpt-3.5-turbo", Encoding::Cl100kBase),
    ("gpt-35-turbo", Encoding::Cl100kBase),
    ("text-embedding-3-", Encoding::Cl100kBase),
    ("text-embedding-ada-002", Encoding::Cl100kBase),
];

impl Encoding {
    /// Whether its vocabulary is in this build; one that is not counts as `o200k_base`.
    #[must_use]
    pub const fn is_carried(self) -> bool {
        cfg!(feature = "cl100k") || !matches!(self, Encoding::Cl100kBase)
    }

    /// The encoding a model counts with; `o200k_base`, marked as an estimate, where that is not known.
    #[must_use]
    pub fn of_model(model: &str) -> (Encoding, Known) {
        let base = model.strip_prefix("ft:").unwrap_or(model);
        PREFIXES
            .iter()
            .find(|(prefix, _)| base.starts_with(prefix))
            .filter(|(_, encoding)| encoding.is_carried())
            .map_or((Encoding::O200kBase, Known::Estimated), |(_, encoding)| (*encoding, Known::Exact))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dated_and_fine_tuned_models_keep_their_family_encoding() {
        assert_eq!(Encoding::of_model("gpt-4o-mini-2024-07-18"), (Encoding::O200kBase, Known::Exact));
        assert_eq!(Encoding::of_model("ft:gpt-4-0613:acme::abc"), (Encoding::Cl100kBase, Known::Exact));
    }

    #[test]
    fn an_unknown_model_is_an_estimate() {
        assert_eq!(Encoding::of_model("claude-sonnet-4-5"), (Encoding::O200kBase, Known::Estimated));
    }
}
