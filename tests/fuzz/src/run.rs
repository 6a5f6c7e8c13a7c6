//! One target, input after input.

use crate::memory::peak;
use crate::{Random, Target, mutate};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// An input for which something does not hold.
#[derive(Debug)]
pub struct Failure {
    pub target: String,
    pub input: Vec<u8>,
    pub why: String,
}

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub inputs: u64,
    pub time: Duration,
    pub seed: u64,
}

impl Run {
    /// Checks the seeds, then mutations of them. The number of inputs checked, or the first that fails.
    ///
    /// # Errors
    /// The failure.
    pub fn fuzz(&self, target: &Target) -> Result<u64, Failure> {
        let began = Instant::now();
        let keys = mutate::keys(&target.seeds);
        let mut random = Random::new(self.seed);
        for seed in &target.seeds {
            check(target, seed.clone())?;
            check(target, mutate::swell(&mut random, seed, 64 << 10))?;
        }
        let mut checked = target.seeds.len() as u64 * 2;
        for _ in 0..self.inputs {
            if began.elapsed() > self.time {
                break;
            }
            check(target, mutate::mutate(&mut random, &target.seeds, &keys))?;
            checked += 1;
        }
        Ok(checked)
    }
}

fn check(target: &Target, input: Vec<u8>) -> Result<(), Failure> {
    let (done, bytes) = peak(|| catch_unwind(AssertUnwindSafe(|| (target.check)(&input))));
    let why = match done {
        // What the checks themselves keep to compare is in it; what readers may take, they look at.
        Ok(()) if bytes <= MOST + 64 * input.len() => return Ok(()),
        Ok(()) => format!("it took {bytes} bytes of memory for {} of input", input.len()),
        Err(panic) => message(panic.as_ref()),
    };
    Err(Failure { target: target.name.clone(), input, why })
}

const MOST: usize = 32 << 20;

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}
