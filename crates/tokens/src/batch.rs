//! Counting the pieces of a few windows together: first all that are tokens, then what is not.
#![allow(clippy::arithmetic_side_effects)] // Positions in a text and small numbers: no sum here wraps.

use core::ops::Range;

use crate::{
    bytes::WIDTH,
    memory::{Memory, Piece, Places},
    merge,
    parts::Parts,
    probes::Probes,
    short, split,
    vocabulary::Vocabulary,
    window::{self, LOADED},
    work::Work,
};

/// What counting needs beside a text, to be used for one batch after the other.
#[derive(Debug)]
pub(crate) struct Desk {
    probes: Probes,
    merging: Merging,
}

/// What merging needs.
#[derive(Debug)]
struct Merging {
    memory: Memory,
    /// Of longer pieces. English has few, and to clear this takes as long as counting a line of it.
    long: Option<Long>,
}

#[derive(Debug)]
struct Long {
    places: Places,
    parts: Parts,
}

impl Desk {
    pub(crate) const fn new() -> Desk {
        Desk { probes: Probes::new(), merging: Merging { memory: Memory::new(), long: None } }
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
    // Finding a piece of a few bytes costs as much as a look-up, and so does looking it up.
    work.steps(2)?;
    work.read(length)?;
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
        if let Some(tokens) = self.memory.tokens(&piece) {
            work.steps(1)?;
            return Some(tokens);
        }
        // Words behind a dash or a blank that is not ASCII, too; other scripts are merged by characters.
        let tokens = if length < 3 {
            length as u64
        } else if text.get(start + 4..start + length).is_none_or(<[u8]>::is_ascii) {
            work.steps(length as u64)?;
            short::count(vocabulary, bytes, length)
        } else {
            let parts = &mut self.long.get_or_insert_with(Long::new).parts;
            merge::count(vocabulary, text, start, start + length, parts, work)?
        };
        self.memory.remember(&piece, tokens);
        Some(tokens)
    }
}

impl Long {
    fn new() -> Long {
        Long { places: Places::new(), parts: Parts::new() }
    }

    fn count(
        &mut self,
        vocabulary: &Vocabulary,
        text: &[u8],
        piece: Range<usize>,
        work: &mut Work,
    ) -> Option<u64> {
        // To compare it with another one.
        work.look_up(piece.len())?;
        if let Some(tokens) = self.places.tokens(text, &piece) {
            return Some(tokens);
        }
        let tokens = merge::count(vocabulary, text, piece.start, piece.end, &mut self.parts, work)?;
        self.places.remember(text, &piece, tokens);
        Some(tokens)
    }
}
