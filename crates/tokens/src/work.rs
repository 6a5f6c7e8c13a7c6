//! How much a count may cost.

/// Steps left. One step is about one look-up in the vocabulary: 5 to 20 ns natively, half as fast in wasm.
#[derive(Debug)]
pub(crate) struct Work {
    left: u64,
}

impl Work {
    pub(crate) const fn unbounded() -> Work {
        Work { left: u64::MAX }
    }

    pub(crate) const fn of(steps: u64) -> Work {
        Work { left: steps }
    }

    /// One step; `None` when there is none left.
    pub(crate) fn step(&mut self) -> Option<()> {
        self.steps(1)
    }

    pub(crate) fn steps(&mut self, steps: u64) -> Option<()> {
        self.left = self.left.checked_sub(steps)?;
        Some(())
    }

    /// Looking up so many bytes.
    pub(crate) fn look_up(&mut self, bytes: usize) -> Option<()> {
        self.steps((bytes as u64 >> 4).saturating_add(1))
    }
}
