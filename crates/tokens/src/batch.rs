//! Counting the pieces of a few windows together: first all that are tokens, then what is not.
#![allow(clippy::arithmetic_side_effects)] // Positions in a text and small numbers: no sum here wraps.

use core::ops::Range;

use crate::{
    bytes::WIDTH,
    memory::{Memory, Piece, Places, Slot},
    merge,
    parts::Parts,
    probes::Probes,
    short, split,
    vocabulary::Vocabulary,
    window::{self, LOADED},
    work::Work,
};

/// What counting needs beside a text, to be used for one batch after the other and one text after the other.
#[derive(Debug)]
pub(crate) struct Desk<Slots: ?Sized = [Slot]> {
    probes: Probes,
    merging: Merging<Slots>,
}

/// What merging needs.
#[derive(Debug)]
struct Merging<Slots: ?Sized = [Slot]> {
    /// For longer pieces. English has few, and to clear this takes as long as counting a line of it.
    long: Option<Long>,
    memory: Memory<Slots>,
}

#[derive(Debug)]
struct Long {
    /// In the text that is counted.
    places: Option<Places>,
    parts: Parts,
}

impl<const SLOTS: usize> Desk<[Slot; SLOTS]> {
    pub(crate) const fn new() -> Self {
        Desk { probes: Probes::new(), merging: Merging { long: None, memory: Memory::new() } }
    }
}

impl Desk {
    /// The next batch is of another text.
    pub(crate) fn clear(&mut self) {
        if let Some(long) = &mut self.merging.long {
            long.places = None;
        }
    }
}

/// The tokens of some pieces of `o200k` from `at` on, and where they end; `None` if the work does not suffice.
#[inline]
pub(crate) fn o200k(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    desk: &mut Desk,
    work: &mut Work,
) -> Option<(u64, usize)> {
    desk.probes.clear();
    let mut end = at;
    while end < text.len() && desk.probes.have_room(end - at) {
        let rest = text.get(end..)?;
        let mut copy = [0; LOADED];
        let (bytes, of_text): (&[u8; LOADED], _) = match rest.first_chunk() {
            Some(bytes) => (bytes, None),
            None => {
                copy.get_mut(..rest.len())?.copy_from_slice(rest);
                (&copy, (rest.len() <= WIDTH).then_some(rest.len()))
            }
        };
        // Words of Han, kana and the scripts of India rarely end within a window; emoji make none.
        if matches!(bytes, [0xE0 | 0xE3..=0xFF, ..] | [_, 0xE0 | 0xE3..=0xFF, ..]) {
            break;
        }
        let pieces = window::o200k(bytes, of_text);
        if pieces.end == 0 {
            break;
        }
        work.read(2 * pieces.end)?;
        work.steps(u64::from(pieces.starts.count_ones()))?;
        desk.probes.add(vocabulary, bytes, pieces, end - at);
        end += pieces.end;
    }
    if end == at {
        return one(vocabulary, split::o200k, text, at, desk, work);
    }
    let (mut tokens, missed) = desk.probes.resolve(vocabulary);
    for span in missed {
        let (start, length) = (at + usize::from(span.start), usize::from(span.length));
        tokens += desk.merging.count(vocabulary, text, start, length, work)?;
    }
    Some((tokens, end))
}

/// The tokens of the piece at `at`, and where it ends; `None` if the work does not suffice.
#[inline]
pub(crate) fn one(
    vocabulary: &Vocabulary,
    piece_end: impl Fn(&[u8], usize) -> usize,
    text: &[u8],
    at: usize,
    desk: &mut Desk,
    work: &mut Work,
) -> Option<(u64, usize)> {
    let visible = work.within_reach(text, at);
    let end = piece_end(visible, at);
    if end == visible.len() && end < text.len() {
        work.read(usize::MAX)?;
    }
    let length = end - at;
    // Finding a piece of a few bytes costs as much as a look-up.
    work.steps(1)?;
    work.read(length)?;
    work.look_up(length)?;
    if length == 1 || vocabulary.contains(text, at, end) {
        return Some((1, end));
    }
    Some((desk.merging.count(vocabulary, text, at, length, work)?, end))
}

impl Merging {
    /// The tokens of a piece that is none as a whole.
    fn count(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        start: usize,
        length: usize,
        work: &mut Work,
    ) -> Option<u64> {
        if length > short::LONGEST {
            return self.long.get_or_insert_with(Long::new).count(
                vocabulary,
                text,
                start..start + length,
                &mut self.memory,
                work,
            );
        }
        let rest = text.get(start..)?;
        let mut copy = [0; short::LOADED];
        let bytes = match rest.first_chunk() {
            Some(bytes) => bytes,
            None => {
                copy.get_mut(..rest.len())?.copy_from_slice(rest);
                &copy
            }
        };
        let piece = Piece::of(short::word(bytes, 0), short::word(bytes, 8), length);
        let Merging { long, memory } = self;
        // Words behind a dash or a blank that is not ASCII, too; other scripts are merged by characters.
        if text.get(start + 4..start + length).is_none_or(<[u8]>::is_ascii) {
            // The work is the same whatever is remembered: what a text takes does not hang on what came before it.
            work.steps((length + length / 4) as u64)?;
            return Some(memory.tokens_or(&piece, || short::count(vocabulary, bytes, length)));
        }
        work.steps(2 * length as u64)?;
        if let Some(tokens) = memory.tokens(&piece) {
            return Some(tokens);
        }
        let parts = &mut long.get_or_insert_with(Long::new).parts;
        let end = start + length;
        let tokens = merge::count(vocabulary, text, start, end, memory, parts, &mut Work::unbounded())?;
        memory.remember(&piece, tokens);
        Some(tokens)
    }
}

impl Long {
    fn new() -> Long {
        Long { places: None, parts: Parts::new() }
    }

    fn count(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        piece: Range<usize>,
        memory: &mut Memory,
        work: &mut Work,
    ) -> Option<u64> {
        let places = self.places.get_or_insert_with(Places::new);
        // To compare it with another one.
        work.look_up(piece.len())?;
        if let Some(tokens) = places.tokens(text, &piece) {
            return Some(tokens);
        }
        let (start, end) = (piece.start, piece.end);
        let tokens = merge::count(vocabulary, text, start, end, memory, &mut self.parts, work)?;
        places.remember(text, &piece, tokens);
        Some(tokens)
    }
}
