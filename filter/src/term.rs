//! For how long this process may spend what it was granted.

use crate::clock::Reading;
use quota::proto::LeaseTerm;

/// The lease term as far as this worker knows it. The server counts from when it received a message, the worker
/// from when it sent it, so the worker stops first; and it stops when either of its clocks says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) generation: u32,
    /// When the message was sent that renewed it last.
    begun: Reading,
    /// 0 before there was any.
    ttl_ms: u64,
}

impl Term {
    /// Takes over what the server said in answer to a message sent at `sent`.
    pub(crate) fn renew(&mut self, said: &LeaseTerm, sent: Reading) {
        if said.generation < self.generation {
            return;
        }
        let renewed = Term { generation: said.generation, begun: sent, ttl_ms: said.ttl_ms.into() };
        // The process was told the longer one.
        let is_longer = renewed.ends_at() >= self.ends_at();
        *self = if is_longer { renewed } else { Term { generation: said.generation, ..*self } };
    }

    /// Another worker's record shows a newer generation: what this one holds by an older one is void.
    pub(crate) fn adopt(&mut self, generation: u32) {
        self.generation = self.generation.max(generation);
    }

    pub(crate) fn is_valid(&self, now: Reading) -> bool {
        now.is_within(self.ttl_ms, self.begun)
    }

    /// Whether to say something to the server, only so that the leases do not lapse.
    pub(crate) fn wants_renewal(&self, now: Reading) -> bool {
        self.ttl_ms > 0 && !now.is_within(self.ttl_ms.div_ceil(3), self.begun)
    }

    /// By the steady clock.
    fn ends_at(&self) -> u64 {
        self.begun.steady_ms().saturating_add(self.ttl_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Reading {
        Reading { steady_ns: ms * 1_000_000, unix_ms: 500_000 + ms }
    }

    #[test]
    fn a_term_counts_from_when_the_message_was_sent_and_never_goes_back() {
        let mut term = Term::default();
        assert!(!term.is_valid(at(0)) && !term.wants_renewal(at(0)));
        term.renew(&LeaseTerm { generation: 3, ttl_ms: 900 }, at(1_000));
        assert!(term.is_valid(at(1_899)) && !term.is_valid(at(1_900)));
        assert!(!term.wants_renewal(at(1_299)) && term.wants_renewal(at(1_300)));
        term.renew(&LeaseTerm { generation: 2, ttl_ms: 9_000 }, at(1_500));
        assert_eq!((term.generation, term.is_valid(at(1_900))), (3, false));
        term.renew(&LeaseTerm { generation: 3, ttl_ms: 300 }, at(1_500));
        assert!(term.is_valid(at(1_899)), "the longer one was promised");
    }

    #[test]
    fn no_step_of_the_wall_clock_makes_it_longer_and_a_suspended_machine_does_not_sleep_over_its_end() {
        let mut term = Term::default();
        term.renew(&LeaseTerm { generation: 1, ttl_ms: 900 }, at(1_000));
        let set_back = |ms| Reading { unix_ms: 0, ..at(ms) };
        assert!(term.is_valid(set_back(1_899)) && !term.is_valid(set_back(1_900)));
        // The steady clock did not run meanwhile.
        let woken = Reading { unix_ms: at(1_900).unix_ms, ..at(1_010) };
        assert!(!term.is_valid(woken) && term.wants_renewal(woken));
        term.renew(&LeaseTerm { generation: 2, ttl_ms: 900 }, woken);
        assert!(term.is_valid(Reading { unix_ms: woken.unix_ms + 899, ..at(1_909) }));
    }
}
