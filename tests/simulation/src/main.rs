//! Plays seeds: `simulate --seeds 100000`, or one of them step by step: `simulate --seed 17 --trace`.

use clap::Parser;
use simulation::{Failure, Summary, play, run};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seeds between two lines of progress.
const AT_ONCE: u64 = 10_000;

#[derive(Parser)]
struct Options {
    /// How many seeds
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them [default: as the clock says, so that each run plays new ones]
    #[arg(long)]
    from: Option<u64>,
    /// Only this one
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: print everything that happens
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut failed = false;
    if let Some(seed) = options.seed {
        let (sum, failures) = match run(seed, None, options.trace) {
            Ok(summary) => (summary, vec![]),
            Err(failure) => (Summary::default(), vec![failure]),
        };
        failed = report(1, &sum, &failures);
    } else {
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let from = options.from.unwrap_or(clock * 1_000_000);
        for begin in (from..from + options.seeds).step_by(usize::try_from(AT_ONCE).unwrap_or(usize::MAX)) {
            let end = (begin + AT_ONCE).min(from + options.seeds);
            let (sum, failures) = play(begin..end, None);
            failed |= report(end - begin, &sum, &failures);
            if !sum.is_eventful(end - begin) {
                println!("hardly anything happened");
                failed = true;
            }
        }
    }
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Answers whether anything failed.
fn report(seeds: u64, sum: &Summary, failures: &[Failure]) -> bool {
    for failure in failures {
        println!("{failure}\n    again, step by step: ./just simulate --seed {} --trace", failure.seed);
    }
    println!(
        "{seeds} seeds, {} h of virtual time: {} calls ({} admitted, {} refused), {} acquires, {} syncs, {} messages \
         in trouble, {} faults; {} failed",
        sum.virtual_ms / 3_600_000,
        sum.calls,
        sum.admitted,
        sum.refused,
        sum.acquires,
        sum.syncs,
        sum.troubles,
        sum.faults,
        failures.len()
    );
    !failures.is_empty()
}
