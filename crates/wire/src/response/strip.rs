//! Taking the usage chunk out of a stream again, when it was us who asked for it.
//!
//! Streams flow: a finished event is passed on or dropped at once, and of an unfinished one only what can still become
//! the usage chunk is kept back, for as long as it can and never more than [`HELD`] bytes. A chunk with choices shows
//! that it has some before any of their text, so content is never kept back.

use std::mem;

/// Bytes kept back at most; a larger event is never dropped, however it was cut. The usage chunk has about 500.
const HELD: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Strip {
    /// The beginning of the unfinished event, not passed on yet.
    held: Vec<u8>,
    /// Part of the unfinished event has been passed on already: so must the rest be.
    flowing: bool,
    /// The last finished event was dropped.
    dropped: bool,
}

/// What becomes of one chunk.
#[derive(Debug)]
pub(super) struct Pass<'c> {
    chunk: &'c [u8],
    /// Everything before this has been decided.
    from: usize,
    /// What is passed on, as soon as it differs from the chunk up to `from`.
    out: Option<Vec<u8>>,
}

impl<'c> Pass<'c> {
    pub(super) fn new(chunk: &'c [u8], strip: &Strip) -> Self {
        Pass { chunk, from: 0, out: (!strip.held.is_empty()).then(Vec::new) }
    }

    /// The bytes to pass on instead of the chunk, `None` where they are the chunk.
    pub(super) fn done(self) -> Option<Vec<u8>> {
        self.out
    }

    /// The bytes up to `to`, now decided.
    fn advance(&mut self, to: usize) -> &'c [u8] {
        let bytes = self.chunk.get(self.from..to).unwrap_or_default();
        self.from = to;
        bytes
    }

    /// From here on the output differs from the chunk.
    fn diverge(&mut self) -> &mut Vec<u8> {
        let before = self.chunk.get(..self.from).unwrap_or_default();
        self.out.get_or_insert_with(|| before.to_vec())
    }
}

impl Strip {
    /// A comment or an empty line ends at `to`.
    pub(super) fn between(&mut self, pass: &mut Pass<'_>, to: usize) {
        self.let_through(pass, to);
        self.flowing = false;
        self.dropped = false;
    }

    /// An event of `size` bytes ends at `to`.
    pub(super) fn event(&mut self, pass: &mut Pass<'_>, to: usize, usage_only: bool, size: usize) {
        self.dropped = usage_only && !self.flowing && size <= HELD;
        if self.dropped {
            pass.diverge();
            pass.advance(to);
            self.held.clear();
        } else {
            self.let_through(pass, to);
        }
        self.flowing = false;
    }

    /// The LF that belongs to what ended with the last chunk.
    pub(super) fn late_line_feed(&mut self, pass: &mut Pass<'_>, to: usize) {
        if self.dropped {
            pass.diverge();
            pass.advance(to);
        } else {
            self.let_through(pass, to);
        }
    }

    /// The rest of the chunk is an unfinished event of `size` bytes so far; `possible` says whether it can still turn
    /// out to be the usage chunk.
    pub(super) fn unfinished(&mut self, pass: &mut Pass<'_>, possible: bool, size: usize) {
        let to = pass.chunk.len();
        if pass.from == to && self.held.is_empty() {
            return;
        }
        if self.flowing || size > HELD || !possible {
            self.let_through(pass, to);
            self.flowing = true;
            return;
        }
        pass.diverge();
        self.held.extend_from_slice(pass.advance(to));
    }

    /// The stream has ended inside an event.
    pub(super) fn end(&mut self, usage_only: bool) {
        if usage_only && !self.flowing {
            self.held.clear();
        }
        self.flowing = false;
    }

    /// What was kept back, to be passed on now.
    pub(super) fn release(&mut self) -> Vec<u8> {
        mem::take(&mut self.held)
    }

    fn let_through(&mut self, pass: &mut Pass<'_>, to: usize) {
        let bytes = pass.advance(to);
        if let Some(out) = &mut pass.out {
            out.append(&mut self.held);
            out.extend_from_slice(bytes);
        }
    }
}
