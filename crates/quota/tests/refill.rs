#![cfg(not(target_arch = "wasm32"))]
//! Buckets that drain: exactly, and against all that was spent, span by span.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test; overflow fails it")]

use proptest::prelude::*;
use quota::{Account, Bucket, Lapse, Rate};

const NOW: u64 = 1_795_456_800_000;
/// Three units in a second: one takes 333.3 ms.
const RATE: Rate = Rate { amount: 3, ms: 1_000 };

fn used(amount: u64) -> Bucket {
    let mut bucket = Bucket::default();
    bucket.drain(RATE, NOW);
    assert_eq!(bucket.spend(100, amount), Ok(()));
    bucket
}

fn left_after(mut bucket: Bucket, times: impl IntoIterator<Item = u64>) -> u64 {
    times.into_iter().for_each(|ms| bucket.drain(RATE, NOW + ms));
    bucket.used
}

#[test]
fn it_drains_at_the_rate_however_often_that_is_looked_at() {
    assert_eq!(left_after(used(10), [333]), 10);
    assert_eq!(left_after(used(10), [334]), 9);
    assert_eq!(left_after(used(10), [1_000]), 7);
    assert_eq!(left_after(used(10), 0..=1_001), 7);
    assert_eq!(left_after(used(10), [10_000]), 0);
    // What came after it had run empty does not drain by time that was before.
    let mut bucket = used(1);
    bucket.drain(RATE, NOW + 10_000);
    bucket.spend(100, 5).unwrap();
    assert_eq!(left_after(bucket, [10_333]), 5);
    // A server whose clock is behind.
    assert_eq!(left_after(used(10), [1_000, 500, 1_333]), 7);
}

#[test]
fn when_a_need_will_fit_is_said_to_the_millisecond() {
    let bucket = used(98);
    for (need, ms) in [(2, Some(0)), (3, Some(334)), (4, Some(667)), (5, Some(1_000)), (101, None)] {
        assert_eq!(bucket.refills_in(RATE, 100, need, NOW), ms, "{need}");
        if let Some(ms) = ms.filter(|ms| *ms > 0) {
            assert!(left_after(bucket, [ms]) + need <= 100 && left_after(bucket, [ms - 1]) + need > 100);
        }
    }
    let mut later = bucket;
    later.drain(RATE, NOW + 400);
    assert_eq!(later.refills_in(RATE, 100, 4, NOW + 400), Some(267));
}

#[test]
fn a_lost_lease_that_has_drained_does_not_come_back_as_well() {
    let (mut bucket, mut account) = (used(0), Account::default());
    bucket.grant(&mut account, 100, 60).unwrap();
    bucket.lapse(&mut account, Lapse::Spend);
    bucket.drain(RATE, NOW + 10_000);
    assert_eq!(bucket.used, 30);
    assert_eq!(bucket.settle(&mut account, 20, 40), 0);
    assert_eq!((bucket.used, account.written_off), (30, 0));
}

#[test]
fn what_is_added_at_an_unknown_rate_does_not_drain_by_time_before() {
    let mut bucket = used(10);
    bucket.keep_from_draining(NOW + 5_000);
    bucket.settle(&mut Account::default(), 7, 0);
    assert_eq!(left_after(bucket, [5_333]), 17);
    let mut other = Bucket::default();
    other.keep_from_draining(NOW);
    assert_eq!(other, Bucket::default());
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Grant {
        process: usize,
        amount: u64,
    },
    /// The process spends part of what it holds, now.
    Spend {
        process: usize,
        share: u8,
    },
    /// It reports all it has spent, and gives back part of the rest.
    Report {
        process: usize,
        share: u8,
    },
    /// Its term lapses before it reports: of an old account it may spend no more.
    Lapse {
        process: usize,
    },
    AtOnce {
        amount: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
    let process = 0..3_usize;
    let step = prop_oneof![
        4 => (process.clone(), 1..60_u64).prop_map(|(process, amount)| Step::Grant { process, amount }),
        4 => (process.clone(), any::<u8>()).prop_map(|(process, share)| Step::Spend { process, share }),
        3 => (process.clone(), any::<u8>()).prop_map(|(process, share)| Step::Report { process, share }),
        1 => process.prop_map(|process| Step::Lapse { process }),
        1 => (1..40_u64).prop_map(|amount| Step::AtOnce { amount }),
    ];
    prop::collection::vec((prop_oneof![3 => 0..200_u64, 1 => 0..20_000_u64], step), 1..80)
}

#[derive(Clone, Copy, Default)]
struct Process {
    account: Account,
    lapsed: Account,
    unspent: u64,
    unreported: u64,
}

fn part(of: u64, share: u8) -> u64 {
    of * u64::from(share) / 255
}

proptest! {
    /// Against all that was spent, span by span.
    #[test]
    fn no_span_holds_more_than_the_burst_and_what_drains_in_it(steps in steps(), amount in 1..200_u64, burst in 20..100_u64) {
        let rate = Rate { amount, ms: 10_000 };
        let (mut bucket, mut processes) = (Bucket::default(), [Process::default(); 3]);
        let (mut now, mut spendings) = (NOW, Vec::new());
        for (waited, step) in steps {
            now += waited;
            bucket.drain(rate, now);
            match step {
                Step::Grant { process, amount } => {
                    let process = &mut processes[process];
                    if bucket.grant(&mut process.account, burst, amount).is_ok() {
                        process.unspent += amount;
                    }
                }
                Step::Spend { process, share } => {
                    let process = &mut processes[process];
                    let spent = part(process.unspent, share);
                    process.unspent -= spent;
                    process.unreported += spent;
                    spendings.push((now, spent));
                }
                Step::Report { process, share } => {
                    let process = &mut processes[process];
                    let back = part(process.unspent, share);
                    process.unspent -= back;
                    let spent = std::mem::take(&mut process.unreported);
                    bucket.settle(&mut process.account, spent, back);
                    let lost = process.lapsed.written_off;
                    bucket.settle(&mut process.lapsed, 0, lost);
                }
                Step::Lapse { process } => {
                    let process = &mut processes[process];
                    bucket.lapse(&mut process.account, Lapse::Spend);
                    process.lapsed = std::mem::take(&mut process.account);
                    (process.unspent, process.unreported) = (0, 0);
                }
                Step::AtOnce { amount } => {
                    if bucket.spend(burst, amount).is_ok() {
                        spendings.push((now, amount));
                    }
                }
            }
        }
        for (first, (from, _)) in spendings.iter().enumerate() {
            let mut within = 0;
            for (at, spent) in &spendings[first..] {
                within += spent;
                let drains = (u128::from(at - from) * u128::from(amount)).div_ceil(10_000);
                prop_assert!(u128::from(within) <= u128::from(burst) + drains, "{within} in {} ms", at - from);
            }
        }
    }
}
