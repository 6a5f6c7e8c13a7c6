//! Reading one JSON document that arrives in pieces, against a table of fields.
//!
//! Nothing of the document is kept: not its beginning while the rest comes in, not what stands between the fields. A
//! name, a figure or a key is kept while it lasts, up to [`LONGEST_WORD`] bytes; long texts are handed on piece by
//! piece. So a body of any size costs the same memory, and the cuts make no difference.

use super::field::{Field, Leaf, Said};
use super::text::Text;
use crate::json::string_stop;

/// Containers inside one another, as for requests; one bit each.
const DEEPEST: u32 = 128;
/// Containers inside one another that a table may name.
const DEEPEST_FIELD: usize = 16;
/// Bytes of a key, a name or a number; a longer one means nothing.
const LONGEST_WORD: usize = 256;

/// Takes what is found. Of containers without members of interest it hears nothing.
pub(super) trait Sink {
    /// An object begins.
    fn enter(&mut self, field: &'static Field);
    /// The object ends.
    fn leave(&mut self, field: &'static Field);
    /// An array begins.
    fn array(&mut self, field: &'static Field);
    /// The next item of the array begins.
    fn item(&mut self, field: &'static Field);
    /// A piece of a long text.
    fn text(&mut self, field: &'static Field, piece: &str);
    /// A short string.
    fn word(&mut self, field: &'static Field, word: &str);
    /// A string where a short one is expected, but too long for one.
    fn long_word(&mut self, field: &'static Field);
    /// A number, as it is written.
    fn number(&mut self, field: &'static Field, written: &str);
    fn flag(&mut self, field: &'static Field, value: bool);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// A value, or the end of an array that has just begun.
    FirstItem,
    /// A key, or the end of an object that has just begun.
    FirstKey,
    Key,
    Colon,
    String(Reading),
    Number(Digits),
    /// What is left of `true`, `false` or `null`.
    Literal(&'static [u8]),
    /// A comma, or the end of what is open.
    After,
    End,
    Failed,
}

/// What becomes of the string being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Skip,
    SkippedKey,
    Key,
    Word,
    Text,
}

/// How far a number has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
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
    const fn is_whole_number(self) -> bool {
        matches!(self, Digits::Zero | Digits::Whole | Digits::Fraction | Digits::Exponent)
    }

    const fn next(self, byte: u8) -> Option<Digits> {
        use Digits::{E, Exponent, Fraction, Minus, Point, Sign, Whole, Zero};
        Some(match (self, byte) {
            (Minus, b'0') => Zero,
            (Minus, b'1'..=b'9') | (Whole, b'0'..=b'9') => Whole,
            (Zero | Whole, b'.') => Point,
            (Point | Fraction, b'0'..=b'9') => Fraction,
            (Zero | Whole | Fraction, b'e' | b'E') => E,
            (E, b'+' | b'-') => Sign,
            (E | Sign | Exponent, b'0'..=b'9') => Exponent,
            _ => return None,
        })
    }
}

#[derive(Debug)]
struct Verbatim {
    depth: u32,
    field: &'static Field,
    text: Text,
}

#[derive(Debug)]
pub(super) struct Document {
    root: &'static Field,
    state: State,
    depth: u32,
    /// One bit for every open container, the innermost lowest: 1 an object, 0 an array.
    objects: u128,
    /// The fields of the outermost `named` containers.
    path: [&'static Field; DEEPEST_FIELD],
    named: u32,
    /// The field of the value that comes next, or is being read.
    field: Option<&'static Field>,
    /// What is inside the container at this depth is handed on as this field's text, as it is written.
    verbatim: Option<Verbatim>,
    word: Vec<u8>,
    text: Text,
}

impl Document {
    pub(super) fn new(root: &'static Field) -> Self {
        Document {
            root,
            state: State::Value,
            depth: 0,
            objects: 0,
            path: [root; DEEPEST_FIELD],
            named: 0,
            field: Some(root),
            verbatim: None,
            word: Vec::new(),
            text: Text::default(),
        }
    }

    /// Ready for the next document.
    pub(super) fn restart(&mut self) {
        self.state = State::Value;
        self.depth = 0;
        self.objects = 0;
        self.named = 0;
        self.field = Some(self.root);
        self.verbatim = None;
        self.word.clear();
        self.text = Text::default();
    }

    /// Nothing but white space has come.
    pub(super) fn is_blank(&self) -> bool {
        self.state == State::Value && self.depth == 0
    }

    /// It is no JSON, and nothing more is read of it.
    pub(super) fn has_failed(&self) -> bool {
        self.state == State::Failed
    }

    /// No more comes: whether all of it was there.
    pub(super) fn finish<S: Sink>(&mut self, sink: &mut S) -> bool {
        if let State::Number(digits) = self.state
            && self.depth == 0
        {
            self.end_number(digits, sink);
        }
        self.state == State::End
    }

    /// Whether the document has come to its end.
    pub(super) fn has_ended(&self) -> bool {
        self.state == State::End
    }

    /// Reads on, to the end of the document; returns how much it read.
    pub(super) fn read<S: Sink>(&mut self, piece: &[u8], sink: &mut S) -> usize {
        let mut at = 0;
        // Where in this piece begins what is handed on verbatim.
        let mut verbatim_from = 0;
        while let Some(&byte) = piece.get(at) {
            at = match self.state {
                State::Failed | State::End => break,
                State::String(reading) => self.string(piece, at, reading, sink),
                State::Number(digits) => match digits.next(byte) {
                    Some(next) => {
                        self.state = State::Number(next);
                        if self.field.is_some() {
                            keep(&mut self.word, &[byte]);
                        }
                        at.saturating_add(1)
                    }
                    None => {
                        self.end_number(digits, sink);
                        at
                    }
                },
                State::Literal(rest) => {
                    self.literal(byte, rest, sink);
                    at.saturating_add(1)
                }
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => at.saturating_add(1),
                State::FirstItem if byte == b']' => self.close(false, sink, at),
                State::FirstKey if byte == b'}' => self.close(true, sink, at),
                State::FirstItem => {
                    self.next_item(sink);
                    self.value(byte, sink);
                    at.saturating_add(1)
                }
                State::Value => {
                    let outside = self.verbatim.is_none();
                    self.value(byte, sink);
                    if outside && self.verbatim.is_some() {
                        verbatim_from = at;
                    }
                    at.saturating_add(1)
                }
                State::FirstKey | State::Key if byte == b'"' => self.key(piece, at.saturating_add(1)),
                State::Colon if byte == b':' => {
                    self.state = State::Value;
                    at.saturating_add(1)
                }
                State::After if byte == b',' => {
                    self.comma(sink);
                    at.saturating_add(1)
                }
                State::After if matches!(byte, b'}' | b']') => self.close(byte == b'}', sink, at),
                State::FirstKey | State::Key | State::Colon | State::After => {
                    self.state = State::Failed;
                    at
                }
            };
            if let Some(mut verbatim) = self.verbatim.take_if(|open| open.depth == self.depth) {
                verbatim.pass(piece.get(verbatim_from..at).unwrap_or_default(), sink);
                verbatim.text.end(&mut |text| sink.text(verbatim.field, text));
            }
        }
        if let Some(verbatim) = &mut self.verbatim {
            verbatim.pass(piece.get(verbatim_from..at).unwrap_or_default(), sink);
        }
        at
    }

    /// Looks at what follows the document: it must be white space.
    pub(super) fn trail(&mut self, rest: &[u8]) {
        if !rest.trim_ascii_start().is_empty() {
            self.state = State::Failed;
        }
    }

    fn value<S: Sink>(&mut self, byte: u8, sink: &mut S) {
        match byte {
            b'{' => self.open(true, sink),
            b'[' => self.open(false, sink),
            b'"' => {
                let reading = self.field.map_or(Reading::Skip, |field| match field.leaf {
                    Leaf::Nothing => Reading::Skip,
                    Leaf::Said(_) | Leaf::Delta | Leaf::Wrapped => Reading::Text,
                    _ => Reading::Word,
                });
                self.begin_string(reading);
            }
            b'-' => self.begin_number(byte, Digits::Minus),
            b'0' => self.begin_number(byte, Digits::Zero),
            b'1'..=b'9' => self.begin_number(byte, Digits::Whole),
            b't' => self.begin_literal(byte, b"rue"),
            b'f' => self.begin_literal(byte, b"alse"),
            b'n' => self.begin_literal(byte, b"ull"),
            _ => self.state = State::Failed,
        }
    }

    fn open<S: Sink>(&mut self, object: bool, sink: &mut S) {
        if self.depth >= DEEPEST {
            self.state = State::Failed;
            return;
        }
        if let Some(field) = self.field {
            if object && field.is_object() || !object && field.has_items() {
                if object {
                    sink.enter(field);
                } else {
                    sink.array(field);
                }
                if let Some(place) = self.path.get_mut(self.named as usize) {
                    *place = field;
                    self.named = self.named.saturating_add(1);
                }
            } else if field.leaf == Leaf::Said(Said::CallArguments) {
                self.verbatim = Some(Verbatim { depth: self.depth, field, text: Text::default() });
            }
        }
        self.depth = self.depth.saturating_add(1);
        self.objects = self.objects << 1 | u128::from(object);
        self.field = None;
        self.state = if object { State::FirstKey } else { State::FirstItem };
    }

    fn close<S: Sink>(&mut self, object: bool, sink: &mut S, at: usize) -> usize {
        if (self.objects & 1 == 1) != object {
            self.state = State::Failed;
            return at;
        }
        if let Some(field) = self.innermost() {
            self.named = self.named.saturating_sub(1);
            if object {
                sink.leave(field);
            }
        }
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        self.after_value();
        at.saturating_add(1)
    }

    /// The field of the innermost open container, if it has one.
    fn innermost(&self) -> Option<&'static Field> {
        if self.named != self.depth {
            return None;
        }
        self.path.get(self.named.checked_sub(1)? as usize).copied()
    }

    fn after_value(&mut self) {
        self.state = if self.depth == 0 { State::End } else { State::After };
    }

    fn comma<S: Sink>(&mut self, sink: &mut S) {
        if self.objects & 1 == 1 {
            self.state = State::Key;
        } else {
            self.next_item(sink);
            self.state = State::Value;
        }
    }

    fn next_item<S: Sink>(&mut self, sink: &mut S) {
        self.field = self.innermost();
        if let Some(field) = self.field {
            sink.item(field);
        }
    }

    /// Reads a key; where all of it lies in this piece, it is not copied.
    fn key(&mut self, piece: &[u8], at: usize) -> usize {
        self.field = None;
        let Some(object) = self.innermost() else {
            self.begin_string(Reading::SkippedKey);
            return at;
        };
        let end = string_stop(piece, at);
        if piece.get(end) == Some(&b'"') {
            let key = piece.get(at..end).and_then(|key| str::from_utf8(key).ok());
            self.field = key.and_then(|key| object.member(key));
            self.state = State::Colon;
            return end.saturating_add(1);
        }
        self.begin_string(Reading::Key);
        at
    }

    fn begin_string(&mut self, reading: Reading) {
        if reading != Reading::Skip && reading != Reading::SkippedKey {
            self.word.clear();
            self.text = Text::default();
        }
        self.state = State::String(reading);
    }

    /// Reads on in a string; returns where it stopped.
    fn string<S: Sink>(&mut self, piece: &[u8], from: usize, reading: Reading, sink: &mut S) -> usize {
        let mut at = from;
        loop {
            if !self.text.is_escaping() {
                let stop = string_stop(piece, at);
                if stop > at && !matches!(reading, Reading::Skip | Reading::SkippedKey) {
                    self.plain(piece.get(at..stop).unwrap_or_default(), reading, sink);
                }
                at = stop;
            }
            let Some(&byte) = piece.get(at) else { return at };
            at = at.saturating_add(1);
            if self.text.is_escaping() || byte == b'\\' {
                if !self.escape(byte, reading, sink) {
                    self.state = State::Failed;
                    return at;
                }
            } else if byte == b'"' {
                self.end_string(reading, sink);
                return at;
            } else {
                self.state = State::Failed;
                return at;
            }
        }
    }

    fn plain<S: Sink>(&mut self, bytes: &[u8], reading: Reading, sink: &mut S) {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Text, Some(field)) => text.push(bytes, &mut |text| sink.text(field, text)),
            _ => text.push(bytes, &mut |text| keep(word, text.as_bytes())),
        }
    }

    fn escape<S: Sink>(&mut self, byte: u8, reading: Reading, sink: &mut S) -> bool {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Skip | Reading::SkippedKey, _) => text.escape(byte, &mut |_| {}),
            (Reading::Text, Some(field)) => text.escape(byte, &mut |text| sink.text(field, text)),
            _ => text.escape(byte, &mut |text| keep(word, text.as_bytes())),
        }
    }

    fn end_string<S: Sink>(&mut self, reading: Reading, sink: &mut S) {
        let Document { text, word, field, .. } = self;
        match (reading, *field) {
            (Reading::Skip | Reading::SkippedKey, _) => *text = Text::default(),
            (Reading::Text, Some(field)) => text.end(&mut |text| sink.text(field, text)),
            _ => text.end(&mut |text| keep(word, text.as_bytes())),
        }
        match reading {
            Reading::SkippedKey => self.state = State::Colon,
            Reading::Key => {
                self.field = self.innermost().zip(self.word()).and_then(|(object, key)| object.member(key));
                self.state = State::Colon;
            }
            Reading::Word => {
                match (self.field, self.word()) {
                    (Some(field), Some(word)) => sink.word(field, word),
                    (Some(field), None) => sink.long_word(field),
                    (None, _) => {}
                }
                self.after_value();
            }
            Reading::Skip | Reading::Text => self.after_value(),
        }
    }

    /// What was kept of a key, a name or a number; `None` if it is too long to be one.
    fn word(&self) -> Option<&str> {
        str::from_utf8(&self.word).ok().filter(|word| word.len() <= LONGEST_WORD)
    }

    fn begin_number(&mut self, byte: u8, digits: Digits) {
        self.word.clear();
        keep(&mut self.word, &[byte]);
        self.state = State::Number(digits);
    }

    fn end_number<S: Sink>(&mut self, digits: Digits, sink: &mut S) {
        if !digits.is_whole_number() {
            self.state = State::Failed;
            return;
        }
        if let Some((field, written)) = self.field.zip(self.word()) {
            sink.number(field, written);
        }
        self.after_value();
    }

    fn begin_literal(&mut self, byte: u8, rest: &'static [u8]) {
        self.word.clear();
        self.word.push(byte);
        self.state = State::Literal(rest);
    }

    fn literal<S: Sink>(&mut self, byte: u8, rest: &'static [u8], sink: &mut S) {
        match rest.split_first() {
            Some((wanted, rest)) if *wanted == byte => {
                self.state = State::Literal(rest);
                if !rest.is_empty() {
                    return;
                }
                // `true` and `false` end alike; `null` says nothing.
                if let Some(field) = self.field
                    && byte == b'e'
                {
                    sink.flag(field, self.word == b"t");
                }
                self.after_value();
            }
            _ => self.state = State::Failed,
        }
    }
}

impl Verbatim {
    fn pass<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Verbatim { field, text, .. } = self;
        text.push(bytes, &mut |text| sink.text(field, text));
    }
}

/// Keeps a little more than fits, to show that it did not fit.
fn keep(word: &mut Vec<u8>, bytes: &[u8]) {
    if word.len() <= LONGEST_WORD {
        let room = LONGEST_WORD.saturating_add(1).saturating_sub(word.len());
        word.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

#[cfg(test)]
mod tests;
