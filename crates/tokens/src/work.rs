//! How much counting may cost.
//!
//! What a step takes at most is measured: texts of a megabyte, as wasm under node, processor time, on a machine with two
//! busy cores (quiet ones take half). The first column is a million steps or, with less work, all of the text:
//!
//! ```text
//!                                                     o200k_base            cl100k_base
//!                                                    ms   ns a step        ms   ns a step
//! English prose                                     9.8       12.7       12.7       25.9
//! one letter, spaces, newlines, `====…#`, `abab…`   4 to 10   8 to 19    4 to 6     8 to 11
//! mixed white space                                 9.7        9.7        8.9        8.9
//! combining marks                                   5.9       22.6        5.6       21.5
//! runs of blanks or symbols, up to 200 long        20.9       20.9       18.5       18.5
//! the longest tokens, shuffled, whole or cut       23.3       23.3       14.7       14.7
//! random letters, of 26 or of 3                    17.4       17.4       16.4       16.4
//! base64                                           11.3       11.3       25.1       25.1
//! random Han                                       10.6       10.6        9.7        9.7
//! random kana, Hangul, Thai, Hindi, Arabic, emoji   7 to 14    7 to 14    6 to 12    6 to 12
//! random characters of all of Unicode              15.2       15.2       11.4       11.4
//! ```
//!
//! (Random Cyrillic, Chinese and Russian took 24 to 31 ns a step then; a third more steps are charged for them since.)

/// Work that may be done: one for all the texts that are to be counted together, so that it bounds them all.
///
/// A step is about one look-up in the vocabulary, at most some 20 ns as wasm. English takes three or four a token.
#[derive(Clone, Debug)]
pub struct Work {
    left: u64,
}

impl Work {
    /// So many steps.
    #[must_use]
    pub const fn of(steps: u64) -> Work {
        Work { left: steps }
    }

    /// The steps that are left.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    pub(crate) const fn unbounded() -> Work {
        Work { left: u64::MAX }
    }

    /// Does one step; `None` when there is none left.
    pub(crate) fn step(&mut self) -> Option<()> {
        self.steps(1)
    }

    pub(crate) fn steps(&mut self, steps: u64) -> Option<()> {
        let left = self.left.checked_sub(steps);
        self.left = left.unwrap_or(0);
        left.map(|_| ())
    }

    /// Looks up so many bytes.
    pub(crate) fn look_up(&mut self, bytes: usize) -> Option<()> {
        self.steps((bytes as u64 >> 4).saturating_add(1))
    }

    /// Of a text, what can be read before the work is used up.
    pub(crate) fn within_reach<'a>(&self, text: &'a [u8], from: usize) -> &'a [u8] {
        let reach = usize::try_from(self.left.saturating_mul(BYTES_READ)).unwrap_or(usize::MAX);
        text.get(..from.saturating_add(reach)).unwrap_or(text)
    }

    /// Reads so many bytes, to find the end of a piece.
    pub(crate) fn read(&mut self, bytes: usize) -> Option<()> {
        self.steps(bytes as u64 / BYTES_READ)
    }
}

/// Bytes that are read in a step.
const BYTES_READ: u64 = 4;
