//! Counting the pieces of a few windows together: first all that are tokens, then what is not.
#![allow(clippy::arithmetic_side_effects)] // Positions in a text and small numbers: no sum here wraps.

use crate::{
    bytes::WIDTH,
    memory::{self, Memory, Piece},
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
    /// Few texts need it, and to clear it takes as long as counting a line.
    parts: Option<Parts>,
}

impl Desk {
    pub(crate) const fn new() -> Desk {
        Desk { probes: Probes::new(), merging: Merging { memory: Memory::new(), parts: None } }
    }
}

/// The tokens of some pieces of `o200k` from `at` on, and where they end; `None` if the work does not suffice.
#[inline]
pub(crate) fn o200k(
    vocabulary: &Vocabulary,
    text: &[u8],
    at: usize,
    Desk { probes, merging }: &mut Desk,
    work: &mut Work,
) -> Option<(u64, usize)> {
    probes.clear();
    let mut end = at;
    while end < text.len() && probes.have_room(end - at) {
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
        probes.add(vocabulary, bytes, pieces, end - at);
        end += pieces.end;
    }
    if end == at {
        return one_of(vocabulary, split::o200k, text, at, merging, work);
    }
    let (mut tokens, missed) = probes.resolve(vocabulary);
    for span in missed {
        tokens +=
            merging.count(vocabulary, text, at + usize::from(span.start), usize::from(span.length), work)?;
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
    one_of(vocabulary, piece_end, text, at, &mut desk.merging, work)
}

#[inline]
fn one_of(
    vocabulary: &Vocabulary,
    piece_end: impl Fn(&[u8], usize) -> usize,
    text: &[u8],
    at: usize,
    merging: &mut Merging,
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
    Some((merging.count(vocabulary, text, at, length, work)?, end))
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
        // Words behind a dash or a blank that is not ASCII, too; other scripts are merged by characters.
        let short = (3..=short::LONGEST).contains(&length)
            && text.get(start + 4..start + length).is_none_or(<[u8]>::is_ascii);
        if !short {
            let parts = self.parts.get_or_insert_with(Parts::new);
            return merge::count(vocabulary, text, start, start + length, parts, work);
        }
        work.steps(length as u64)?;
        let rest = text.get(start..)?;
        let mut copy = [0; short::LOADED];
        let bytes = match rest.first_chunk() {
            Some(bytes) => bytes,
            None => {
                copy.get_mut(..rest.len())?.copy_from_slice(rest);
                &copy
            }
        };
        if length > memory::LONGEST {
            return Some(short::count(vocabulary, bytes, length));
        }
        let piece = Piece::of(short::word(bytes, 0), short::word(bytes, 8), length);
        let remembered = self.memory.tokens(&piece);
        if remembered.is_some() {
            return remembered;
        }
        let tokens = short::count(vocabulary, bytes, length);
        self.memory.remember(&piece, tokens);
        Some(tokens)
    }
}
