//! Server-sent events (WHATWG HTML, section 9.2.6) out of chunks that are cut anywhere.
//!
//! Of an event `event` and `data` are read; line ends are LF, CRLF or CR. Data is handed on where it lies in the
//! chunk, as far as the chunk has it; only the name of a field and of an event is kept, so an event may be of any
//! size.

use crate::json::line_end;

/// Bytes of an event's name that are kept; a longer one is cut, and then no name that means anything.
const LONGEST_NAME: usize = 64;
/// Enough for any field's name that matters, after a byte order mark.
const LONGEST_FIELD: usize = 10;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What the next bytes of the chunk turned out to be; each ends at the position that [`Splitter::next`] has moved to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<'c> {
    /// A comment or an empty line between events, finished.
    Between,
    /// The LF of a CRLF whose CR ended the last step, in the chunk before.
    LateLineFeed,
    /// The event's name is known: [`Splitter::name`].
    Name,
    /// More of the event's data.
    Data(&'c [u8]),
    /// The event is finished.
    Event,
}

/// Where in a line the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Line {
    #[default]
    Field,
    /// After a colon, where one space does not count.
    Space(Value),
    Value(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    Data,
    Name,
    Comment,
    Other,
}

/// Finds the events of a stream.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    line: Line,
    /// The beginning of the line's field name.
    field: Vec<u8>,
    /// The event's name.
    name: Vec<u8>,
    has_data: bool,
    /// A line of the event has been finished: a comment now belongs to it.
    inside: bool,
    /// Bytes of the unfinished line, zero or not.
    line_begun: bool,
    /// The last byte was the CR of a line end.
    after_cr: bool,
    /// The stream's first line has been read.
    begun: bool,
    /// More than white space has come.
    touched: bool,
    /// Bytes of the unfinished event or comment, line ends included, a CR counted as if LF followed.
    unit_bytes: usize,
    /// The last step ended an event or a comment.
    over: bool,
}

impl Splitter {
    /// The next step in `chunk` from `at` on, `None` when the rest of it is unfinished (and has been taken in).
    pub(super) fn next<'c>(&mut self, chunk: &'c [u8], at: &mut usize) -> Option<Step<'c>> {
        if std::mem::take(&mut self.over) {
            self.reset();
        }
        loop {
            if self.after_cr && *at < chunk.len() {
                self.after_cr = false;
                if chunk.get(*at) == Some(&b'\n') {
                    *at = at.saturating_add(1);
                    if self.unit_bytes == 0 {
                        return Some(Step::LateLineFeed);
                    }
                }
            }
            let end = line_end(chunk, *at);
            let piece = chunk.get(*at..end).unwrap_or_default();
            if !piece.is_empty() {
                let (taken, step) = self.take(piece);
                *at = at.saturating_add(taken);
                self.unit_bytes = self.unit_bytes.saturating_add(taken);
                if step.is_some() {
                    return step;
                }
                continue;
            }
            let line_end = *chunk.get(end)?;
            if self.ends_bare_data() {
                return Some(Step::Data(b"\n"));
            }
            *at = end.saturating_add(1);
            self.unit_bytes = self.unit_bytes.saturating_add(1);
            if line_end == b'\r' {
                self.unit_bytes = self.unit_bytes.saturating_add(1);
                match chunk.get(*at) {
                    Some(b'\n') => *at = at.saturating_add(1),
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            let step = self.end_line();
            if step.is_some() {
                return step;
            }
        }
    }

    /// Takes the beginning of `piece`, which has no line end in it; how much, and what it is.
    fn take<'c>(&mut self, piece: &'c [u8]) -> (usize, Option<Step<'c>>) {
        self.line_begun = true;
        self.touched = self.touched || !piece.trim_ascii_start().is_empty();
        match self.line {
            Line::Field => {
                let colon = piece.iter().position(|b| *b == b':');
                let name = piece.get(..colon.unwrap_or(piece.len())).unwrap_or_default();
                let room = LONGEST_FIELD.saturating_sub(self.field.len());
                self.field.extend_from_slice(name.get(..room).unwrap_or(name));
                let Some(colon) = colon else { return (piece.len(), None) };
                let value = self.value();
                self.line = Line::Space(value);
                let further = value == Value::Data && std::mem::replace(&mut self.has_data, true);
                (colon.saturating_add(1), further.then_some(Step::Data(b"\n")))
            }
            Line::Space(value) => {
                self.line = Line::Value(value);
                (usize::from(piece.first() == Some(&b' ')), None)
            }
            Line::Value(Value::Data) => (piece.len(), Some(Step::Data(piece))),
            Line::Value(Value::Name) => {
                let room = LONGEST_NAME.saturating_sub(self.name.len());
                self.name.extend_from_slice(piece.get(..room).unwrap_or(piece));
                (piece.len(), None)
            }
            Line::Value(Value::Comment | Value::Other) => (piece.len(), None),
        }
    }

    /// What the line's value is, by its field.
    fn value(&mut self) -> Value {
        let field = self.field.strip_prefix(BYTE_ORDER_MARK).filter(|_| !self.begun).unwrap_or(&self.field);
        match field {
            b"" => Value::Comment,
            b"data" => Value::Data,
            b"event" => {
                self.name.clear();
                Value::Name
            }
            _ => Value::Other,
        }
    }

    /// A line `data` without a colon is an empty line of data; whether a line feed goes before it.
    fn ends_bare_data(&mut self) -> bool {
        if self.line != Line::Field || !self.line_begun || self.value() != Value::Data {
            return false;
        }
        self.line = Line::Value(Value::Data);
        std::mem::replace(&mut self.has_data, true)
    }

    fn end_line(&mut self) -> Option<Step<'static>> {
        let line = std::mem::take(&mut self.line);
        self.begun = true;
        self.field.clear();
        if !std::mem::take(&mut self.line_begun) {
            self.over = true;
            return Some(if self.inside { Step::Event } else { Step::Between });
        }
        match line {
            Line::Space(Value::Comment) | Line::Value(Value::Comment) if !self.inside => {
                self.over = true;
                return Some(Step::Between);
            }
            Line::Space(Value::Name) | Line::Value(Value::Name) => {
                self.inside = true;
                return Some(Step::Name);
            }
            _ => {}
        }
        self.inside = true;
        None
    }

    /// The end of the stream: whether there is an unfinished event. It then ends as if its empty line had come.
    pub(super) fn finish(&mut self) -> bool {
        if std::mem::take(&mut self.over) {
            self.reset();
        }
        self.unit_bytes > 0
    }

    /// Nothing but white space has come.
    pub(super) fn is_untouched(&self) -> bool {
        !self.touched
    }

    /// The event's name, empty where it has none.
    pub(super) fn name(&self) -> &str {
        str::from_utf8(&self.name).unwrap_or_default()
    }

    /// Whether the unfinished event has data.
    pub(super) fn has_data(&self) -> bool {
        self.has_data
    }

    /// Whether it is a comment that is unfinished, between events.
    pub(super) fn is_comment(&self) -> bool {
        !self.inside && matches!(self.line, Line::Space(Value::Comment) | Line::Value(Value::Comment))
    }

    /// Bytes of the unfinished event or, after a [`Step::Event`], of that event.
    pub(super) const fn unit_bytes(&self) -> usize {
        self.unit_bytes
    }

    fn reset(&mut self) {
        self.name.clear();
        self.has_data = false;
        self.inside = false;
        self.unit_bytes = 0;
    }
}

#[cfg(test)]
mod tests;
