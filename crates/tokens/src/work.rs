//! How much counting may cost.
//!
//! What 750,000 steps take, which are what the filter gives a prompt, is measured by `benches/steps.mjs`: texts of a megabyte
//! or a fifth of it, the slower one, as wasm under node, the least processor time of eleven runs on a machine with two
//! cores and a dozen busy processes:
//!
//! ```text
//!                                                      o200k_base            cl100k_base
//!                                                     ms   ns a step        ms   ns a step
//! English prose, code                                 5.8        7.7       11.3       15.0
//! Chinese, Japanese, Russian, Arabic, Hindi          13.3       17.7       11.5       15.3
//! one letter, spaces, newlines, `====…#`, `abab…`     2.8        3.7        1.3        3.4
//! mixed white space, combining marks                  4.4        5.9        4.3        6.1
//! runs of blanks or symbols, up to 200 long           9.3       12.4        9.0       11.9
//! the longest tokens, shuffled, whole or cut         13.6       18.1        9.0       11.9
//! random letters, of 26 or of 3                       6.8        9.1        6.2        8.2
//! words of 5 random letters                          11.0       14.7       12.1       16.1
//! words of 14                                        13.9       18.5       13.8       18.3
//! words of 17 or 60                                   6.0        8.0        5.6        7.4
//! base64                                              6.2        8.2       13.5       18.0
//! random ASCII, digits                                4.7        6.2       11.0       14.6
//! random Latin-1 letters, Cyrillic                   11.3       15.0        4.5        6.2
//! random Arabic, Hindi, Thai                          4.9        9.4        5.6        7.5
//! random kana, Han, Hangul, emoji, any character      5.3        7.1        4.8        6.4
//! ```
//!
//! Of a line with several texts these are the highest figures. The machine is a virtual one: in a slower hour, texts whose
//! counting had not changed took 1.4 times as long, which would make the highest figure here 20 ms.

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
