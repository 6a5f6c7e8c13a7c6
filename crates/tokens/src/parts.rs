//! Merging as it is defined, in a stretch of text of bounded length.
#![allow(clippy::arithmetic_side_effects)] // Numbers of parts and positions within a window: no sum here wraps.

use core::ops::Range;

use crate::{
    short::lowest,
    vocabulary::{Character, LONGEST, Vocabulary},
};

/// How many parts there can be at once.
pub(crate) const WINDOW: usize = 512;
/// Parts whose lowest pair is kept in mind together.
const GROUP: usize = 16;
/// A token that ends so many bytes before the window's end does not feel what is behind it, as a rule.
const MARGIN: usize = LONGEST + 32;
/// A pair that is no token. Above all ranks.
const NEVER: i64 = i64::MAX;

/// The parts of a stretch of text, each either whole characters or bytes, as far as they are merged.
///
/// A part is named by its place among those at the start; merged parts go by the first one's name.
#[derive(Debug)]
pub(crate) struct Parts {
    base: usize,
    /// Where parts start, from the base on; where the last one ends.
    starts: [u16; WINDOW + 1],
    next: [u16; WINDOW + 1],
    previous: [u16; WINDOW + 1],
    /// The rank of each part joined with the next, then its name, so that of equal ranks the leftmost is the lowest; or
    /// [`NEVER`].
    pairs: [i64; WINDOW],
    lowest: [i64; WINDOW / GROUP],
    number: usize,
}

impl Parts {
    /// To be used for one stretch after the other, so that it is cleared once.
    pub(crate) const fn new() -> Parts {
        Parts {
            base: 0,
            starts: [0; WINDOW + 1],
            next: [0; WINDOW + 1],
            previous: [0; WINDOW + 1],
            pairs: [NEVER; WINDOW],
            lowest: [NEVER; WINDOW / GROUP],
            number: 0,
        }
    }

    /// Takes the text from `start` on, up to `end` or as far as there is room; until where.
    pub(crate) fn fill(&mut self, vocabulary: &Vocabulary, text: &[u8], start: usize, end: usize) -> usize {
        (self.base, self.number) = (start, 0);
        let mut at = start;
        let mut character = Character::at(text, at);
        let mut crossed = false;
        while at < end && self.number + 4 < WINDOW {
            let after = at + character.length;
            let next = if after < end { Some(Character::at(text, after)) } else { None };
            let crosses = next.is_some_and(|next| {
                !(character.is_ascii() && next.is_ascii()) && vocabulary.may_cross(character, next)
            });
            let whole = character.is_ascii() || !crossed && !crosses && vocabulary.is_token(character);
            if whole {
                self.push(at);
            } else {
                (at..after).for_each(|at| self.push(at));
            }
            crossed = crosses;
            at = after;
            match next {
                Some(next) => character = next,
                None => break,
            }
        }
        put(&mut self.starts, self.number, (at - start) as u16);
        at
    }

    fn push(&mut self, at: usize) {
        put(&mut self.starts, self.number, (at - self.base) as u16);
        self.number += 1;
    }

    pub(crate) fn filled(&self) -> usize {
        self.number
    }

    /// Merges all there is to merge; how many parts are left.
    pub(crate) fn merge(&mut self, vocabulary: &Vocabulary, text: &[u8]) -> usize {
        let groups = self.number.div_ceil(GROUP);
        for part in 0..self.number {
            put(&mut self.next, part, part as u16 + 1);
            put(&mut self.previous, part, (part as u16).wrapping_sub(1));
            let pair = self.pair(vocabulary, text, part, part + 1, part + 2);
            put(&mut self.pairs, part, pair);
        }
        if let Some(rest) = self.pairs.get_mut(self.number..groups * GROUP) {
            rest.fill(NEVER);
        }
        (0..groups).for_each(|group| self.update(group * GROUP));
        let mut parts = self.number;
        loop {
            let lowest = if groups == 1 {
                get(&self.lowest, 0)
            } else {
                self.lowest.get(..groups).and_then(|lowest| lowest.iter().copied().min()).unwrap_or(NEVER)
            };
            if lowest == NEVER {
                return parts;
            }
            parts -= 1;
            let part = lowest as usize % WINDOW;
            let gone = usize::from(get(&self.next, part));
            let next = usize::from(get(&self.next, gone));
            put(&mut self.next, part, next as u16);
            put(&mut self.previous, next, part as u16);
            put(&mut self.pairs, gone, NEVER);
            let after = usize::from(get(&self.next, next));
            let pair = self.pair(vocabulary, text, part, next, after);
            put(&mut self.pairs, part, pair);
            if part > 0 {
                let before = usize::from(get(&self.previous, part));
                let pair = self.pair(vocabulary, text, before, part, next);
                put(&mut self.pairs, before, pair);
                if before / GROUP != part / GROUP {
                    self.update(before);
                }
            }
            if gone / GROUP != part / GROUP {
                self.update(gone);
            }
            self.update(part);
        }
    }

    /// What is kept in [`Parts::pairs`] for two neighbours, the second of which ends where `after` starts.
    fn pair(&self, vocabulary: &Vocabulary, text: &[u8], part: usize, next: usize, after: usize) -> i64 {
        if next >= self.number {
            return NEVER;
        }
        let (from, to) = (usize::from(get(&self.starts, part)), usize::from(get(&self.starts, after)));
        match vocabulary.rank(text, self.base + from, self.base + to) {
            Some(rank) => i64::from(rank) * WINDOW as i64 + part as i64,
            None => NEVER,
        }
    }

    /// Looks for the lowest pair in a part's group again.
    fn update(&mut self, part: usize) {
        let group = part / GROUP;
        let lowest = self
            .pairs
            .get(group * GROUP..)
            .and_then(<[i64]>::first_chunk::<GROUP>)
            .map_or(NEVER, |pairs| lowest(*pairs));
        put(&mut self.lowest, group, lowest);
    }

    /// Where the first part ends.
    pub(crate) fn first_end(&self) -> usize {
        self.base + usize::from(get(&self.starts, usize::from(get(&self.next, 0))))
    }

    /// The parts that end well before the window's end, up to the last one that ends with a character.
    pub(crate) fn kept(&self, text: &[u8]) -> Option<Kept> {
        let limit = usize::from(get(&self.starts, self.number)).checked_sub(MARGIN)?;
        let (mut part, mut number, mut before, mut kept) = (0, 0, 0, None);
        while part < self.number {
            let next = usize::from(get(&self.next, part));
            let (from, to) = (usize::from(get(&self.starts, part)), usize::from(get(&self.starts, next)));
            if to > limit {
                break;
            }
            number += 1;
            if text.get(self.base + to).is_some_and(|byte| byte & 0xC0 != 0x80) {
                kept = Some(Kept { number, before, last: self.base + from..self.base + to });
            }
            before = to - from;
            part = next;
        }
        kept
    }
}

/// What of a window does not feel what is behind it, as a rule.
#[derive(Debug)]
pub(crate) struct Kept {
    /// How many parts.
    pub(crate) number: usize,
    /// Where the last of them is.
    pub(crate) last: Range<usize>,
    /// The length of the one before it; 0 if there is none.
    pub(crate) before: usize,
}

fn get<T: Copy + Default>(of: &[T], at: usize) -> T {
    of.get(at).copied().unwrap_or_default()
}

fn put<T>(of: &mut [T], at: usize, value: T) {
    if let Some(slot) = of.get_mut(at) {
        *slot = value;
    }
}
