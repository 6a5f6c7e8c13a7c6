//! Cohere's chat, versions 1 and 2.

use super::units::{Framing, Unit};
use super::{LastWords, event, raw};

/// Bytes of text that are kept, to be said again at the end.
const MOST_KEPT: usize = 256 * 1024;

fn billed(last: &LastWords) -> String {
    let units =
        format!("{{\"input_tokens\":{},\"output_tokens\":{}}}", last.usage.input(), last.usage.output());
    format!("{{\"billed_units\":{units},\"tokens\":{units}}}")
}

/// Events, or lines, whose `event_type` says what they are.
#[derive(Debug, Default)]
pub(super) struct CohereV1 {
    as_lines: bool,
    generation: Option<String>,
    /// Still escaped.
    text: String,
    over: bool,
}

impl CohereV1 {
    pub(super) fn framing(&mut self, unit: &Unit<'_>) {
        self.as_lines = unit.framing() == Framing::Lines;
    }

    pub(super) fn read(&mut self, data: &str) {
        match raw::member(data, "event_type").and_then(raw::within) {
            Some("stream-start") => {
                self.generation = Some(raw::member(data, "generation_id").unwrap_or("null").to_owned());
            }
            Some("text-generation") => {
                let text = raw::member(data, "text").and_then(raw::within).unwrap_or_default();
                if self.text.len().saturating_add(text.len()) <= MOST_KEPT {
                    self.text.push_str(text);
                }
            }
            Some("stream-end") => self.over = true,
            _ => {}
        }
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let generation = self.generation.as_ref().filter(|_| !self.over)?;
        let (text, meta) = (&self.text, billed(last));
        let response = format!(
            "{{\"generation_id\":{generation},\"text\":\"{text}\",\"finish_reason\":\"MAX_TOKENS\",\"meta\":{meta}}}"
        );
        let data = format!(
            "{{\"is_finished\":true,\"event_type\":\"stream-end\",\"finish_reason\":\"MAX_TOKENS\",\
             \"response\":{response}}}"
        );
        let ending = if self.as_lines { format!("{data}\n") } else { event(None, &data) };
        Some(ending.into_bytes())
    }
}

/// Events whose `type` says what they are.
#[derive(Debug, Default)]
pub(super) struct CohereV2 {
    begun: bool,
    /// What is being said: the event that ends it, and its index.
    open: Option<(&'static str, String)>,
    over: bool,
}

impl CohereV2 {
    pub(super) fn read(&mut self, data: &str) {
        let index = || raw::member(data, "index").unwrap_or("0").to_owned();
        match raw::member(data, "type").and_then(raw::within) {
            Some("message-start") => self.begun = true,
            Some("content-start") => self.open = Some(("content-end", index())),
            Some("tool-call-start") => self.open = Some(("tool-call-end", index())),
            Some("content-end" | "tool-call-end") => self.open = None,
            Some("message-end") => self.over = true,
            _ => {}
        }
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        if !self.begun || self.over {
            return None;
        }
        let mut ending = String::new();
        if let Some((name, index)) = &self.open {
            ending.push_str(&event(Some(name), &format!("{{\"type\":\"{name}\",\"index\":{index}}}")));
        }
        let delta = format!("{{\"finish_reason\":\"MAX_TOKENS\",\"usage\":{}}}", billed(last));
        ending.push_str(&event(
            Some("message-end"),
            &format!("{{\"type\":\"message-end\",\"delta\":{delta}}}"),
        ));
        ending.push_str(&event(None, "[DONE]"));
        Some(ending.into_bytes())
    }
}
