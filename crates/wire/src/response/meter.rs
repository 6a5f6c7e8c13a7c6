//! Metering a response while it passes.

use super::event_stream;
use super::formats::{Format, format};
use super::framing::Framing;
use super::head::{MeterOptions, ResponseHead};
use super::reader::Reader;
use super::report::{Extras, FinishReason, Reported};
use super::seen::Seen;
use super::sse::Step;
use super::strip::{Pass, Strip};
use crate::{Api, Counted};
use tokens::{Encoding, Family, Model};

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
/// What it reports does not depend on how the response was cut into chunks. It keeps nothing of the response but 64 KiB
/// of output text, and what is said of it below; so its size is bounded, that of the response is not.
#[derive(Debug)]
pub struct ResponseMeter {
    framing: Framing,
    reader: Reader,
    seen: Seen,
    strip: Option<Strip>,
    documented: bool,
    expected: Option<Model>,
    finished: bool,
    truncated: bool,
}

impl ResponseMeter {
    /// For the response to a call in this format.
    #[must_use]
    pub fn new(api: Api, head: &ResponseHead<'_>, options: MeterOptions) -> Self {
        let framing = Framing::of_content_type((head.header)("content-type").unwrap_or_default());
        let Format { document, envelope, figures_in_head } = format(api);
        let reader = match envelope {
            Some(envelope) if matches!(framing, Framing::EventStream(_)) => {
                Reader::wrapped(document, envelope)
            }
            _ => Reader::new(document),
        };
        let mut seen = Seen::default();
        if let Some(figures) = figures_in_head {
            seen.fallback = figures(head);
        }
        seen.is_whole = framing.is_json();
        seen.error = head.status >= 400;
        ResponseMeter {
            strip: (options.strip_usage && framing.is_events()).then(Strip::default),
            framing,
            reader,
            seen,
            // What a completion has beside its text is documented for this format alone.
            documented: api == Api::OpenAiChat,
            expected: None,
            finished: false,
            truncated: false,
        }
    }

    /// Names the model that answers, which a response may call by a deployment's name. Output that outgrows what is kept
    /// of it is counted with its encoding.
    #[must_use]
    pub fn expecting(mut self, model: &Model) -> Self {
        self.seen.output.expect(model.encoding);
        self.expected = Some(*model);
        self
    }

    /// Counts output with this encoding as it passes, so that [`ResponseMeter::count_output`] costs nothing at any time.
    /// Without, text is kept, and only counted if that turns out to be needed.
    #[must_use]
    pub fn counting(mut self, encoding: Encoding) -> Self {
        self.seen.output.count_at_once(encoding);
        self
    }

    /// Whether the response is a stream of events. An array of events (Gemini) is known for one by its first byte.
    #[must_use]
    pub const fn is_stream(&self) -> bool {
        !self.framing.is_json() || self.seen.is_array
    }

    /// Whether what is passed on may be shorter than what came, so that no `content-length` holds.
    #[must_use]
    pub const fn may_shorten(&self) -> bool {
        self.strip.is_some()
    }

    /// Takes the next chunk, `end` with the last one; says what to pass on for it. Nothing is read after the end.
    pub fn feed(&mut self, chunk: &[u8], end: bool) -> Passed {
        if self.finished {
            return Passed::Untouched;
        }
        let (mut replaced, mut document) = (None, chunk);
        if self.framing.settle(chunk) {
            self.seen.is_whole = self.framing.is_json();
            // (In pieces, the white space before it went to the events.)
            document = chunk.trim_ascii_start();
            // No events after all: white space that was kept back goes on before the rest.
            let kept_back = self.strip.take_if(|_| self.framing.is_json()).map(|mut strip| strip.release());
            replaced = kept_back.filter(|kept| !kept.is_empty()).map(|kept| [&kept, chunk].concat());
        }
        match &mut self.framing {
            Framing::Json(_) => self.reader.read_sequence(document, &mut self.seen),
            Framing::Lines => self.feed_lines(chunk),
            Framing::Events(_) => replaced = self.feed_events(chunk),
            Framing::EventStream(_) => self.feed_frames(chunk),
        }
        if end {
            self.finish();
            let kept_back = self.release();
            if let (Some(out), false) = (&mut replaced, kept_back.is_empty()) {
                out.extend_from_slice(&kept_back);
            }
        }
        replaced.map_or(Passed::Untouched, Passed::Replaced)
    }

    fn feed_lines(&mut self, chunk: &[u8]) {
        for line in chunk.split_inclusive(|b| *b == b'\n') {
            self.reader.read(line, &mut self.seen);
            if line.ends_with(b"\n") {
                self.reader.end(&mut self.seen);
            }
        }
    }

    fn feed_events(&mut self, chunk: &[u8]) -> Option<Vec<u8>> {
        let ResponseMeter { framing: Framing::Events(splitter), reader, seen, strip, .. } = self else {
            return None;
        };
        let mut pass = strip.as_ref().map(|strip| Pass::new(chunk, strip));
        let mut at = 0;
        while let Some(step) = splitter.next(chunk, &mut at) {
            let strip = strip.as_mut().zip(pass.as_mut());
            match (step, strip) {
                (Step::Name, _) => seen.event_name(splitter.name()),
                (Step::Data(piece), _) => reader.read(piece, seen),
                (Step::Event, strip) => {
                    let shape = reader.end(seen);
                    if let Some((strip, pass)) = strip {
                        strip.event(pass, at, shape.is_usage_only(), splitter.unit_bytes());
                    }
                }
                (Step::Between, Some((strip, pass))) => strip.between(pass, at),
                (Step::LateLineFeed, Some((strip, pass))) => strip.late_line_feed(pass, at),
                (Step::Between | Step::LateLineFeed, None) => {}
            }
        }
        let (strip, mut pass) = strip.as_mut().zip(pass)?;
        let data_may_be = !reader.has_failed() && seen.shape().may_be_usage_only();
        let possible = if splitter.has_data() { data_may_be } else { !splitter.is_comment() };
        strip.unfinished(&mut pass, possible, splitter.unit_bytes());
        pass.done()
    }

    fn feed_frames(&mut self, chunk: &[u8]) {
        let ResponseMeter { framing: Framing::EventStream(frames), reader, seen, .. } = self else { return };
        let mut at = 0;
        while let Some(step) = frames.next(chunk, &mut at) {
            match step {
                event_stream::Step::Payload(piece) => reader.read(piece, seen),
                event_stream::Step::Message { intact: false } => reader.discard(seen),
                event_stream::Step::Message { intact: true } => {
                    reader.end(seen);
                    if matches!(frames.header(":message-type"), Some("exception" | "error")) {
                        let name = frames.header(":exception-type").or(frames.header(":error-code"));
                        seen.exception(name.unwrap_or_default());
                    }
                }
            }
        }
    }

    /// The response is over: by its trailers, or cut short. Reads what is unfinished. Doing it twice does nothing more.
    pub fn finish(&mut self) {
        if std::mem::replace(&mut self.finished, true) {
            return;
        }
        if let Framing::EventStream(frames) = &self.framing {
            self.truncated = frames.is_inside();
        }
        let (shape, all) = self.reader.end_of_response(&mut self.seen);
        self.truncated |= !all;
        if let (Some(strip), Framing::Events(splitter)) = (&mut self.strip, &mut self.framing)
            && splitter.finish()
        {
            strip.end(shape.is_usage_only());
        }
    }

    /// Finishes, and returns the bytes that were kept back and must still be passed on: for a response that ends
    /// without `end` (by trailers). Empty for any other.
    pub fn release(&mut self) -> Vec<u8> {
        self.finish();
        self.strip.as_mut().map(Strip::release).unwrap_or_default()
    }

    /// The provider's own figures, the last ones given. `None` is "not given", zeros are figures.
    #[must_use]
    pub fn usage(&self) -> Option<Reported> {
        let own = self.seen.usage.map(|usage| Reported { usage, complete: self.seen.complete });
        let fallback = self.seen.fallback.map(|usage| Reported { usage, complete: true });
        own.filter(|own| own.complete).or(fallback).or(own)
    }

    /// Whether the model has said anything yet: text, refusal, reasoning, a call.
    #[must_use]
    pub const fn has_output(&self) -> bool {
        self.seen.chunks > 0
    }

    /// How many events brought output; 1 for a JSON response that has some.
    #[must_use]
    pub const fn output_chunks(&self) -> u64 {
        self.seen.chunks
    }

    /// Tokens of the output seen so far: content, refusals, reasoning, names and arguments of calls, for every choice
    /// by itself. Exact for content of a model with documented rules, in its own encoding, to a request without tools
    /// (with tools on offer gpt-4o counts one token more); calls, and what surrounds them, make it an estimate.
    #[must_use]
    pub fn count_output(&self, encoding: Encoding) -> Counted {
        let counted = self.seen.output.count(encoding);
        self.judged(counted)
    }

    /// As [`ResponseMeter::count_output`], but only of what came after the last [`ResponseMeter::usage`]: what an
    /// incomplete report lacks. It is everything where there was no report, and nothing where the report is complete.
    #[must_use]
    pub fn count_unreported(&self, encoding: Encoding) -> Counted {
        if self.usage().is_some_and(|reported| reported.complete) {
            return Counted { tokens: 0, exact: true };
        }
        let counted = self.seen.output.count_unreported(encoding);
        self.judged(counted)
    }

    fn judged(&self, counted: Counted) -> Counted {
        let named = self.model().map(Model::of);
        // A name that says nothing is taken for the expected model's.
        let model = named.filter(|named| named.family != Family::Other).or(self.expected);
        let documented = self.documented && model.is_some_and(|model| model.has_documented_framing());
        Counted { exact: counted.exact && documented && self.unread_bytes() == 0, ..counted }
    }

    /// The model that answered, as it names itself.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.seen.model.as_deref()
    }

    /// Why the model stopped; of several choices, the last one's reason.
    #[must_use]
    pub fn finish_reason(&self) -> Option<FinishReason> {
        self.seen.finish.as_ref().map(|(reason, _)| *reason)
    }

    /// The provider's own word for why the model stopped.
    #[must_use]
    pub fn raw_finish_reason(&self) -> Option<&str> {
        self.seen.finish.as_ref().map(|(_, word)| word.as_str())
    }

    /// How many calls of tools the model made, 64 at most.
    #[must_use]
    pub fn tool_calls(&self) -> u64 {
        self.seen.output.calls() as u64
    }

    /// The service tier that served the call, as the provider names it: it may change the price.
    #[must_use]
    pub fn service_tier(&self) -> Option<&str> {
        self.seen.tier.as_deref()
    }

    /// What was consumed beside tokens.
    #[must_use]
    pub const fn extras(&self) -> Extras {
        self.seen.extras
    }

    /// Whether there was an error: by the status, inside a stream, or as the body.
    #[must_use]
    pub const fn error_seen(&self) -> bool {
        self.seen.error
    }

    /// The provider's name for the error, where it gave one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.seen.error_name.as_deref()
    }

    /// Whether the response ended inside a document or an event: more was to come.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Bytes that could not be read: no JSON, or damaged on their way.
    #[must_use]
    pub const fn unread_bytes(&self) -> u64 {
        let damaged = match &self.framing {
            Framing::EventStream(frames) => frames.unread(),
            _ => 0,
        };
        self.reader.unread().saturating_add(damaged)
    }
}
