//! The output as far as it was seen: kept for the case that it has to be counted, within a bound, beyond it counted as
//! it passes.

use crate::Counted;
use std::mem;
use tokens::{Counter, Encoding};

/// Bytes of text kept a response. Most answers are shorter, and are never counted: their provider reports usage.
const KEPT: usize = 64 * 1024;
/// Texts told apart; a response with more calls than that has them counted together.
const CHANNELS: usize = 64;

/// What surrounds a call, and each further one of the same choice: not documented, measured on recorded traffic of
/// gpt-4o (7 always, 22 to 26 for a second call).
const CALL: u64 = 7;
const FURTHER_CALL: u64 = 24;

/// Whose text it is: tokens never reach from one to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Channel {
    pub(super) choice: u64,
    pub(super) source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Content,
    Refusal,
    Reasoning,
    CallName(u64),
    CallArguments(u64),
}

#[derive(Debug)]
struct Text {
    channel: Channel,
    kept: String,
    counter: Option<Counter>,
    /// How much of `kept`, and how many tokens of the counter, a report of the provider's covers.
    reported: (usize, u64),
}

#[derive(Debug, Default)]
pub(super) struct Output {
    texts: Vec<Text>,
    kept: usize,
    /// The encoding that texts beyond the bound are counted with.
    counting: Option<Encoding>,
    /// What to count with if it comes to that.
    expected: Option<Encoding>,
    estimated: bool,
    reported_calls: usize,
}

impl Output {
    /// The encoding to count with once texts outgrow the bound.
    pub(super) fn expect(&mut self, encoding: Encoding) {
        self.expected = Some(encoding);
    }

    /// Counts with this encoding as texts pass, so that a count is at hand at any time.
    pub(super) fn count_at_once(&mut self, encoding: Encoding) {
        self.counting = Some(encoding);
    }

    /// As [`Output::expect`], if nothing is expected yet.
    pub(super) fn expect_unless_told(&mut self, encoding: Encoding) {
        self.expected.get_or_insert(encoding);
    }

    /// Something was said that is not text.
    pub(super) fn unseen(&mut self) {
        self.estimated = true;
    }

    pub(super) fn push(&mut self, channel: Channel, piece: &str) {
        // What providers wrap around calls is not documented, and reasoning may be shown only in part.
        self.estimated |= !matches!(channel.source, Source::Content | Source::Refusal);
        let place = self.place(channel);
        let Some(text) = self.texts.get_mut(place) else { return };
        if text.counter.is_none() && self.kept.saturating_add(piece.len()) <= KEPT && self.counting.is_none()
        {
            self.kept = self.kept.saturating_add(piece.len());
            text.kept.push_str(piece);
            return;
        }
        self.count_from_now_on();
        if let Some(counter) = self.texts.get_mut(place).and_then(|text| text.counter.as_mut()) {
            counter.feed(piece);
        }
    }

    /// The text of a channel; past the last place, the last text takes it all.
    fn place(&mut self, channel: Channel) -> usize {
        if let Some(known) = self.texts.iter().position(|text| text.channel == channel) {
            return known;
        }
        if self.texts.len() < CHANNELS {
            self.texts.push(Text { channel, kept: String::new(), counter: None, reported: (0, 0) });
        } else {
            self.estimated = true;
        }
        self.texts.len().saturating_sub(1)
    }

    fn count_from_now_on(&mut self) {
        let encoding = *self.counting.get_or_insert(self.expected.unwrap_or(Encoding::O200kBase));
        for text in &mut self.texts {
            if text.counter.is_none() {
                let mut counter = Counter::new(encoding);
                let kept = mem::take(&mut text.kept);
                let (reported, rest) = kept.split_at_checked(text.reported.0).unwrap_or(("", &kept));
                counter.feed(reported);
                text.reported = (0, counter.total());
                counter.feed(rest);
                text.counter = Some(counter);
            }
        }
        self.kept = 0;
    }

    /// The provider has reported what was said so far.
    pub(super) fn reported(&mut self) {
        for text in &mut self.texts {
            text.reported = (text.kept.len(), text.counter.as_ref().map_or(0, Counter::total));
        }
        self.reported_calls = self.calls();
    }

    /// How many calls were made.
    pub(super) fn calls(&self) -> usize {
        self.texts.iter().filter(|text| matches!(text.channel.source, Source::CallName(_))).count()
    }

    pub(super) fn count(&self, encoding: Encoding) -> Counted {
        self.count_from(encoding, 0, |_| (0, 0))
    }

    /// Counts what came after the last report.
    pub(super) fn count_unreported(&self, encoding: Encoding) -> Counted {
        self.count_from(encoding, self.reported_calls, |text| text.reported)
    }

    fn count_from(&self, encoding: Encoding, calls: usize, from: impl Fn(&Text) -> (usize, u64)) -> Counted {
        let mut tokens = 0u64;
        for text in &self.texts {
            let (kept, counted) = from(text);
            let of_text = match &text.counter {
                Some(counter) => counter.total().saturating_sub(counted),
                None => tokens::count(encoding, text.kept.get(kept..).unwrap_or_default()),
            };
            tokens = tokens.saturating_add(of_text);
        }
        tokens = tokens.saturating_add(self.around_calls(calls));
        let as_asked = self.counting.is_none_or(|counted_with| counted_with == encoding);
        Counted { tokens, exact: as_asked && !self.estimated }
    }

    /// What surrounds the calls after the first `reported` ones.
    fn around_calls(&self, reported: usize) -> u64 {
        let calls = self.texts.iter().filter(|text| matches!(text.channel.source, Source::CallName(_)));
        let mut choices: Vec<u64> = Vec::new();
        let mut tokens = 0u64;
        for (place, call) in calls.enumerate() {
            let choice = call.channel.choice;
            let further = choices.contains(&choice);
            choices.push(choice);
            if place >= reported {
                tokens = tokens.saturating_add(if further { FURTHER_CALL } else { CALL });
            }
        }
        tokens
    }
}
