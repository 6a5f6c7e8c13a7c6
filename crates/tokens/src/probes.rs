//! Looking all pieces of a batch up together. First it is found out for every piece where its entry would be, then all
//! entries are loaded, and only then is one looked at: so those that are not in a cache are waited for at the same time, and
//! each loop does one thing and has hardly a branch to mispredict.
#![allow(clippy::arithmetic_side_effects)] // Positions within a batch.

use crate::{
    bytes::WIDTH,
    vocabulary::Vocabulary,
    window::{LOADED, Pieces},
    words::{self, NEVER},
};

/// How many pieces of 3 to 7 and of 8 to 16 bytes there can be in a batch.
const FEW: usize = 64;
const MANY: usize = 32;
/// A batch ends behind so many bytes.
const BATCH: usize = 448;
/// More pieces than there can be that are no tokens: those, and what is longer in a batch.
const MISSED: usize = 128;
const _: () = assert!(MISSED > FEW + MANY + (BATCH + WIDTH) / 17);

/// A piece of the batch.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    pub(crate) start: u16,
    pub(crate) length: u16,
}

/// A piece of 3 to 7 bytes: where its entry is, and what it has of them, if they are a token.
#[derive(Clone, Copy, Debug)]
struct Few {
    span: Span,
    at: u32,
    rest: u64,
}

/// A piece of 8 to 16 bytes, of which the first and the last eight are these.
#[derive(Clone, Copy, Debug)]
struct Many {
    span: Span,
    at: u32,
    first: u64,
    last: u64,
}

#[derive(Debug)]
pub(crate) struct Probes {
    few: [Few; FEW],
    entries: [u64; FEW],
    many: [Many; MANY],
    missed: [Span; MISSED],
    /// How many of each there are.
    number_of_few: usize,
    number_of_many: usize,
    number_of_missed: usize,
    /// Tokens of the pieces that are none themselves but two bytes, and of all others if each were one.
    tokens: u64,
}

impl Probes {
    pub(crate) const fn new() -> Probes {
        let span = Span { start: 0, length: 0 };
        Probes {
            few: [Few { span, at: 0, rest: 0 }; FEW],
            entries: [0; FEW],
            many: [Many { span, at: 0, first: 0, last: 0 }; MANY],
            missed: [span; MISSED],
            number_of_few: 0,
            number_of_many: 0,
            number_of_missed: 0,
            tokens: 0,
        }
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        (self.number_of_few, self.number_of_many, self.number_of_missed, self.tokens) = (0, 0, 0, 0);
    }

    /// Whether a window's pieces can be added to a batch of so many bytes.
    #[inline]
    pub(crate) fn have_room(&self, bytes: usize) -> bool {
        bytes < BATCH
            && self.number_of_few <= FEW - WIDTH.div_ceil(3)
            && self.number_of_many <= MANY - WIDTH.div_ceil(8)
    }

    /// Adds the pieces of the window that starts at `base` in the batch.
    #[inline]
    pub(crate) fn add(
        &mut self,
        vocabulary: &Vocabulary,
        bytes: &[u8; LOADED],
        Pieces { starts, end }: Pieces,
        base: usize,
    ) {
        self.tokens += u64::from(starts.count_ones());
        let ends = starts | 1u64.checked_shl(end as u32).unwrap_or(0);
        // Pieces that end within seven bytes, and within sixteen.
        let within_two = ends >> 1 | ends >> 2;
        let within_four = within_two | within_two >> 2;
        let within_seven = within_four | within_four >> 3;
        let within_sixteen = within_seven | within_seven >> 7 | within_two >> 14;
        let span = |start: usize, length: usize| Span { start: (base + start) as u16, length: length as u16 };
        let mut number = 0;
        for start in bits(starts & ends >> 2 & !(ends >> 1)) {
            number += u64::from(vocabulary.rank_of_two(word(bytes, start)) == NEVER);
        }
        self.tokens += number;
        let mut number = self.number_of_few;
        for start in bits(starts & within_seven & !within_two) {
            let length = (ends >> start >> 1).trailing_zeros() as usize + 1;
            let words::Few { at, rest } = vocabulary.few(word(bytes, start), length);
            if let Some(slot) = self.few.get_mut(number % FEW) {
                *slot = Few { span: span(start, length), at, rest };
                number += 1;
            }
        }
        self.number_of_few = number;
        let mut number = self.number_of_many;
        for start in bits(starts & within_sixteen & !within_seven) {
            let length = (ends >> start >> 1).trailing_zeros() as usize + 1;
            let (first, last) = (word(bytes, start), word(bytes, start + length - 8));
            let at = vocabulary.many_at(first, last, length);
            if let Some(slot) = self.many.get_mut(number % MANY) {
                *slot = Many { span: span(start, length), at, first, last };
                number += 1;
            }
        }
        self.number_of_many = number;
        for start in bits(starts & !within_sixteen) {
            let next = starts >> start >> 1;
            let end = if next == 0 { end } else { start + 1 + next.trailing_zeros() as usize };
            let is_token = vocabulary.contains(bytes, start, end);
            put(&mut self.missed, &mut self.number_of_missed, span(start, end - start), !is_token);
        }
    }

    /// The tokens of all pieces that are some, or two bytes; and those that are left to be merged.
    #[inline]
    pub(crate) fn resolve(&mut self, vocabulary: &Vocabulary) -> (u64, &[Span]) {
        let few = self.few.get(..self.number_of_few).unwrap_or(&[]);
        let many = self.many.get(..self.number_of_many).unwrap_or(&[]);
        for (few, entry) in few.iter().zip(&mut self.entries) {
            *entry = vocabulary.entry(few.at);
        }
        for Many { span, at, first, last } in many {
            let is_token = vocabulary.is_many(*at, *first, *last, usize::from(span.length));
            put(&mut self.missed, &mut self.number_of_missed, *span, !is_token);
        }
        for (Few { span, rest, .. }, entry) in few.iter().zip(&self.entries) {
            let is_token = vocabulary.is_few(*rest, *entry, usize::from(span.length));
            put(&mut self.missed, &mut self.number_of_missed, *span, !is_token);
        }
        let missed = self.missed.get(..self.number_of_missed).unwrap_or(&[]);
        (self.tokens - missed.len() as u64, missed)
    }
}

/// Notes a piece down if it is missed, without a branch.
#[inline]
fn put(missed: &mut [Span; MISSED], number: &mut usize, span: Span, is_missed: bool) {
    if let Some(slot) = missed.get_mut(*number % MISSED) {
        *slot = span;
        *number += usize::from(is_missed);
    }
}

/// Which bits are set, from the lowest on.
#[inline]
fn bits(mut left: u64) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let lowest = left.trailing_zeros() as usize;
        left &= left - 1;
        Some(lowest)
    })
}

#[inline]
fn word(bytes: &[u8; LOADED], at: usize) -> u64 {
    bytes.get(at & 63..).and_then(<[u8]>::first_chunk).map_or(0, |eight| u64::from_le_bytes(*eight))
}
