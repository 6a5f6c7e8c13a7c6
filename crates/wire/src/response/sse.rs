//! Server-sent events (WHATWG HTML, section 9.2.6) out of chunks that are cut anywhere.
//!
//! Only `data` is read; line ends are LF, CRLF or CR. Whole lines are read where they lie in the chunk; only what a
//! chunk leaves unfinished is copied, up to [`LARGEST`].

use crate::json::line_end;
use std::ops::Range;

/// Bytes of one event that are kept. A larger event is skipped and its bytes are counted as unread.
const LARGEST: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// What the next bytes of the chunk turned out to be; each ends at the position that [`Splitter::next`] has moved to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'s> {
    /// A comment or an empty line between events, finished.
    Between,
    /// The LF of a CRLF whose CR ended the last step, in the chunk before.
    LateLineFeed,
    /// An event, finished; its data, empty where it had none or was too large.
    Event(&'s [u8]),
}

/// Finds the events of a stream.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    /// The unfinished line, from earlier chunks.
    line: Vec<u8>,
    /// The data lines of the unfinished event, joined by LF.
    data: Vec<u8>,
    has_data: bool,
    /// A line of the event has been finished: a comment now belongs to it.
    inside: bool,
    /// The last byte was the CR of a line end.
    after_cr: bool,
    /// The stream's first line has been read.
    begun: bool,
    /// The event is too large; its lines are only measured.
    skipping: bool,
    /// Bytes of the unfinished line.
    line_bytes: u64,
    /// Bytes of the unfinished event or comment, line ends included, a CR counted as if LF followed.
    unit_bytes: usize,
    /// The last event has been handed out: its data can go.
    delivered: bool,
    unread: u64,
}

impl Splitter {
    /// The next step in `chunk` from `at` on, `None` when the rest of it is unfinished (and has been taken in).
    pub(crate) fn next<'s>(&'s mut self, chunk: &'s [u8], at: &mut usize) -> Option<Step<'s>> {
        if std::mem::take(&mut self.delivered) {
            self.reset();
        }
        // The event's only data line so far, if it lies in this chunk.
        let mut here: Option<Range<usize>> = None;
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
            let start = *at;
            let end = line_end(chunk, start);
            let piece = chunk.get(start..end).unwrap_or_default();
            self.measure(piece.len());
            if end >= chunk.len() {
                self.carry(chunk, here, piece);
                *at = chunk.len();
                return None;
            }
            *at = end.saturating_add(1);
            self.unit_bytes = self.unit_bytes.saturating_add(1);
            if chunk.get(end) == Some(&b'\r') {
                self.unit_bytes = self.unit_bytes.saturating_add(1);
                match chunk.get(*at) {
                    Some(b'\n') => *at = at.saturating_add(1),
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            let empty = self.line_bytes == 0;
            self.line_bytes = 0;
            if empty {
                let between = !self.inside;
                if between {
                    self.reset();
                    return Some(Step::Between);
                }
                self.delivered = true;
                return Some(Step::Event(match here {
                    Some(range) => chunk.get(range).unwrap_or_default(),
                    None => &self.data,
                }));
            }
            if self.is_comment(piece) {
                self.reset();
                return Some(Step::Between);
            }
            self.inside = true;
            if !self.skipping {
                self.read_line(chunk, start..end, &mut here);
            }
        }
    }

    /// The end of the stream: what is unfinished is handed out as if its empty line had come.
    pub(crate) fn finish(&mut self) -> Option<&[u8]> {
        if std::mem::take(&mut self.delivered) {
            self.reset();
        }
        if self.unit_bytes == 0 {
            return None;
        }
        if !self.line.is_empty() {
            self.read_line(&[], 0..0, &mut None);
        }
        self.delivered = true;
        Some(&self.data)
    }

    /// The unfinished event as far as it is known: its finished data lines and its unfinished line.
    pub(crate) fn unfinished(&self) -> (&[u8], &[u8]) {
        (&self.data, &self.line)
    }

    /// Bytes of the unfinished event or, after an [`Step::Event`], of that event.
    pub(crate) const fn unit_bytes(&self) -> usize {
        self.unit_bytes
    }

    /// Bytes of events that were too large to read.
    pub(crate) const fn unread(&self) -> u64 {
        self.unread
    }

    fn reset(&mut self) {
        self.line.clear();
        self.data.clear();
        self.has_data = false;
        self.inside = false;
        self.skipping = false;
        self.line_bytes = 0;
        self.unit_bytes = 0;
    }

    /// Takes note of more bytes of the current line, and gives an event up that has outgrown the bound.
    fn measure(&mut self, bytes: usize) {
        self.line_bytes = self.line_bytes.saturating_add(bytes as u64);
        self.unit_bytes = self.unit_bytes.saturating_add(bytes);
        if self.skipping {
            self.unread = self.unread.saturating_add(bytes as u64);
        } else if self.unit_bytes > LARGEST {
            self.skipping = true;
            self.unread = self.unread.saturating_add(self.unit_bytes as u64);
            self.line = Vec::new();
            self.data = Vec::new();
        }
    }

    /// Keeps what the chunk leaves unfinished.
    fn carry(&mut self, chunk: &[u8], here: Option<Range<usize>>, piece: &[u8]) {
        if self.skipping {
            return;
        }
        self.settle(chunk, here);
        self.line.extend_from_slice(piece);
    }

    fn settle(&mut self, chunk: &[u8], here: Option<Range<usize>>) {
        if let Some(range) = here {
            self.data.extend_from_slice(chunk.get(range).unwrap_or_default());
        }
    }

    fn is_comment(&self, piece: &[u8]) -> bool {
        !self.inside && !self.skipping && self.line.first().or(piece.first()) == Some(&b':')
    }

    /// Reads a finished line: what was carried of it, then `piece` of the chunk.
    fn read_line(&mut self, chunk: &[u8], piece: Range<usize>, here: &mut Option<Range<usize>>) {
        let in_chunk = chunk.get(piece.clone()).unwrap_or_default();
        let first_line = !std::mem::replace(&mut self.begun, true);
        if self.line.is_empty() {
            let Some(value) = data_value(in_chunk, first_line) else { return };
            let value = piece.end.saturating_sub(value.len())..piece.end;
            if !std::mem::replace(&mut self.has_data, true) {
                *here = Some(value);
                return;
            }
            self.settle(chunk, here.take());
            self.data.push(b'\n');
            self.data.extend_from_slice(chunk.get(value).unwrap_or_default());
            return;
        }
        self.line.extend_from_slice(in_chunk);
        if let Some(value) = data_value(&self.line, first_line) {
            if std::mem::replace(&mut self.has_data, true) {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(value);
        }
        self.line.clear();
    }
}

/// The value of a `data` line, `None` for any other line.
pub(crate) fn data_value(line: &[u8], first_line: bool) -> Option<&[u8]> {
    let line = line.strip_prefix(BYTE_ORDER_MARK).filter(|_| first_line).unwrap_or(line);
    match line.strip_prefix(b"data")? {
        [] => Some(&[]),
        [b':', b' ', value @ ..] | [b':', value @ ..] => Some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
