//! Bedrock's binary streams: Converse's events, and the chunks of InvokeModel with a model's own events within.

use super::anthropic::Anthropic;
use super::openai::Chat;
use super::{LastWords, raw};
use crate::response::Base64;
use crc32fast::Hasher;

/// Events of Converse; Nova's own have the same names.
#[derive(Debug, Default)]
pub(super) struct Converse {
    begun: bool,
    /// The content block that is being said.
    block: Option<String>,
    over: bool,
}

impl Converse {
    pub(super) fn read(&mut self, kind: &str, payload: &str) {
        match kind {
            "messageStart" => self.begun = true,
            "contentBlockStart" | "contentBlockDelta" => {
                self.block = raw::member(payload, "contentBlockIndex").map(str::to_owned);
            }
            "contentBlockStop" => self.block = None,
            "messageStop" | "metadata" => self.over = true,
            _ => {}
        }
    }

    /// Events by their names, with what they say.
    fn events(&self, last: &LastWords) -> Option<Vec<(&'static str, String)>> {
        if !self.begun || self.over {
            return None;
        }
        let mut events = Vec::new();
        if let Some(block) = &self.block {
            events.push(("contentBlockStop", format!("{{\"contentBlockIndex\":{block}}}")));
        }
        events.push(("messageStop", "{\"stopReason\":\"max_tokens\"}".to_owned()));
        let usage = &last.usage;
        let writes = usage.cache_write_5m.saturating_add(usage.cache_write_1h);
        let uncached = usage.input().saturating_sub(usage.cache_read).saturating_sub(writes);
        let usage = format!(
            "{{\"inputTokens\":{uncached},\"outputTokens\":{},\"totalTokens\":{},\"cacheReadInputTokens\":{},\
             \"cacheWriteInputTokens\":{writes}}}",
            usage.output(),
            usage.total(),
            usage.cache_read
        );
        events.push(("metadata", format!("{{\"usage\":{usage},\"metrics\":{{\"latencyMs\":0}}}}")));
        Some(events)
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let events = self.events(last)?;
        Some(events.iter().flat_map(|(kind, payload)| message(kind, payload)).collect())
    }
}

/// Chunks of InvokeModel. What is inside is known by its looks.
#[derive(Debug, Default)]
pub(super) struct Invoke {
    anthropic: Anthropic,
    nova: Converse,
    openai: Chat,
    plain: Plain,
}

/// Models whose every chunk has the same field, which is null until the last.
#[derive(Debug, Default)]
enum Plain {
    #[default]
    Unknown,
    Llama,
    Mistral,
    Titan,
    Over,
}

impl Invoke {
    pub(super) fn read(&mut self, kind: &str, payload: &str) {
        if kind != "chunk" {
            return;
        }
        let mut inner = Vec::new();
        let Some(encoded) = raw::member(payload, "bytes").and_then(raw::within) else { return };
        Base64::default().decode(encoded, |bytes| inner.extend_from_slice(bytes));
        let Ok(inner) = str::from_utf8(&inner) else { return };
        self.anthropic.read(inner);
        self.openai.read(inner);
        for (name, value) in raw::members(inner) {
            self.nova.read(&name, value);
        }
        self.plain.read(inner);
    }

    pub(super) fn ending(&self, last: &LastWords) -> Option<Vec<u8>> {
        let mut inner: Vec<String> = if let Some(events) = self.anthropic.events(last) {
            events.into_iter().map(|(_, data)| data).collect()
        } else if let Some(events) = self.nova.events(last) {
            events.into_iter().map(|(name, data)| format!("{{\"{name}\":{data}}}")).collect()
        } else if let Some(chunks) = self.openai.chunks(last) {
            chunks
        } else {
            vec![self.plain.last(last)?]
        };
        let usage = &last.usage;
        let metrics = format!(
            "{{\"inputTokenCount\":{},\"outputTokenCount\":{},\"invocationLatency\":0,\"firstByteLatency\":0}}",
            usage.input(),
            usage.output()
        );
        if let Some(last) = inner.last_mut() {
            *last = raw::with(last, &[("amazon-bedrock-invocationMetrics", &metrics)]);
        }
        let chunk =
            |inner: &String| message("chunk", &format!("{{\"bytes\":\"{}\"}}", base64(inner.as_bytes())));
        Some(inner.iter().flat_map(chunk).collect())
    }
}

impl Plain {
    fn read(&mut self, inner: &str) {
        let given = |value: Option<&str>| value.is_some_and(|value| !raw::is_null(value));
        let (kind, finished) = if raw::member(inner, "generation").is_some() {
            (Plain::Llama, given(raw::member(inner, "stop_reason")))
        } else if let Some(outputs) = raw::member(inner, "outputs") {
            let finished = raw::items(outputs).iter().any(|output| given(raw::member(output, "stop_reason")));
            (Plain::Mistral, finished)
        } else if raw::member(inner, "outputText").is_some() {
            (Plain::Titan, given(raw::member(inner, "completionReason")))
        } else {
            return;
        };
        *self = if finished { Plain::Over } else { kind };
    }

    fn last(&self, last: &LastWords) -> Option<String> {
        let (input, output) = (last.usage.input(), last.usage.output());
        match self {
            Plain::Unknown | Plain::Over => None,
            Plain::Llama => Some(format!(
                "{{\"generation\":\"\",\"prompt_token_count\":{input},\"generation_token_count\":{output},\
                 \"stop_reason\":\"length\"}}"
            )),
            Plain::Mistral => Some("{\"outputs\":[{\"text\":\"\",\"stop_reason\":\"length\"}]}".to_owned()),
            Plain::Titan => Some(format!(
                "{{\"outputText\":\"\",\"index\":0,\"totalOutputTextTokenCount\":{output},\
                 \"completionReason\":\"LENGTH\",\"inputTextTokenCount\":{input}}}"
            )),
        }
    }
}

/// A message of the binary stream, of an event with a JSON payload; see [`super::units`] for the format.
fn message(event: &str, payload: &str) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in
        [(":event-type", event), (":content-type", "application/json"), (":message-type", "event")]
    {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let total = headers.len().saturating_add(payload.len()).saturating_add(16);
    let mut message = Vec::with_capacity(total);
    for length in [total, headers.len()] {
        message.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }
    let checksum = |bytes: &[u8]| {
        let mut crc = Hasher::new();
        crc.update(bytes);
        crc.finalize().to_be_bytes()
    };
    message.extend_from_slice(&checksum(&message));
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload.as_bytes());
    message.extend_from_slice(&checksum(&message));
    message
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = DIGITS.get((bits >> shift & 63) as usize).copied().unwrap_or(b'=');
            text.push(if at <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
