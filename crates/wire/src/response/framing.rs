//! How a response is cut into documents.

use super::event_stream::Frames;
use super::sse::Splitter;

#[derive(Debug)]
pub(super) enum Framing {
    /// One document, or an array of events.
    Json(Settled),
    /// A document a line.
    Lines,
    /// Server-sent events.
    Events(Box<Splitter>),
    /// AWS's binary event stream.
    EventStream(Box<Frames>),
}

/// Whether the first byte has been looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Settled(bool);

impl Framing {
    /// By the media type, with or without parameters.
    pub(super) fn of_content_type(content_type: &[u8]) -> Self {
        let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
        let is = |known: &[&str]| known.iter().any(|known| essence.eq_ignore_ascii_case(known.as_bytes()));
        if is(&["text/event-stream"]) {
            Framing::Events(Box::default())
        } else if is(&["application/vnd.amazon.eventstream"]) {
            Framing::EventStream(Box::default())
        } else if is(&[
            "application/x-ndjson",
            "application/ndjson",
            "application/jsonl",
            "application/x-jsonlines",
            "application/stream+json",
        ]) {
            Framing::Lines
        } else {
            Framing::Json(Settled(false))
        }
    }

    /// Looks at the first bytes: some servers send JSON (an error, mostly) where they announce events, and events
    /// where they announce text. Whether it has changed.
    pub(super) fn settle(&mut self, chunk: &[u8]) -> bool {
        let first = chunk.iter().find(|b| !b.is_ascii_whitespace());
        match (&mut *self, first) {
            (Framing::Json(settled @ Settled(false)), Some(first)) => {
                *settled = Settled(true);
                // The beginning of a field or a comment, and of no JSON that is a response.
                if matches!(first, b':' | b'd' | b'e' | b'i' | b'r') {
                    *self = Framing::Events(Box::default());
                    return true;
                }
            }
            (Framing::Events(splitter), Some(b'{' | b'[')) if splitter.is_untouched() => {
                *self = Framing::Json(Settled(true));
                return true;
            }
            _ => {}
        }
        false
    }

    pub(super) const fn is_json(&self) -> bool {
        matches!(self, Framing::Json(_))
    }

    pub(super) const fn is_events(&self) -> bool {
        matches!(self, Framing::Events(_))
    }
}
