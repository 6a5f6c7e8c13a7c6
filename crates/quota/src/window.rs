//! When a budget starts afresh.

/// One instance of a budget's window: fixed length, aligned to the Unix epoch by the server's clock. Milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    start: u64,
    length: u64,
}

impl Window {
    /// The window that holds the moment `now`. A length of 0 is read as 1 ms: the policy refuses it, this must not divide by it.
    #[must_use]
    pub fn at(now: u64, length: u64) -> Window {
        let length = length.max(1);
        let since_start = now.checked_rem(length).unwrap_or(0);
        Window { start: now.saturating_sub(since_start), length }
    }

    /// Unix ms; names the window in messages and rows.
    #[must_use]
    pub const fn start(self) -> u64 {
        self.start
    }

    /// Unix ms of the first moment that is no longer in it.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.start.saturating_add(self.length)
    }

    #[must_use]
    pub const fn resets_in(self, now: u64) -> u64 {
        self.end().saturating_sub(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn windows_are_aligned_to_the_unix_epoch() {
        // 2026-11-23 18:36:11 UTC; its hour began at 18:00:00.
        let window = Window::at(1_795_458_971_000, HOUR);
        assert_eq!((window.start(), window.end()), (1_795_456_800_000, 1_795_460_400_000));
        assert_eq!(window.resets_in(1_795_458_971_000), 1_429_000);
    }

    #[test]
    fn a_window_ends_where_the_next_begins() {
        let last = Window::at(2 * HOUR - 1, HOUR);
        assert_eq!((last.start(), last.resets_in(2 * HOUR - 1)), (HOUR, 1));
        assert_eq!(Window::at(2 * HOUR, HOUR).start(), last.end());
    }

    #[test]
    fn absurd_lengths_and_times_neither_panic_nor_wrap() {
        assert_eq!(Window::at(7, 0).start(), 7);
        assert_eq!(Window::at(u64::MAX, u64::MAX).end(), u64::MAX);
        assert_eq!(Window::at(5, HOUR).resets_in(u64::MAX), 0);
    }
}
