//! Reading the documents of a response, one after the other.

use super::base64::Base64;
use super::document::{Document, Sink};
use super::field::{Field, Leaf};
use super::seen::{Seen, Shape};

/// What may stand for the end of a stream in place of a document (OpenAI).
const DONE: &[u8] = b"[DONE]";

#[derive(Debug)]
pub(super) struct Reader {
    document: Document,
    /// For documents that hold another one in base64.
    wrapped: Option<Box<Wrapped>>,
    /// The beginning of the document, as far as it can be [`DONE`].
    head: Vec<u8>,
    bytes: u64,
    unread: u64,
}

#[derive(Debug)]
struct Wrapped {
    base64: Base64,
    document: Document,
}

/// Takes what is found in the outer document.
struct Outer<'r> {
    wrapped: &'r mut Wrapped,
    seen: &'r mut Seen,
}

impl Reader {
    pub(super) fn new(format: &'static Field) -> Self {
        Reader { document: Document::new(format), wrapped: None, head: Vec::new(), bytes: 0, unread: 0 }
    }

    /// For documents in this format, that come in base64 inside documents in the other.
    pub(super) fn wrapped(format: &'static Field, outer: &'static Field) -> Self {
        let wrapped = Wrapped { base64: Base64::default(), document: Document::new(format) };
        Reader { wrapped: Some(Box::new(wrapped)), ..Reader::new(outer) }
    }

    /// Reads on in a document whose end is told from outside.
    pub(super) fn read(&mut self, piece: &[u8], seen: &mut Seen) {
        if self.head.len() <= DONE.len() {
            let text = if self.head.is_empty() { piece.trim_ascii_start() } else { piece };
            let room = DONE.len().saturating_add(1).saturating_sub(self.head.len());
            self.head.extend_from_slice(text.get(..room).unwrap_or(text));
        }
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        let read = self.parse(piece, seen);
        // What follows a document without being another is checked for being white space.
        if self.document.has_ended() {
            self.document.trail(piece.get(read..).unwrap_or_default());
        }
    }

    /// Reads on in documents that follow one another, with nothing between them but white space.
    pub(super) fn read_sequence(&mut self, piece: &[u8], seen: &mut Seen) {
        let mut rest = piece;
        while !rest.is_empty() {
            if self.document.has_failed() {
                self.unread = self.unread.saturating_add(rest.len() as u64);
                return;
            }
            let read = self.parse(rest, seen);
            self.bytes = self.bytes.saturating_add(read as u64);
            rest = rest.get(read..).unwrap_or_default();
            if self.document.has_failed() {
                self.unread = self.unread.saturating_add(std::mem::take(&mut self.bytes));
            } else if self.document.has_ended() {
                self.end(seen);
            }
        }
    }

    fn parse(&mut self, piece: &[u8], seen: &mut Seen) -> usize {
        match &mut self.wrapped {
            Some(wrapped) => self.document.read(piece, &mut Outer { wrapped, seen }),
            None => self.document.read(piece, seen),
        }
    }

    /// The document is over; what it was. A document that is not all there was sent so.
    pub(super) fn end(&mut self, seen: &mut Seen) -> Shape {
        let blank = self.document.is_blank();
        let done = self.head.trim_ascii_end() == DONE;
        let all = self.finish(seen);
        if done {
            seen.end_of_stream();
        } else if !all && !blank {
            self.unread = self.unread.saturating_add(self.bytes);
        }
        self.restart();
        seen.end_of_event(all)
    }

    /// The response is over, maybe inside a document: then what was there of it has been read. What the document was,
    /// and whether it was all there.
    pub(super) fn end_of_response(&mut self, seen: &mut Seen) -> (Shape, bool) {
        let blank = self.document.is_blank();
        if self.head.trim_ascii_end() == DONE {
            seen.end_of_stream();
        }
        let failed = self.document.has_failed() && self.head.trim_ascii_end() != DONE;
        let all = self.finish(seen);
        if failed {
            self.unread = self.unread.saturating_add(self.bytes);
        }
        self.restart();
        (seen.end_of_event(all), all || blank)
    }

    /// The document did not arrive as it was sent.
    pub(super) fn discard(&mut self, seen: &mut Seen) {
        self.restart();
        seen.discard_event();
    }

    fn finish(&mut self, seen: &mut Seen) -> bool {
        let Some(wrapped) = &mut self.wrapped else { return self.document.finish(seen) };
        let inner = wrapped.document.is_blank() || wrapped.document.finish(seen);
        self.document.finish(&mut Outer { wrapped, seen }) && inner
    }

    fn restart(&mut self) {
        self.document.restart();
        if let Some(wrapped) = &mut self.wrapped {
            wrapped.base64 = Base64::default();
            wrapped.document.restart();
        }
        self.head.clear();
        self.bytes = 0;
    }

    /// Whether the unfinished document has failed already.
    pub(super) fn has_failed(&self) -> bool {
        self.document.has_failed()
    }

    pub(super) const fn unread(&self) -> u64 {
        self.unread
    }
}

impl Sink for Outer<'_> {
    fn text(&mut self, field: &'static Field, piece: &str) {
        if field.leaf == Leaf::Wrapped {
            let Wrapped { base64, document } = &mut *self.wrapped;
            base64.decode(piece, |bytes| {
                document.read(bytes, self.seen);
            });
        }
    }

    fn word(&mut self, field: &'static Field, word: &str) {
        self.seen.word(field, word);
    }

    fn long_word(&mut self, field: &'static Field) {
        self.seen.long_word(field);
    }

    fn enter(&mut self, _: &'static Field) {}
    fn leave(&mut self, _: &'static Field) {}
    fn array(&mut self, _: &'static Field) {}
    fn item(&mut self, _: &'static Field) {}
    fn number(&mut self, _: &'static Field, _: &str) {}
    fn flag(&mut self, _: &'static Field, _: bool) {}
}
