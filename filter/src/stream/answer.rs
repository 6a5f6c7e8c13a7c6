//! The provider's answer as it passes.

use super::call::Call;
use super::decoding::Decoding;
use super::limits::Why;
use super::reader::Reader;
use crate::charge::{Ending, is_by_provider};
use crate::host::{Body, Headers, Host, LogLevel};
use crate::plain_upstreams;
use crate::stats::Said;
use crate::worker::Worker;
use tokens::Encoding;
use wire::{Counted, MeterOptions, Passed, Reported, ResponseHead, ResponseMeter};

#[derive(Debug)]
pub(super) struct Answer {
    status: u32,
    by_provider: bool,
    reader: Reader,
    /// Where it came encoded.
    decoding: Option<Decoding>,
    /// An error to a request that was changed on its way.
    suspect: bool,
    first_token_ns: Option<u64>,
    last_token_ns: Option<u64>,
}

impl Answer {
    /// Reads the headers of the answer.
    pub(super) fn start(host: &dyn Host, worker: &Worker, call: &mut Call) -> Answer {
        let headers = host.headers(Headers::Response).unwrap_or_default();
        let header = |name: &str| headers.get(name).unwrap_or_default();
        let status: u16 =
            std::str::from_utf8(header(":status")).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        let head = ResponseHead { status, header: &|name| headers.get(name) };
        let (api, model) = (call.request.api(), call.model);
        let meter_of =
            |strip_usage| ResponseMeter::new(api, &head, MeterOptions { strip_usage }).expecting(&model);
        let mut meter = meter_of(call.usage_added);
        let mut stopper = if status == 200 { call.stopper(&head) } else { None };
        let mut decoding = Decoding::of(header("content-encoding"), &worker.decoders);
        if let (Some(decoding), true) = (&mut decoding, meter.may_shorten() || stopper.is_some()) {
            // What has to be changed has to be passed on decoded; every client takes that. Else it stays as it is.
            if decoding.can_be_plain() && host.remove_header(Headers::Response, "content-encoding").is_ok() {
                decoding.make_plain();
            } else {
                (meter, stopper) = (meter_of(false), None);
            }
        }
        if (meter.may_shorten() || stopper.is_some()) && !header("content-length").is_empty() {
            // What is taken out changes the length, if there is one.
            let _ = host.remove_header(Headers::Response, "content-length");
        }
        Answer {
            status: status.into(),
            by_provider: status < 400 || is_by_provider(host),
            reader: Reader::new(meter, stopper),
            decoding,
            suspect: status == 400 && call.usage_added,
            first_token_ns: None,
            last_token_ns: None,
        }
    }

    pub(super) fn status(&self) -> u32 {
        self.status
    }

    /// Whether the provider said so, or Envoy in its stead.
    pub(super) fn is_by_provider(&self) -> bool {
        self.by_provider
    }

    /// Whether this is an error that our own change may have caused.
    pub(super) fn might_refuse_our_changes(&self) -> bool {
        self.suspect
    }

    /// Some upstreams refuse `stream_options`. The client never sent it, so it is told to send its request again,
    /// which the SDKs do by themselves, and from now on this upstream gets requests without the field.
    pub(super) fn explain_error(&mut self, host: &dyn Host, worker: &mut Worker, size: usize) {
        self.suspect = false;
        let mut body = host.body(Body::Response, size).unwrap_or_default();
        if let Some(decoding) = self.decoding.take() {
            body = decoding.whole(&body);
        }
        if !body.windows(FIELD.len()).any(|window| window == FIELD) {
            return;
        }
        plain_upstreams::remember(host);
        worker.stats.count("tollkeeper_stream_options_refused_total", 1);
        for (name, value) in [("x-should-retry", "true"), ("retry-after-ms", "1")] {
            if let Err(error) = host.set_header(Headers::Response, name, value) {
                host.log(LogLevel::Warn, &format!("tollkeeper: {name} could not be set: {error}"));
            }
        }
    }

    /// A piece of the body: read, and passed on at once.
    pub(super) fn pass(&mut self, host: &dyn Host, size: usize, end: bool) {
        if size == 0 && !end {
            return;
        }
        let Ok(piece) = host.body(Body::Response, size) else { return };
        let before = self.reader.meter.output_chunks();
        let passed = match &mut self.decoding {
            None => self.reader.feed(&piece, end),
            Some(decoding) => decoding.feed(&mut self.reader, &piece, end),
        };
        if let Passed::Replaced(with) = passed
            && let Err(error) = host.replace_body(Body::Response, piece.len(), &with)
        {
            host.log(
                LogLevel::Warn,
                &format!("tollkeeper: a piece of an answer could not be changed: {error}"),
            );
        }
        if self.reader.meter.is_stream() && self.reader.meter.output_chunks() > before {
            let now = host.monotonic_ns();
            self.first_token_ns = self.first_token_ns.or(Some(now));
            self.last_token_ns = Some(now);
        }
    }

    /// The answer is over: what was kept back of it is read.
    pub(super) fn finish(&mut self) {
        if let Some(decoding) = &mut self.decoding {
            decoding.finish(&mut self.reader);
        }
        self.reader.meter.finish();
    }

    pub(super) fn reported(&self) -> Option<Reported> {
        self.reader.meter.usage()
    }

    /// The output that was seen and is not in [`Answer::reported`].
    pub(super) fn count_unreported(&mut self, encoding: Encoding) -> Counted {
        self.reader.meter.count_unreported(encoding)
    }

    /// The ending of an answer that may have an error in it.
    pub(super) fn ending(&self, ending: Ending) -> Ending {
        if self.reader.meter.error_seen() {
            ending.with_error(self.reader.meter.has_output() || self.reader.meter.usage().is_some())
        } else {
            ending
        }
    }

    /// Why it was ended early, if it was.
    pub(super) fn stopped(&self) -> Option<Why> {
        self.reader.stopped()
    }

    /// The model that answered, as it names itself.
    pub(super) fn model(&self) -> Option<&str> {
        self.reader.meter.model()
    }

    /// What stats say of it.
    pub(super) fn said(&self) -> Said {
        Said {
            first_token_ns: self.first_token_ns,
            last_token_ns: self.last_token_ns,
            finish: self.reader.meter.finish_reason(),
            tool_calls: self.reader.meter.tool_calls(),
            extras: self.reader.meter.extras(),
            unread_bytes: self.unread_bytes(),
            stopped: self.stopped().map(Why::name),
        }
    }

    /// Whether all of it that passed could be read.
    pub(super) fn is_readable(&self) -> bool {
        // Of an answer that comes in one piece, what is missing was generated all the same.
        let cut_short = self.reader.meter.is_truncated() && !self.reader.meter.is_stream();
        self.unread_bytes() == 0 && !cut_short && !self.decoding.as_ref().is_some_and(Decoding::is_truncated)
    }

    /// Bytes that passed and could not be read.
    fn unread_bytes(&self) -> u64 {
        let encoded = self.decoding.as_ref().map_or(0, Decoding::unread_bytes);
        self.reader.meter.unread_bytes().saturating_add(encoded)
    }
}

const FIELD: &[u8] = b"stream_options";
