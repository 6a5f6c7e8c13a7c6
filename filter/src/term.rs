//! For how long this process may spend what it was granted.

use quota::proto::LeaseTerm;

/// The lease term as far as this worker knows it. The server counts from when it received a message, the worker
/// from when it sent it, so the worker stops first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) generation: u32,
    /// Unix ms by this process's clock.
    valid_until: u64,
    ttl_ms: u64,
}

impl Term {
    /// Takes over what the server said in answer to a message sent at `sent_at`.
    pub(crate) fn renew(&mut self, said: &LeaseTerm, sent_at: u64) {
        if said.generation < self.generation {
            return;
        }
        self.generation = said.generation;
        self.ttl_ms = u64::from(said.ttl_ms);
        self.valid_until = self.valid_until.max(sent_at.saturating_add(self.ttl_ms));
    }

    /// Another worker's record shows a newer generation: what this one holds by an older one is void.
    pub(crate) fn adopt(&mut self, generation: u32) {
        self.generation = self.generation.max(generation);
    }

    pub(crate) fn is_valid(&self, now: u64) -> bool {
        now < self.valid_until
    }

    /// Whether to say something to the server, only so that the leases do not lapse.
    pub(crate) fn wants_renewal(&self, now: u64) -> bool {
        self.ttl_ms > 0 && now.saturating_add(self.ttl_ms.saturating_mul(2) / 3) >= self.valid_until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_counts_from_when_the_message_was_sent_and_never_goes_back() {
        let mut term = Term::default();
        assert!(!term.is_valid(0));
        term.renew(&LeaseTerm { generation: 3, ttl_ms: 900 }, 1_000);
        assert!(term.is_valid(1_899) && !term.is_valid(1_900));
        assert!(!term.wants_renewal(1_200) && term.wants_renewal(1_300));
        term.renew(&LeaseTerm { generation: 2, ttl_ms: 9_000 }, 1_500);
        assert_eq!((term.generation, term.is_valid(1_900)), (3, false));
    }
}
