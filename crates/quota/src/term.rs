//! How long a process's leases are good for.

/// The server's side of a process's lease term. All its leases share one: any message of any of its workers renews it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Rises with each lapse; amounts granted under an earlier one may no longer be spent. Starts at 1, so that an unset
    /// field of a message is no generation.
    pub generation: u32,
    /// Unix ms; `None` once it has lapsed and no message has come since.
    pub expires_at: Option<u64>,
}

impl Term {
    #[must_use]
    pub const fn begin(now: u64, ttl_ms: u64) -> Term {
        Term { generation: 1, expires_at: Some(now.saturating_add(ttl_ms)) }
    }

    /// Whether its time is over and what was granted under it has to lapse now.
    #[must_use]
    pub const fn is_due(self, now: u64) -> bool {
        match self.expires_at {
            Some(at) => at <= now,
            None => false,
        }
    }

    /// It lapses: a new generation, without an expiry until the process is heard again.
    #[must_use]
    pub const fn lapsed(self) -> Term {
        Term { generation: self.generation.saturating_add(1), expires_at: None }
    }

    /// A message came. The caller has let it lapse before if it [was due](Term::is_due). Never shortens a term: the
    /// process was told the longer one.
    #[must_use]
    pub const fn renewed(self, now: u64, ttl_ms: u64) -> Term {
        let fresh = now.saturating_add(ttl_ms);
        let expires_at = match self.expires_at {
            Some(at) if at > fresh => at,
            _ => fresh,
        };
        Term { generation: self.generation, expires_at: Some(expires_at) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_in_time_renews_it_under_the_same_generation() {
        let term = Term::begin(1_000, 60_000);
        assert!(!term.is_due(60_999));
        assert_eq!(term.renewed(60_999, 60_000), Term { generation: 1, expires_at: Some(120_999) });
    }

    #[test]
    fn it_lapses_once_and_the_next_message_begins_a_new_generation() {
        let term = Term::begin(1_000, 60_000);
        assert!(term.is_due(61_000));
        let lapsed = term.lapsed();
        assert!(!lapsed.is_due(u64::MAX));
        assert_eq!(lapsed.renewed(90_000, 60_000), Term { generation: 2, expires_at: Some(150_000) });
    }

    #[test]
    fn a_shorter_ttl_does_not_shorten_what_was_promised() {
        assert_eq!(Term::begin(1_000, 60_000).renewed(2_000, 5_000).expires_at, Some(61_000));
    }
}
