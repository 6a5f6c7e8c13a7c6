//! How much counting may cost.
//!
//! What 750,000 steps take, which are what the filter gives a prompt, is measured by `benches/steps.mjs`: texts of a megabyte
//! or a fifth of it, the slower one, as wasm under node, the least processor time of seven runs on a machine with two
//! cores and a few busy processes:
//!
//! ```text
//!                                                      o200k_base            cl100k_base
//!                                                     ms   ns a step        ms   ns a step
//! English prose, code                                 4.8        6.3       10.2       13.5
//! Chinese, Japanese, Russian, Arabic, Hindi          11.4       15.2       10.4       13.9
//! one letter, spaces, newlines, `====…#`, `abab…`     4.1        5.4        2.3        4.4
//! mixed white space, combining marks                  3.4        4.6        2.9        3.9
//! runs of blanks or symbols, up to 200 long           9.7       12.9        9.5       12.7
//! the longest tokens, shuffled, whole or cut         12.5       16.6       10.8       14.4
//! random letters, of 26 or of 3                       7.0        9.4        6.7        9.0
//! words of 5 random letters                          11.3       15.1       11.8       15.7
//! words of 14                                        11.4       15.2       12.2       16.3
//! words of 17 or 60                                   5.8        7.7        5.6        7.5
//! base64                                              5.6        7.4       11.5       15.3
//! random ASCII, digits                                4.3        5.8       11.7       15.7
//! random Latin-1 letters, Cyrillic                    8.1       10.8        3.7        4.9
//! random Arabic, Hindi, Thai                          4.6        8.1        4.6        6.2
//! random kana, Han, Hangul, emoji, any character      5.6        7.5        5.2        7.0
//! ```
//!
//! Of a line with several texts these are the highest figures. The machine is a virtual one; a slower one took 1.5 times as
//! long for texts whose counting had not changed, which would make the highest figure here 18 ms.

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
