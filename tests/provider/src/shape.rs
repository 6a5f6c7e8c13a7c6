//! The JSON of OpenAI's chat completions, field for field and in its order, as recorded from the API.

use serde::Serialize;

use crate::billing::Usage;

#[derive(Debug, Serialize)]
pub(crate) struct Completion<'a> {
    pub id: &'a str,
    pub object: &'static str,
    pub created: u64,
    pub model: &'a str,
    pub choices: Vec<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    pub service_tier: &'static str,
    pub system_fingerprint: &'static str,
}

#[derive(Debug, Serialize)]
pub(crate) struct Chunk<'a> {
    pub id: &'a str,
    pub object: &'static str,
    pub created: u64,
    pub model: &'a str,
    pub service_tier: &'static str,
    pub system_fingerprint: &'static str,
    pub choices: Vec<Choice<'a>>,
    /// Absent where usage was not asked for; `null` in all chunks but one where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Option<Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obfuscation: Option<String>,
}

/// A choice of either: with a message, or with a delta of one.
#[derive(Debug, Serialize)]
pub(crate) struct Choice<'a> {
    pub index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta<'a>>,
    pub logprobs: Option<()>,
    pub finish_reason: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Message {
    pub role: &'static str,
    pub content: String,
    pub refusal: Option<()>,
    pub annotations: [(); 0],
}

/// What a chunk adds: first the role, then text, in the end nothing.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Delta<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<()>>,
}

impl<'a> Delta<'a> {
    pub(crate) fn opening() -> Self {
        Self { role: Some("assistant"), content: Some(""), refusal: Some(None) }
    }

    pub(crate) fn content(text: &'a str) -> Self {
        Self { content: Some(text), ..Self::default() }
    }
}
