#![cfg(not(target_arch = "wasm32"))]
//! Random lives of a bucket: whatever is granted, settled and lost in whatever order, every unit is in one place and
//! every call is charged once.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test; overflow fails it")]

use proptest::prelude::*;
use quota::{Account, Bucket, Lapse};

const LIMIT: u64 = 1_000;
const PROCESSES: usize = 3;

/// What happens next to one of the processes. Shares are of what it holds, in parts of 255.
#[derive(Clone, Copy, Debug)]
enum Step {
    Grant {
        process: usize,
        amount: u64,
    },
    /// Calls end: some of what the process holds is spent, some comes back. Reported now.
    Settle {
        process: usize,
        spent: u8,
        returned: u8,
    },
    /// The same, but the term lapses before the report arrives.
    LapseThenSettle {
        process: usize,
        spent: u8,
    },
    /// The process dies: no report ever.
    Die {
        process: usize,
        spent: u8,
    },
    SpendAtOnce {
        amount: u64,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let process = 0..PROCESSES;
    let step = prop_oneof![
        3 => (process.clone(), 1..400_u64).prop_map(|(process, amount)| Step::Grant { process, amount }),
        3 => (process.clone(), any::<u8>(), any::<u8>())
            .prop_map(|(process, spent, returned)| Step::Settle { process, spent, returned }),
        1 => (process.clone(), any::<u8>()).prop_map(|(process, spent)| Step::LapseThenSettle { process, spent }),
        1 => (process, any::<u8>()).prop_map(|(process, spent)| Step::Die { process, spent }),
        1 => (1..50_u64).prop_map(|amount| Step::SpendAtOnce { amount }),
    ];
    prop::collection::vec(step, 1..60)
}

fn part(amount: u64, share: u8) -> u64 {
    amount * u64::from(share) / 255
}

/// What really happened, kept apart from what is tested.
#[derive(Default)]
struct Truth {
    spent: u64,
    /// Held by processes that died, whatever they spent of it.
    lost: u64,
    lost_spent: u64,
}

fn run(steps: Vec<Step>, lapse: Lapse) -> (Bucket, [Account; PROCESSES], Truth) {
    let mut bucket = Bucket::default();
    let mut accounts = [Account::default(); PROCESSES];
    let mut truth = Truth::default();
    for step in steps {
        match step {
            Step::Grant { process, amount } => {
                let before = (bucket, accounts[process]);
                if bucket.grant(&mut accounts[process], LIMIT, amount).is_err() {
                    assert_eq!((bucket, accounts[process]), before, "a refusal changes nothing");
                    assert!(amount > bucket.remaining(LIMIT), "refused though it fits");
                }
            }
            Step::Settle { process, spent, returned } => {
                let held = accounts[process].outstanding;
                let spent = part(held, spent);
                assert_eq!(bucket.settle(&mut accounts[process], spent, part(held - spent, returned)), 0);
                truth.spent += spent;
            }
            Step::LapseThenSettle { process, spent } => {
                let held = accounts[process].outstanding;
                let spent = part(held, spent);
                // The next grant is under another generation, so in another account.
                let mut old = std::mem::take(&mut accounts[process]);
                bucket.lapse(&mut old, lapse);
                // Reported in two messages, the second corrects what the first left.
                let overshoot = bucket.settle(&mut old, spent, 0) + bucket.settle(&mut old, 0, held - spent);
                assert_eq!(overshoot, if lapse == Lapse::Spend { 0 } else { spent });
                assert_eq!(old, Account::default());
                truth.spent += spent;
            }
            Step::Die { process, spent } => {
                let held = accounts[process].outstanding;
                let mut old = std::mem::take(&mut accounts[process]);
                bucket.lapse(&mut old, lapse);
                truth.lost += held;
                truth.lost_spent += part(held, spent);
            }
            Step::SpendAtOnce { amount } => {
                if bucket.spend(LIMIT, amount).is_ok() {
                    truth.spent += amount;
                }
            }
        }
        let held: u64 = accounts.iter().map(|account| account.outstanding).sum();
        assert_eq!(bucket.outstanding, held, "the bucket knows what processes hold");
        if lapse == Lapse::Spend {
            assert!(bucket.used + bucket.outstanding <= LIMIT, "{bucket:?}");
            assert!(truth.spent + truth.lost_spent <= LIMIT, "no overspend, even by the dead");
        }
    }
    (bucket, accounts, truth)
}

proptest! {
    #[test]
    fn lost_leases_that_count_as_spent_never_let_the_limit_be_exceeded(steps in steps()) {
        let (bucket, _, truth) = run(steps, Lapse::Spend);
        prop_assert_eq!(bucket.used, truth.spent + truth.lost);
    }

    #[test]
    fn lost_leases_that_are_released_charge_exactly_what_was_reported(steps in steps()) {
        let (bucket, _, truth) = run(steps, Lapse::Release);
        prop_assert_eq!(bucket.used, truth.spent);
    }

    #[test]
    fn nothing_wraps_or_panics_whatever_is_claimed(
        used: u64, held: u64, lost: u64, spent: u64, returned: u64, limit: u64, amount: u64,
    ) {
        let mut bucket = Bucket { used, outstanding: held, ..Bucket::default() };
        let mut account = Account { outstanding: held, written_off: lost };
        bucket.settle(&mut account, spent, returned);
        prop_assert!(account.outstanding <= held && account.written_off <= lost && bucket.outstanding <= held);
        prop_assert!(bucket.remaining(limit) <= limit);
        let _ = bucket.grant(&mut account, limit, amount);
        bucket.lapse(&mut account, Lapse::Spend);
        prop_assert_eq!(account.outstanding, 0);
    }
}
