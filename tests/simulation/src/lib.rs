//! The whole protocol in a simulated world, from a seed: several Envoys with several workers each, which run the real
//! filter; servers, which run the real service over the real stores; and a network, clocks and machines that fail. Time is
//! virtual, everything is decided by the seed, and after every step the books are compared with what really happened.
//!
//! * [`run`] plays one seed; [`Failure`] says what did not hold, and when.
//! * `scene`: what a seed's world is made of.
//! * `world`: the events and their order. Workers of a process also run in between each other's accesses to shared data.
//! * `stores`: what servers share. Servers also come in between each other's reading and committing.
//! * `replica`: the Redis among them, whose replica lags and takes over.
//! * `traffic`, `network`, `faults`: what happens in it.
//! * `books`: what really happened, kept apart from what is tested, and the invariants; `kept`: what the store must have of it.
//! * [`Bug`]: faults that can be planted, to see that they are found.

mod books;
mod brief;
mod bug;
mod dice;
mod envoy;
mod faults;
mod kept;
mod network;
mod provider;
mod replica;
mod scene;
mod server;
mod stores;
mod traffic;
mod world;

pub use bug::Bug;
pub use world::{Failure, Summary, run};

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Plays many seeds on all cores. Answers the sums of those that held, and the failures.
#[must_use]
pub fn play(seeds: Range<u64>, bug: Option<Bug>) -> (Summary, Vec<Failure>) {
    let next = AtomicU64::new(seeds.start);
    let total = Mutex::new((Summary::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(seed) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < seeds.end)
                {
                    let played = run(seed, bug, false);
                    let mut total = total.lock().expect("nobody panics with it");
                    match played {
                        Ok(summary) => total.0.add(&summary),
                        Err(failure) => total.1.push(failure),
                    }
                }
            });
        }
    });
    total.into_inner().expect("nobody panics with it")
}
