//! Since when processes could be heard.

/// Times are of the server's wall clock, which may jump as well: a step of it looks like a pause, and has no term end
/// either, before a whole one has passed by the new time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) struct Listening {
    /// Without a break, Unix ms.
    pub(in crate::store) since: u64,
    /// When a server last swept, Unix ms.
    pub(in crate::store) swept_at: u64,
}

impl Listening {
    pub(in crate::store) const fn begin(now: u64) -> Listening {
        Listening { since: now, swept_at: now }
    }

    /// As it is `now`: from the beginning again where sweeps have been missing for too long.
    pub(in crate::store) const fn at(self, now: u64, ttl_ms: u64) -> Listening {
        if self.swept_at.abs_diff(now) > gap(ttl_ms) { Listening::begin(now) } else { self }
    }

    /// A server sweeps, `now`.
    pub(in crate::store) const fn swept(self, now: u64, ttl_ms: u64) -> Listening {
        let Listening { since, swept_at } = self.at(now, ttl_ms);
        Listening { since, swept_at: if swept_at < now { now } else { swept_at } }
    }
}

/// Between two sweeps, if no server was there. A process is heard every second or so: after a pause shorter than half a
/// term there is time enough for it to come before its term ends.
const fn gap(ttl_ms: u64) -> u64 {
    (ttl_ms / 2).saturating_add(3_000)
}
