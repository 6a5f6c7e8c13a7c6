//! The output as far as it was seen: kept for the case that it has to be counted, within a bound, beyond it counted as
//! it passes.

use crate::Counted;
use crate::json::Str;
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
pub(crate) struct Channel {
    pub(crate) choice: u64,
    pub(crate) source: Source,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
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
}

#[derive(Debug, Default)]
pub(crate) struct Output {
    texts: Vec<Text>,
    kept: usize,
    /// The encoding that texts beyond the bound are counted with.
    counting: Option<Encoding>,
    /// What to count with if it comes to that.
    expected: Option<Encoding>,
    estimated: bool,
}

impl Output {
    /// The encoding to count with once texts outgrow the bound.
    pub(crate) fn expect(&mut self, encoding: Encoding) {
        self.expected = Some(encoding);
    }

    pub(crate) const fn expects(&self) -> bool {
        self.expected.is_some()
    }

    /// Something was said that is not text.
    pub(crate) fn unseen(&mut self) {
        self.estimated = true;
    }

    pub(crate) fn push(&mut self, channel: Channel, piece: &Str<'_>) {
        // What providers wrap around calls is not documented, and reasoning may be shown only in part.
        self.estimated |= !matches!(channel.source, Source::Content | Source::Refusal);
        let place = self.place(channel);
        let Some(text) = self.texts.get_mut(place) else { return };
        let before = text.kept.len();
        piece.append_to(&mut text.kept);
        if let Some(counter) = &mut text.counter {
            counter.feed(&text.kept);
            text.kept.clear();
            return;
        }
        self.kept = self.kept.saturating_add(text.kept.len().saturating_sub(before));
        if self.kept > KEPT || self.counting.is_some() {
            self.count_from_now_on();
        }
    }

    /// The text of a channel; past the last place, the last text takes it all.
    fn place(&mut self, channel: Channel) -> usize {
        if let Some(known) = self.texts.iter().position(|text| text.channel == channel) {
            return known;
        }
        if self.texts.len() < CHANNELS {
            self.texts.push(Text { channel, kept: String::new(), counter: None });
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
                counter.feed(&mem::take(&mut text.kept));
                text.counter = Some(counter);
            }
        }
        self.kept = 0;
    }

    pub(crate) fn count(&self, encoding: Encoding) -> Counted {
        let mut tokens = 0u64;
        for text in &self.texts {
            let of_text = match &text.counter {
                Some(counter) => counter.total(),
                None => tokens::count(encoding, &text.kept),
            };
            tokens = tokens.saturating_add(of_text);
        }
        tokens = tokens.saturating_add(self.around_calls());
        let as_asked = self.counting.is_none_or(|counted_with| counted_with == encoding);
        Counted { tokens, exact: as_asked && !self.estimated }
    }

    fn around_calls(&self) -> u64 {
        let calls = self.texts.iter().filter(|text| matches!(text.channel.source, Source::CallName(_)));
        let mut choices: Vec<u64> = Vec::new();
        calls.fold(0u64, |tokens, call| {
            let choice = call.channel.choice;
            let further = choices.contains(&choice);
            choices.push(choice);
            tokens.saturating_add(if further { FURTHER_CALL } else { CALL })
        })
    }
}
