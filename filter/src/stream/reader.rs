//! An answer's bytes, decoded: read, and ended where the policy says so.

use super::limits::{Stop, Why};
use tokens::{Encoding, Usage};
use wire::{Counted, CutOff, LastWords, Passed, ResponseMeter};

#[derive(Debug)]
pub(super) struct Reader {
    pub(super) meter: ResponseMeter,
    stopper: Option<Box<Stopper>>,
}

/// What ends a stream.
#[derive(Debug)]
pub(super) struct Stopper {
    pub(super) stop: Stop,
    pub(super) cut: CutOff,
    pub(super) encoding: Encoding,
    /// Whether the encoding is the model's own.
    pub(super) exact: bool,
    pub(super) include_usage: bool,
    /// The prompt's tokens, as counted.
    pub(super) prompt: u64,
    pub(super) stopped: bool,
}

impl Reader {
    pub(super) fn new(meter: ResponseMeter, stopper: Option<Stopper>) -> Reader {
        match stopper {
            Some(stopper) => {
                let meter = meter.counting(stopper.encoding);
                Reader { meter, stopper: Some(Box::new(stopper)) }
            }
            None => Reader { meter, stopper: None },
        }
    }

    /// Why the stream was ended, if it was.
    pub(super) fn stopped(&self) -> Option<Why> {
        self.stopper.as_ref().filter(|stopper| stopper.stopped).map(|stopper| stopper.stop.why)
    }

    /// Takes the next bytes, `end` with the last ones; says what to pass on for them.
    pub(super) fn feed(&mut self, bytes: &[u8], end: bool) -> Passed {
        match &mut self.stopper {
            None => self.meter.feed(bytes, end),
            // What follows is read for what it says of the usage, and goes no further.
            Some(stopper) if stopper.stopped => {
                let _ = self.meter.feed(bytes, end);
                Passed::Replaced(Vec::new())
            }
            Some(stopper) => stopper.feed(&mut self.meter, bytes, end),
        }
    }
}

impl Stopper {
    fn feed(&mut self, meter: &mut ResponseMeter, bytes: &[u8], end: bool) -> Passed {
        let (mut rest, mut out) = (bytes, Vec::with_capacity(bytes.len()));
        while let Some((unit, behind)) = self.cut.next(rest).and_then(|size| rest.split_at_checked(size)) {
            pass(meter, unit, false, &mut out);
            rest = behind;
            if self.is_due(meter)
                && let Some(ending) = self.cut.ending(&self.last_words(meter))
            {
                self.stopped = true;
                out.extend_from_slice(&ending);
                let _ = meter.feed(rest, end);
                return Passed::Replaced(out);
            }
        }
        pass(meter, rest, end, &mut out);
        if out == bytes { Passed::Untouched } else { Passed::Replaced(out) }
    }

    fn is_due(&self, meter: &mut ResponseMeter) -> bool {
        let counted = self.output(meter);
        self.stop.is_due(counted.tokens, counted.exact && self.exact)
    }

    /// What was put out so far: as reported, and what came since.
    fn output(&self, meter: &mut ResponseMeter) -> Counted {
        let reported = meter.usage().map_or(0, |reported| reported.usage.output());
        let since = meter.count_unreported(self.encoding);
        Counted { tokens: since.tokens.saturating_add(reported), ..since }
    }

    fn last_words(&self, meter: &mut ResponseMeter) -> LastWords {
        let reported = meter.usage().map(|reported| reported.usage);
        let usage = reported.unwrap_or(Usage { uncached_input: self.prompt, ..Usage::default() });
        let output =
            self.output(meter).tokens.saturating_sub(usage.reasoning).saturating_sub(usage.audio_out);
        LastWords { usage: Usage { output_visible: output, ..usage }, include_usage: self.include_usage }
    }
}

fn pass(meter: &mut ResponseMeter, bytes: &[u8], end: bool, out: &mut Vec<u8>) {
    match meter.feed(bytes, end) {
        Passed::Untouched => out.extend_from_slice(bytes),
        Passed::Replaced(with) => out.extend_from_slice(&with),
    }
}
