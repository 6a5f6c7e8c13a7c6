//! How much to grant beyond what one request needs.

/// Parts of a subject's free amount that an unknown demand starts with, per process.
const START: u64 = 16;

/// Ticks of demand a lease should last for, so that it is refilled before it runs dry.
const TICKS: u64 = 2;

/// What to add to a grant, in the bucket's unit.
///
/// * `free`: what the bucket has left after the need itself.
/// * `demand`: what the asking worker reserved in its last tick, 0 if unknown.
/// * `holders`: processes that hold some of the bucket, the asking one included.
///
/// Two ticks of demand, but never more than half of an equal share of what is free: each grant leaves at least half for
/// later, so leases halve as the limit nears, and the last units (fewer than two per holder) go out only as needs. Without
/// a known demand it is a sixteenth of that equal share.
#[must_use]
pub fn extra(free: u64, demand: u64, holders: u64) -> u64 {
    let share = |parts: u64| free.checked_div(parts.saturating_mul(holders.max(1))).unwrap_or(0);
    match demand {
        0 => share(START),
        demand => demand.saturating_mul(TICKS).min(share(2)),
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plenty_left_gives_two_ticks_of_demand() {
        assert_eq!(extra(100_000, 300, 4), 600);
    }

    #[test]
    fn little_left_is_shared_and_half_of_it_kept_back() {
        assert_eq!(extra(100, 300, 1), 50);
        assert_eq!(extra(100, 300, 5), 10);
    }

    #[test]
    fn near_the_limit_nothing_is_given_away() {
        assert_eq!(extra(0, 300, 1), 0);
        assert_eq!(extra(9, 300, 5), 0);
    }

    #[test]
    fn an_unknown_demand_starts_small() {
        assert_eq!(extra(16_000, 0, 1), 1_000);
        assert_eq!(extra(16_000, 0, 10), 100);
    }

    proptest! {
        #[test]
        fn at_most_half_of_what_is_free_whatever_the_demand(free: u64, demand: u64, holders: u64) {
            prop_assert!(extra(free, demand, holders) <= free / 2);
        }

        #[test]
        fn never_grows_as_the_limit_nears(free: u64, less: u64, demand: u64, holders in 0..1_000_u64) {
            let nearer = free.saturating_sub(less);
            prop_assert!(extra(nearer, demand, holders) <= extra(free, demand, holders));
        }
    }
}
