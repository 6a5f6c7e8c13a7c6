//! Counting a text that arrives in pieces.
//!
//! What came last waits, since what follows may change how it is split. *All pieces but the last two are final.* For
//! let `P`, `Q` and `R` be pieces that follow each other in what has come so far. What the pre-tokeniser decides
//! about `P` hangs on the run of characters that it is taken from, on the one character behind that run, and, for
//! contractions, on two characters behind an apostrophe:
//!
//! * A word ends before its run does only in front of upper case, whose run `Q` takes to its end; so `R` lies
//!   behind the run. An apostrophe behind the word starts `Q`; a letter behind that belongs to `Q`, too, and the character
//!   behind that is there, as `R` is.
//! * White space ends before its run does at the last line end, or before its last character. What is left of the run
//!   is all of `Q` or starts `Q` and `R`; so the run's end is there, as `R` is: at the end of the text `Q` would take all.
//! * Symbols and numbers end with their run, or where they are full: what `Q` starts with decides.
//!
//! And the pieces of a beginning that ends with a piece are the same without what follows, by the same cases, unless it
//! ends with a blank: at the end of a text, that goes with the blanks before it. So what is final is counted together, as
//! a text of its own, up to a piece that does not end with one.
//!
//! A piece that fills the room is merged in part: the tokens that end well before its end so far are taken as final, and
//! the last of them is kept until it is clear that it stays beside what came of the rest (`merge.rs` says why that
//! is enough). If it does not, or if the rest by itself might end elsewhere than the piece does, the count is not
//! exact, and says so.

use crate::{
    Encoding,
    class::Class,
    counter::{Count, count_bytes, piece_end, vocabulary},
    merge,
    parts::Parts,
};

/// Bytes that can wait, no more than a window of merging holds: the longest token, the next one, and what such a window
/// leaves out at its end.
const ROOM: usize = 496;
/// How many bytes wait before it is looked whether some are final. Splitting them anew at each delta would cost more.
const BATCH: usize = 64;

/// Counts a text that arrives bit by bit, in half a kilobyte, without keeping the text.
///
/// Exact for any text and any deltas but for endless pieces (hundreds of letters, spaces or `=` in a row) of which one
/// cannot tell by their last half a kilobyte how they go on; then [`Counter::count`] says that it is not.
#[derive(Clone, Debug)]
pub struct Counter {
    encoding: Encoding,
    exact: bool,
    settled: u64,
    pending: [u8; ROOM],
    length: usize,
    /// When to settle next.
    full: usize,
    /// How many bytes at the front are the last settled token of a piece that goes on.
    seam: usize,
}

impl Counter {
    #[must_use]
    pub const fn new(encoding: Encoding) -> Self {
        Counter { encoding, exact: true, settled: 0, pending: [0; ROOM], length: 0, full: BATCH, seam: 0 }
    }

    /// Takes the next bit of text, of any length.
    pub fn feed(&mut self, delta: &str) {
        let mut rest = delta;
        loop {
            let room = self.full.saturating_sub(self.length);
            if rest.len() < room {
                self.append(rest.as_bytes());
                return;
            }
            let fits = (0..=room).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(0);
            let (now, later) = rest.split_at_checked(fits).unwrap_or((rest, ""));
            self.append(now.as_bytes());
            self.settle();
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
        let (tokens, fits) = self.count_pending(self.length);
        Count { tokens: self.settled.saturating_add(tokens), exact: self.exact && fits }
    }

    fn append(&mut self, bytes: &[u8]) {
        let end = self.length.saturating_add(bytes.len());
        if let Some(room) = self.pending.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
            self.length = end;
        }
    }

    /// Counts what is final, and makes room.
    fn settle(&mut self) {
        let (mut end, mut last, mut at) = (0, 0, 0);
        let pending = self.pending.get(..self.length).unwrap_or(&[]);
        while at < pending.len() {
            let last_but_one = last;
            last = at;
            at = piece_end(self.encoding, pending, at);
            if !ends_with_blank(pending.get(..last_but_one).unwrap_or(&[])) {
                end = last_but_one;
            }
        }
        if end > 0 {
            self.take(end);
        } else if self.length.saturating_add(4) > ROOM {
            self.cut(if last > 0 { last } else { self.length });
        }
        self.full = self.length.saturating_mul(2).clamp(BATCH, ROOM);
        // Where less than a character fits, there is no room.
        if self.full.saturating_sub(self.length) < 4 {
            self.full = self.length.saturating_add(4).min(ROOM);
        }
    }

    /// Counts whole pieces, which end at `end`, for good.
    fn take(&mut self, end: usize) {
        let (tokens, fits) = self.count_pending(end);
        self.settled = self.settled.saturating_add(tokens);
        self.exact &= fits;
        self.seam = 0;
        self.drop_to(end);
    }

    /// Counts a piece up to `end`, that fills the room, in part.
    fn cut(&mut self, end: usize) {
        let text = self.pending.get(..end).unwrap_or(&[]);
        let mut parts = Parts::new();
        let kept = merge::resume(vocabulary(self.encoding), text, self.seam, end, &mut parts)
            .filter(|resumed| resumed.fits)
            .and_then(|_| parts.kept(text))
            .filter(|kept| goes_on(self.encoding, text, kept.last.start));
        match kept {
            Some(kept) => {
                self.settled = self.settled.saturating_add(kept.number as u64);
                self.seam = kept.last.len();
                self.drop_to(kept.last.start);
            }
            None => {
                self.exact = false;
                self.take(end);
            }
        }
    }

    fn drop_to(&mut self, start: usize) {
        self.pending.copy_within(start..self.length, 0);
        self.length = self.length.saturating_sub(start);
    }

    /// The tokens of what is pending up to `end`, where a piece ends, and whether they fit what was settled before.
    fn count_pending(&self, end: usize) -> (u64, bool) {
        let text = self.pending.get(..end).unwrap_or(&[]);
        if self.seam == 0 {
            return (count_bytes(self.encoding, text), true);
        }
        let first_end = piece_end(self.encoding, text, 0);
        let resumed = merge::resume(vocabulary(self.encoding), text, self.seam, first_end, &mut Parts::new());
        let rest = count_bytes(self.encoding, text.get(first_end..).unwrap_or(&[]));
        resumed.map_or((rest, false), |resumed| (rest.saturating_add(resumed.tokens), resumed.fits))
    }
}

fn ends_with_blank(text: &[u8]) -> bool {
    match text.last() {
        Some(last @ 0..0x80) => Class::of_ascii(*last) == Class::Space,
        _ => {
            let tail = text.get(text.len().saturating_sub(3)..).unwrap_or(&[]);
            let start = tail.iter().position(|byte| *byte >= 0xC0).unwrap_or(0);
            let last = tail
                .get(start..)
                .and_then(|last| str::from_utf8(last).ok())
                .and_then(|last| last.chars().next_back());
            last.is_some_and(|c| Class::of_char(c) == Class::Space)
        }
    }
}

/// Whether a piece that has the bytes of `text`, and perhaps more, ends where the piece does that starts at `cut` in it,
/// whatever follows.
fn goes_on(encoding: Encoding, text: &[u8], cut: usize) -> bool {
    let classes = |bytes| str::from_utf8(bytes).unwrap_or("").chars().map(Class::of_char);
    let (Some(before), Some(after)) = (text.get(..cut), text.get(cut..)) else { return false };
    let Some(next) = classes(after).next() else { return false };
    if classes(before).any(Class::is_letter) {
        // A word of `o200k` has another rule from its first lower-case letter on.
        return next == Class::Lower
            || matches!(encoding, Encoding::Cl100kBase) && next.is_letter()
            || !classes(before).any(|class| class == Class::Lower);
    }
    // One kind of characters; but symbols and marks may have another one before them.
    let mut from_second = classes(text);
    let first = from_second.next();
    let prefixed =
        matches!(next, Class::Other | Class::Mark) && matches!(first, Some(Class::Space | Class::Other));
    (prefixed || first == Some(next)) && from_second.all(|class| class == next)
}
