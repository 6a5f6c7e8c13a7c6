//! How much counting may cost.

/// Work that may be done: one for all the texts that are to be counted together, so that it bounds them all.
///
/// A step is about one look-up in the vocabulary. What a step takes at most is measured (the table below); ordinary
/// text takes one or two steps a token.
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
const BYTES_READ: u64 = 8;
