//! Anthropic's messages.

use super::{LastWords, event, raw};

#[derive(Debug, Default)]
pub(super) struct Anthropic {
    begun: bool,
    /// The content block that is being said.
    block: Option<u64>,
    over: bool,
}

impl Anthropic {
    pub(super) fn read(&mut self, data: &str) {
        let index = || raw::member(data, "index").and_then(raw::number);
        match raw::member(data, "type").and_then(raw::within) {
            Some("message_start") => self.begun = true,
            Some("content_block_start" | "content_block_delta") => self.block = index(),
            Some("content_block_stop") => self.block = None,
            Some("message_delta" | "message_stop" | "error") => self.over = true,
            _ => {}
        }
    }

    /// The events' names and data.
    pub(super) fn events(&self, last: &LastWords) -> Option<Vec<(&'static str, String)>> {
        if !self.begun || self.over {
            return None;
        }
        let mut events = Vec::new();
        if let Some(block) = self.block {
            events.push((
                "content_block_stop",
                format!("{{\"type\":\"content_block_stop\",\"index\":{block}}}"),
            ));
        }
        let delta = "{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null}";
        let usage = format!("{{\"output_tokens\":{}}}", last.usage.output());
        events.push((
            "message_delta",
            format!("{{\"type\":\"message_delta\",\"delta\":{delta},\"usage\":{usage}}}"),
        ));
        events.push(("message_stop", "{\"type\":\"message_stop\"}".to_owned()));
        Some(events)
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let events = self.events(last)?;
        let events: String = events.iter().map(|(name, data)| event(Some(name), data)).collect();
        Some(events.into_bytes())
    }
}
