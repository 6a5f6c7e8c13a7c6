//! Reading one JSON document that arrives in pieces, against a table of fields.
//!
//! Nothing of the document is kept: not its beginning while the rest comes in, not what stands between the fields. A
//! name, a figure or a key is kept while it lasts, up to 256 bytes; long texts are handed on piece by
//! piece. So a body of any size costs the same memory, and the cuts make no difference.

mod scalars;
mod word;

use super::field::{Field, Leaf, Said};
use super::text::Text;
use crate::json::string_stop;
use scalars::{Digits, Reading};
use word::Word;

/// Containers inside one another, as for requests; one bit each.
const DEEPEST: u32 = 128;
/// Containers inside one another that a table may name.
const DEEPEST_FIELD: usize = 16;

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
    /// `true`, `false` or `null`, and how many bytes of it have come.
    Literal(&'static [u8], usize),
    /// A comma, or the end of what is open.
    After,
    End,
    Failed,
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
    word: Word,
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
            word: Word::default(),
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
                State::Number(digits) => self.number(piece, at, digits, sink),
                State::Literal(word, come) => {
                    self.literal(byte, word, come, sink);
                    at.saturating_add(1)
                }
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => at.saturating_add(1),
                State::FirstItem if byte == b']' => self.close(false, sink, at),
                State::FirstKey if byte == b'}' => self.close(true, sink, at),
                State::FirstItem => {
                    self.next_item(sink);
                    self.value(piece, at, sink)
                }
                State::Value => {
                    let outside = self.verbatim.is_none();
                    let next = self.value(piece, at, sink);
                    if outside && self.verbatim.is_some() {
                        verbatim_from = at;
                    }
                    next
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

    /// Begins a value, and ends it where all of it lies in this piece.
    fn value<S: Sink>(&mut self, piece: &[u8], at: usize, sink: &mut S) -> usize {
        let next = at.saturating_add(1);
        match piece.get(at) {
            Some(b'{') => self.open(true, sink),
            Some(b'[') => self.open(false, sink),
            Some(b'"') => return self.begin_string(piece, next, sink),
            Some(b'-' | b'0'..=b'9') => {
                self.word.clear();
                return self.number(piece, at, Digits::Begin, sink);
            }
            Some(b't') => return self.begin_literal(piece, at, b"true", sink),
            Some(b'f') => return self.begin_literal(piece, at, b"false", sink),
            Some(b'n') => return self.begin_literal(piece, at, b"null", sink),
            _ => self.state = State::Failed,
        }
        next
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
        let end = string_stop(piece, at);
        if piece.get(end) == Some(&b'"') {
            let key = piece.get(at..end).unwrap_or_default();
            self.field = self.innermost().and_then(|object| object.member(key));
            self.state = State::Colon;
            return end.saturating_add(1);
        }
        let reading = if self.innermost().is_some() { Reading::Key } else { Reading::SkippedKey };
        self.state = State::String(reading);
        self.word.clear();
        at
    }
}

impl Verbatim {
    fn pass<S: Sink>(&mut self, bytes: &[u8], sink: &mut S) {
        let Verbatim { field, text, .. } = self;
        text.push(bytes, &mut |text| sink.text(field, text));
    }
}

#[cfg(test)]
mod tests;
