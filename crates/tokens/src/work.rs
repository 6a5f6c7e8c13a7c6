//! How much counting may cost.
//!
//! What 750,000 steps take, which are what the filter gives a prompt, is measured by `benches/steps.mjs`: texts of a megabyte
//! or a fifth of it, the slower one, as wasm under node, the least processor time of eleven runs on a machine with two
//! busy cores:
//!
//! ```text
//!                                                      o200k_base            cl100k_base
//!                                                     ms   ns a step        ms   ns a step
//! English prose, code                                8.7       11.6       17.0       22.7
//! Chinese, Japanese, Russian, Arabic, Hindi         15.6       20.8       13.3       17.7
//! one letter, spaces, newlines, `====…#`, `abab…`    4.2        7.3        2.7        7.1
//! mixed white space, combining marks                 5.7        7.6        5.1        7.5
//! runs of blanks or symbols, up to 200 long         10.8       14.4       10.4       13.9
//! the longest tokens, shuffled, whole or cut        16.6       22.1       10.2       13.7
//! random letters, of 26 or of 3                      7.5       10.0        7.0        9.4
//! words of 5 random letters                         16.9       22.6       19.8       26.3
//! words of 15                                       17.7       23.6       18.5       24.7
//! words of 17 or 60                                  7.3        9.7        6.6        8.8
//! base64                                             9.0       12.0       15.6       20.8
//! random ASCII, digits                               5.7        7.6       13.9       18.5
//! random Latin-1 letters, Cyrillic                  15.6       20.8        6.1        8.1
//! random Arabic, Hindi, Thai                         5.6       11.0        6.6        8.9
//! ```
//!
//! Of a line with several texts these are the highest figures. In a run beside busier neighbours some lines took up to twice as long.

/// Work that may be done: one for all the texts that are to be counted together, so that it bounds them all.
///
/// A step is about one look-up in the vocabulary, at most some 25 ns as wasm. English takes three or four a token.
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

    /// Does so many steps; `None` when there are fewer left.
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
