//! Strings, numbers and literals.

use super::{Document, Sink, State};
use crate::json::string_stop;
use crate::response::field::Leaf;
use crate::response::text::Text;

/// What becomes of the string being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Skip,
    SkippedKey,
    Key,
    Word,
    Text,
}

/// How far a number has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digits {
    Begin,
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    E,
    Sign,
    Exponent,
}

impl Digits {
    const fn is_number(self) -> bool {
        matches!(self, Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Exponent)
    }

    const fn next(self, byte: u8) -> Option<Digits> {
        use Digits::{Begin, E, Exponent, Fraction, Minus, Point, Sign, Whole, Zero};
        Some(match (self, byte) {
            (Whole, b'0'..=b'9') | (Begin | Minus, b'1'..=b'9') => Whole,
            (Fraction | Point, b'0'..=b'9') => Fraction,
            (Begin, b'-') => Minus,
            (Begin | Minus, b'0') => Zero,
            (Zero | Whole, b'.') => Point,
            (Zero | Whole | Fraction, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => return None,
        })
    }
}

impl Document {
    /// Begins a string whose quote has been read. One that lies in this piece, without escapes, is handed on as it
    /// stands.
    pub(super) fn begin_string<S: Sink>(&mut self, piece: &[u8], at: usize, sink: &mut S) -> usize {
        let reading = self.field.map_or(Reading::Skip, |field| match field.leaf {
            Leaf::Nothing => Reading::Skip,
            Leaf::Said(_) | Leaf::Delta | Leaf::Wrapped => Reading::Text,
            _ => Reading::Word,
        });
        let end = string_stop(piece, at);
        if piece.get(end) == Some(&b'"')
            && self.whole_string(piece.get(at..end).unwrap_or_default(), reading, sink)
        {
            self.after_value();
            return end.saturating_add(1);
        }
        self.word.clear();
        self.state = State::String(reading);
        at
    }

    /// Hands a string on; `false` if it has to be looked at more closely.
    fn whole_string<S: Sink>(&self, bytes: &[u8], reading: Reading, sink: &mut S) -> bool {
        let Some(field) = self.field.filter(|_| reading != Reading::Skip) else { return true };
        let Ok(text) = str::from_utf8(bytes) else { return false };
        match reading {
            Reading::Text if text.is_empty() => {}
            Reading::Text => sink.text(field, text),
            _ if text.len() > super::word::LONGEST => sink.long_word(field),
            _ => sink.word(field, text),
        }
        true
    }

    /// Reads on in a string; returns where it stopped.
    pub(super) fn string<S: Sink>(
        &mut self,
        piece: &[u8],
        from: usize,
        reading: Reading,
        sink: &mut S,
    ) -> usize {
        let mut at = from;
        loop {
            if !self.text.is_escaping() {
                let stop = string_stop(piece, at);
                if stop > at && !matches!(reading, Reading::Skip | Reading::SkippedKey) {
                    self.plain(piece.get(at..stop).unwrap_or_default(), reading, sink);
                }
                at = stop;
            }
            let Some(&byte) = piece.get(at) else {
                self.flush(reading, sink);
                return at;
            };
            at = at.saturating_add(1);
            if self.text.is_escaping() || byte == b'\\' {
                if self.escape(byte, reading, sink) {
                    continue;
                }
            } else if byte == b'"' {
                self.end_string(reading, sink);
                return at;
            }
            self.state = State::Failed;
            self.flush(reading, sink);
            return at;
        }
    }

    fn plain<S: Sink>(&mut self, bytes: &[u8], reading: Reading, sink: &mut S) {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Text, Some(field)) => {
                text.push(bytes, &mut |text| word.gather(text, &mut |text| sink.text(field, text)));
            }
            _ => text.push(bytes, &mut |text| word.push(text)),
        }
    }

    fn escape<S: Sink>(&mut self, byte: u8, reading: Reading, sink: &mut S) -> bool {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Skip | Reading::SkippedKey, _) => text.escape(byte, &mut |_| {}),
            (Reading::Text, Some(field)) => {
                text.escape(byte, &mut |text| word.gather(text, &mut |text| sink.text(field, text)))
            }
            _ => text.escape(byte, &mut |text| word.push(text)),
        }
    }

    /// What was gathered of a text is passed on.
    fn flush<S: Sink>(&mut self, reading: Reading, sink: &mut S) {
        if let (Reading::Text, Some(field)) = (reading, self.field) {
            self.word.flush(&mut |text| sink.text(field, text));
        }
    }

    fn end_string<S: Sink>(&mut self, reading: Reading, sink: &mut S) {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Skip | Reading::SkippedKey, _) => {}
            (Reading::Text, Some(field)) => {
                text.end(&mut |text| word.gather(text, &mut |text| sink.text(field, text)));
            }
            _ => text.end(&mut |text| word.push(text)),
        }
        *text = Text::default();
        self.flush(reading, sink);
        match reading {
            Reading::SkippedKey => self.state = State::Colon,
            Reading::Key => {
                let object = self.innermost();
                self.field =
                    object.zip(self.word.get()).and_then(|(object, key)| object.member(key.as_bytes()));
                self.state = State::Colon;
            }
            Reading::Word => {
                match (self.field, self.word.get()) {
                    (Some(field), Some(word)) => sink.word(field, word),
                    (Some(field), None) => sink.long_word(field),
                    (None, _) => {}
                }
                self.after_value();
            }
            Reading::Skip | Reading::Text => self.after_value(),
        }
    }

    /// Reads on in a number, as far as the piece has it.
    pub(super) fn number<S: Sink>(
        &mut self,
        piece: &[u8],
        from: usize,
        mut digits: Digits,
        sink: &mut S,
    ) -> usize {
        let mut at = from;
        while let Some(next) = piece.get(at).and_then(|byte| digits.next(*byte)) {
            digits = next;
            at = at.saturating_add(1);
        }
        if self.field.is_some() {
            let read = piece.get(from..at).and_then(|read| str::from_utf8(read).ok());
            self.word.push(read.unwrap_or_default());
        }
        self.state = State::Number(digits);
        if at < piece.len() {
            self.end_number(digits, sink);
        }
        at
    }

    pub(super) fn end_number<S: Sink>(&mut self, digits: Digits, sink: &mut S) {
        if !digits.is_number() {
            self.state = State::Failed;
            return;
        }
        if let Some((field, written)) = self.field.zip(self.word.get()) {
            sink.number(field, written);
        }
        self.after_value();
    }

    pub(super) fn begin_literal<S: Sink>(
        &mut self,
        piece: &[u8],
        at: usize,
        word: &'static [u8],
        sink: &mut S,
    ) -> usize {
        if piece.get(at..).is_some_and(|rest| rest.starts_with(word)) {
            self.end_literal(word, sink);
            return at.saturating_add(word.len());
        }
        self.state = State::Literal(word, 0);
        at
    }

    /// Takes the next byte of a literal, of which so many have come.
    pub(super) fn literal<S: Sink>(&mut self, byte: u8, word: &'static [u8], come: usize, sink: &mut S) {
        let now = come.saturating_add(1);
        if word.get(come) != Some(&byte) {
            self.state = State::Failed;
        } else if now == word.len() {
            self.end_literal(word, sink);
        } else {
            self.state = State::Literal(word, now);
        }
    }

    /// `null` says nothing.
    fn end_literal<S: Sink>(&mut self, word: &'static [u8], sink: &mut S) {
        if let Some(field) = self.field
            && word != b"null"
        {
            sink.flag(field, word == b"true");
        }
        self.after_value();
    }
}
