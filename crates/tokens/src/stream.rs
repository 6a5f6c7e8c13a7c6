//! Counting a text that arrives in pieces.

use crate::{
    Encoding,
    counter::{Count, count_bytes, piece_end},
};

/// Bytes that can wait for what follows. Ordinary words and numbers need twenty.
const PENDING: usize = 1024;

/// Counts a text that arrives bit by bit, in about a kilobyte, without keeping the text.
///
/// After each delta the bytes still pending are split anew and all pieces but the last two are counted for good. That is
/// exact, because what the pre-tokeniser decides about a piece depends only on the run of characters it is taken from, which
/// the next piece ends or at most shares, and on three more for a contraction (`'ll`), which are a piece of their
/// own where they are no contraction: once two more pieces follow, no later text changes a piece.
///
/// A text of one endless piece (a thousand letters, spaces or `=` in a row) is cut where the room for pending bytes ends.
/// Then the count may be a token or two off at each cut, and says that it is not exact.
#[derive(Clone, Debug)]
pub struct Counter {
    encoding: Encoding,
    settled: u64,
    exact: bool,
    pending: [u8; PENDING],
    length: usize,
}

impl Counter {
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Counter { encoding, settled: 0, exact: true, pending: [0; PENDING], length: 0 }
    }

    /// Takes the next bit of text, of any length.
    pub fn feed(&mut self, delta: &str) {
        let mut rest = delta;
        while !rest.is_empty() {
            let room = PENDING.saturating_sub(self.length);
            let fits = (0..=room.min(rest.len())).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
            let (now, later) = rest.split_at_checked(fits).unwrap_or((rest, ""));
            self.append(now.as_bytes());
            self.settle(later.is_empty());
            rest = later;
        }
    }

    /// The count of everything fed so far, as if the text ended here.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.count().tokens
    }

    /// As [`Counter::total`], and whether it is exact. If not, it is an estimate, not a bound.
    #[must_use]
    pub fn count(&self) -> Count {
        Count { tokens: self.settled.saturating_add(self.count_pending(0, self.length)), exact: self.exact }
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(room) = self.pending.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    /// Counts all pending pieces but the last two; those too if they leave no room for another character.
    fn settle(&mut self, more_may_wait: bool) {
        let (mut last_but_one, mut last, mut at) = (0, 0, 0);
        let mut settled = 0u64;
        let pending = self.pending.get(..self.length).unwrap_or(&[]);
        while at < pending.len() {
            settled = settled.saturating_add(self.count_pending(last_but_one, last));
            (last_but_one, last) = (last, at);
            at = piece_end(self.encoding, pending, at);
        }
        self.settled = self.settled.saturating_add(settled);
        self.pending.copy_within(last_but_one..self.length, 0);
        self.length = self.length.saturating_sub(last_but_one);
        if !more_may_wait && self.length.saturating_add(4) > PENDING {
            self.settled = self.settled.saturating_add(self.count_pending(0, self.length));
            self.exact = false;
            self.length = 0;
        }
    }

    fn count_pending(&self, start: usize, end: usize) -> u64 {
        self.pending.get(start..end).map_or(0, |bytes| count_bytes(self.encoding, bytes))
    }
}
