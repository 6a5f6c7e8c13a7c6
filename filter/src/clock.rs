//! Time, as both clocks of the machine have it.

use crate::host::Host;

/// One look at the clocks.
///
/// Whatever lasts is measured by the steady clock, which no step of the wall clock touches and all workers share. It
/// stands still while the machine is suspended, though, and the server's does not: how long that was only the wall clock
/// tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// Of the [steady](Host::steady_ms) clock.
    pub(crate) steady_ms: u64,
    pub(crate) unix_ms: u64,
}

impl Reading {
    pub(crate) fn of(host: &dyn Host) -> Reading {
        Reading { steady_ms: host.steady_ms(), unix_ms: host.unix_ms() }
    }

    /// Whether less than `ms` have passed since `earlier`, whichever clock is asked. A wall clock that was set forward makes
    /// it look like more, one that was set back changes nothing.
    pub(crate) fn is_within(self, ms: u64, earlier: Reading) -> bool {
        let elapsed = |now: u64, then: u64| now.saturating_sub(then);
        elapsed(self.steady_ms, earlier.steady_ms) < ms && elapsed(self.unix_ms, earlier.unix_ms) < ms
    }
}
