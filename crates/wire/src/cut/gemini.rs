//! Gemini's and Vertex's `streamGenerateContent`, as events or as an array.

use super::units::{Framing, Unit};
use super::{LastWords, raw};

#[derive(Debug, Default)]
pub(super) struct Gemini {
    as_array: bool,
    /// Lines end as Google's do.
    crlf: bool,
    model: Option<String>,
    response: Option<String>,
    begun: bool,
    over: bool,
}

impl Gemini {
    pub(super) fn framing(&mut self, unit: &Unit<'_>) {
        self.as_array = unit.framing() == Framing::Array;
        self.crlf = unit.ends_with(b"\r\n");
    }

    pub(super) fn read(&mut self, chunk: &str) {
        let Some(candidates) = raw::member(chunk, "candidates") else { return };
        self.begun = true;
        let finished = |candidate: &&str| {
            raw::member(candidate, "finishReason").is_some_and(|reason| !raw::is_null(reason))
        };
        self.over |= raw::items(candidates).iter().any(finished);
        for (place, key) in [(&mut self.model, "modelVersion"), (&mut self.response, "responseId")] {
            *place = raw::member(chunk, key).map(str::to_owned).or(place.take());
        }
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        if !self.begun || self.over {
            return None;
        }
        let usage = &last.usage;
        let mut chunk = format!(
            "{{\"candidates\":[{{\"content\":{{\"parts\":[{{\"text\":\"\"}}],\"role\":\"model\"}},\
             \"finishReason\":\"MAX_TOKENS\",\"index\":0}}],\
             \"usageMetadata\":{{\"promptTokenCount\":{},\"candidatesTokenCount\":{},\"thoughtsTokenCount\":{},\
             \"cachedContentTokenCount\":{},\"totalTokenCount\":{}}}",
            usage.input(),
            usage.output().saturating_sub(usage.reasoning),
            usage.reasoning,
            usage.cache_read,
            usage.total()
        );
        for (key, value) in [("modelVersion", &self.model), ("responseId", &self.response)] {
            if let Some(value) = value {
                chunk.push_str(&format!(",\"{key}\":{value}"));
            }
        }
        chunk.push('}');
        let ending = match (self.as_array, self.crlf) {
            (true, _) => format!(",\r\n{chunk}\n]"),
            (false, true) => format!("data: {chunk}\r\n\r\n"),
            (false, false) => format!("data: {chunk}\n\n"),
        };
        Some(ending.into_bytes())
    }
}
