//! Many seeds; the same seed again; and planted bugs, each of which some seed finds.
//!
//! These are few, with the checks of a debug build; `./just test` plays thousands in an optimised one, and `./just simulate`
//! as many as you like.

use simulation::{Bug, Failure, Summary, play, run};

const SEEDS: u64 = 60;

#[test]
fn whatever_fails_no_budget_is_overspent_and_each_call_is_charged_once() {
    let (sum, failures): (Summary, Vec<Failure>) = play(0..SEEDS, None);
    println!("{SEEDS} seeds: {sum:?}");
    for failure in &failures {
        println!("{failure}\n    again, step by step: ./just simulate --seed {} --trace", failure.seed);
    }
    assert_eq!(failures.len(), 0);
    assert!(sum.is_eventful(SEEDS));
}

#[test]
fn a_seed_always_plays_the_same() {
    for seed in 0..10 {
        assert_eq!(run(seed, None, false), run(seed, None, false));
    }
}

/// The first seed that finds the bug. The rarest one shows in one of some two hundred; which ones changes with all that is
/// rolled before.
fn found(bug: Bug) -> Failure {
    (0..2_000)
        .find_map(|seed| run(seed, Some(bug), false).err())
        .unwrap_or_else(|| panic!("no seed finds {bug:?}"))
}

#[test]
fn every_planted_bug_is_found_and_its_seed_finds_it_again() {
    std::thread::scope(|scope| {
        for bug in Bug::ALL {
            scope.spawn(move || {
                let failure = found(bug);
                println!("{bug:?}: {failure}");
                assert_eq!(run(failure.seed, Some(bug), false), Err(failure.clone()));
                assert_eq!(run(failure.seed, None, false).err(), None, "the seed is at fault, not the bug");
            });
        }
    });
}
