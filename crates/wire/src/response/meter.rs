//! Metering a response while it passes.

use super::head::{MeterOptions, ResponseHead};
use super::report::{Extras, FinishReason, Reported};
use super::seen::Seen;
use super::sse::{Splitter, Step};
use super::strip::{Pass, Strip};
use crate::json::{Error, Scanner};
use crate::openai::{Shape, read_chunk};
use crate::{Api, Counted};
use tokens::{Encoding, Model};

/// Bytes of a JSON response that are kept to be read at its end; a larger one is not read.
const LARGEST_JSON: usize = 1 << 20;

/// What to pass on for a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passed {
    /// The chunk as it is.
    Untouched,
    /// These bytes instead; they may be none.
    Replaced(Vec<u8>),
}

/// Watches one response.
///
/// What it reports does not depend on how the response was cut into chunks. It keeps at most one unfinished event
/// (1 MiB) or one JSON body (1 MiB), and 64 KiB of output text.
#[derive(Debug)]
pub struct ResponseMeter {
    body: Body,
    seen: Seen,
    unread: u64,
    finished: bool,
}

#[derive(Debug)]
enum Body {
    Json { kept: Vec<u8>, too_large: bool },
    Events { splitter: Box<Splitter>, strip: Option<Strip> },
}

impl ResponseMeter {
    /// For the response to a call in this format.
    #[must_use]
    pub fn new(_api: Api, head: &ResponseHead<'_>, options: MeterOptions) -> Self {
        let body = if is_event_stream((head.header)("content-type").unwrap_or_default()) {
            Body::Events { splitter: Box::default(), strip: options.strip_usage.then(Strip::default) }
        } else {
            Body::Json { kept: Vec::new(), too_large: false }
        };
        ResponseMeter { body, seen: Seen::default(), unread: 0, finished: false }
    }

    /// Whether the response is a stream of events.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        matches!(self.body, Body::Events { .. })
    }

    /// Whether what is passed on may be shorter than what came, so that no `content-length` holds.
    #[must_use]
    pub const fn may_shorten(&self) -> bool {
        matches!(self.body, Body::Events { strip: Some(_), .. })
    }

    /// Names the encoding to count with if the output outgrows what is kept of it. Without, it is the encoding of the
    /// model that answers.
    #[must_use]
    pub fn expecting(mut self, encoding: Encoding) -> Self {
        self.seen.output.expect(encoding);
        self
    }

    /// Takes the next chunk, `end` with the last one; says what to pass on for it. Nothing is read after the end.
    pub fn feed(&mut self, chunk: &[u8], end: bool) -> Passed {
        if self.finished {
            return Passed::Untouched;
        }
        let ResponseMeter { body, seen, unread, .. } = self;
        let mut replaced = match body {
            Body::Json { kept, too_large } => {
                if end && kept.is_empty() && !*too_large && chunk.len() <= LARGEST_JSON {
                    read(chunk, seen, unread);
                } else {
                    keep(kept, too_large, chunk, unread);
                }
                None
            }
            Body::Events { splitter, strip: None } => {
                let mut at = 0;
                while let Some(step) = splitter.next(chunk, &mut at) {
                    if let Step::Event(data) = step {
                        read_event(data, seen, unread);
                    }
                }
                None
            }
            Body::Events { splitter, strip: Some(strip) } => {
                feed_stripping(splitter, strip, chunk, seen, unread)
            }
        };
        if end {
            self.finish();
            let kept_back = self.release();
            if let (Some(out), false) = (&mut replaced, kept_back.is_empty()) {
                out.extend_from_slice(&kept_back);
            }
        }
        replaced.map_or(Passed::Untouched, Passed::Replaced)
    }

    /// The response is over: by its trailers, or cut short. Reads what is unfinished. Doing it twice does nothing more.
    pub fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        let ResponseMeter { body, seen, unread, .. } = self;
        match body {
            Body::Json { kept, .. } => {
                let kept = std::mem::take(kept);
                if !kept.is_empty() {
                    read(&kept, seen, unread);
                }
            }
            Body::Events { splitter, strip } => {
                let Some(data) = splitter.finish() else { return };
                let shape = read_event(data, seen, unread);
                if let Some(strip) = strip {
                    strip.end(shape.is_usage_only());
                }
            }
        }
    }

    /// Finishes, and returns the bytes that were kept back and must still be passed on: for a response that ends
    /// without `end` (by trailers). Empty for any other.
    pub fn release(&mut self) -> Vec<u8> {
        self.finish();
        match &mut self.body {
            Body::Events { strip: Some(strip), .. } => strip.release(),
            _ => Vec::new(),
        }
    }

    /// The provider's own figures, the last ones given. `None` is "not given", zeros are figures.
    #[must_use]
    pub fn usage(&self) -> Option<Reported> {
        self.seen.usage.map(|usage| Reported { usage, complete: true })
    }

    /// Whether the model has said anything yet: text, refusal, reasoning, a call.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        self.seen.chunks > 0
    }

    /// How many chunks brought output; 1 for a JSON response that has some.
    #[must_use]
    pub const fn output_chunks(&self) -> u64 {
        self.seen.chunks
    }

    /// Tokens of the output seen so far: content, refusals, reasoning, names and arguments of calls, for every choice
    /// by itself. Exact for content of a model with documented rules, in its own encoding, to a request without tools
    /// (with tools on offer gpt-4o counts one token more); calls, and what surrounds them, make it an estimate.
    #[must_use]
    pub fn count_output(&mut self, encoding: Encoding) -> Counted {
        let counted = self.seen.output.count(encoding);
        let documented = self.model().is_some_and(|model| Model::of(model).has_documented_framing());
        Counted { exact: counted.exact && documented && self.unread_bytes() == 0, ..counted }
    }

    /// As [`ResponseMeter::count_output`], but only of what came after the last [`ResponseMeter::usage`]: what an
    /// incomplete report lacks. It is everything where there was no report.
    #[must_use]
    pub fn count_unreported(&mut self, encoding: Encoding) -> Counted {
        if self.seen.usage.is_some() {
            return Counted { tokens: 0, exact: true };
        }
        self.count_output(encoding)
    }

    /// Why the model stopped; of several choices, the last one's reason.
    #[must_use]
    pub const fn finish_reason(&self) -> Option<FinishReason> {
        None
    }

    /// How many calls of tools the model made.
    #[must_use]
    pub const fn tool_calls(&self) -> u64 {
        0
    }

    /// The service tier that served the call, as the provider names it: it may change the price.
    #[must_use]
    pub const fn service_tier(&self) -> Option<&str> {
        None
    }

    /// What was consumed beside tokens.
    #[must_use]
    pub fn extras(&self) -> Extras {
        Extras::default()
    }

    /// The model that answered, as it names itself.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.seen.model.as_deref()
    }

    /// Whether there was an error object: inside a stream, or as the body.
    #[must_use]
    pub const fn error_seen(&self) -> bool {
        self.seen.error
    }

    /// The provider's name for the error, where it gave one.
    #[must_use]
    pub const fn error(&self) -> Option<&str> {
        None
    }

    /// Bytes that were too many to keep or could not be read as JSON.
    #[must_use]
    pub const fn unread_bytes(&self) -> u64 {
        let too_large = match &self.body {
            Body::Json { .. } => 0,
            Body::Events { splitter, .. } => splitter.unread(),
        };
        self.unread.saturating_add(too_large)
    }
}

/// By the media type, with or without parameters.
fn is_event_stream(content_type: &[u8]) -> bool {
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default().trim_ascii();
    essence.eq_ignore_ascii_case(b"text/event-stream")
}

fn feed_stripping(
    splitter: &mut Splitter,
    strip: &mut Strip,
    chunk: &[u8],
    seen: &mut Seen,
    unread: &mut u64,
) -> Option<Vec<u8>> {
    let mut pass = Pass::new(chunk, strip);
    let mut at = 0;
    while let Some(step) = splitter.next(chunk, &mut at) {
        match step {
            Step::Between => strip.between(&mut pass, at),
            Step::LateLineFeed => strip.late_line_feed(&mut pass, at),
            Step::Event(data) => {
                let usage_only = read_event(data, seen, unread).is_usage_only();
                strip.event(&mut pass, at, usage_only, splitter.unit_bytes());
            }
        }
    }
    let (data, line) = splitter.unfinished();
    strip.unfinished(&mut pass, data, line, splitter.unit_bytes());
    pass.done()
}

fn keep(kept: &mut Vec<u8>, too_large: &mut bool, chunk: &[u8], unread: &mut u64) {
    if !*too_large && kept.len().saturating_add(chunk.len()) <= LARGEST_JSON {
        kept.extend_from_slice(chunk);
        return;
    }
    *too_large = true;
    *unread = unread.saturating_add(std::mem::take(kept).len() as u64).saturating_add(chunk.len() as u64);
}

fn read_event(data: &[u8], seen: &mut Seen, unread: &mut u64) -> Shape {
    // Not JSON, and not to be counted as something that could not be read.
    if matches!(data.trim_ascii(), b"" | b"[DONE]") { Shape::default() } else { read(data, seen, unread) }
}

fn read(data: &[u8], seen: &mut Seen, unread: &mut u64) -> Shape {
    let mut shape = Shape::default();
    let result: Result<(), Error> =
        Scanner::over(data).and_then(|mut scanner| read_chunk(&mut scanner, seen, &mut shape));
    if result.is_err() {
        *unread = unread.saturating_add(data.len() as u64);
        shape = Shape::default();
    }
    seen.end_of_chunk();
    if !seen.output.expects()
        && let Some(model) = &seen.model
    {
        seen.output.expect(Model::of(model).encoding);
    }
    shape
}
