//! Time, as both clocks of the machine have it.

use crate::host::Host;

/// One look at the clocks. A callback takes one and hands it down: each costs two calls into the host. It looks again
/// where something may have taken long.
///
/// Whatever lasts is measured by the steady clock, which no step of the wall clock touches and all workers share. It
/// stands still while the machine is suspended, though, and the server's does not: how long that was only the wall clock
/// tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Of the [steady](Host::monotonic_ns) clock.
    pub(crate) steady_ns: u64,
    pub(crate) unix_ms: u64,
}

impl Reading {
    pub(crate) fn of(host: &dyn Host) -> Reading {
        Reading { steady_ns: host.monotonic_ns(), unix_ms: host.unix_ms() }
    }

    pub(crate) fn steady_ms(self) -> u64 {
        self.steady_ns / 1_000_000
    }

    /// Whether less than `ms` have passed since `earlier`, whichever clock is asked. A wall clock that was set forward makes
    /// it look like more, one that was set back changes nothing.
    pub(crate) fn is_within(self, ms: u64, earlier: Reading) -> bool {
        let elapsed = |now: u64, then: u64| now.saturating_sub(then);
        elapsed(self.steady_ms(), earlier.steady_ms()) < ms && elapsed(self.unix_ms, earlier.unix_ms) < ms
    }
}

/// When a message was sent and when its answer came, in ms of the steady clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchange {
    pub(crate) sent_at: u64,
    pub(crate) now: u64,
}
