//! A fixed number of inputs for every reader, the same ones every time. `./just fuzz` goes on from there.

use fuzz::{Failure, Run, all};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What is measured of memory is of the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn check(group: &str, inputs: u64) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let run = Run { inputs, time: Duration::from_secs(600), seed: 1 };
    let targets: Vec<_> = all().into_iter().filter(|target| target.name.starts_with(group)).collect();
    assert!(!targets.is_empty());
    // What fails is told below, with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let mut failures = Vec::new();
    for target in &targets {
        match run.fuzz(target) {
            Ok(checked) => println!("{:40} {checked:>7} inputs", target.name),
            Err(failure) => failures.push(said(&failure)),
        }
    }
    drop(std::panic::take_hook());
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

fn said(failure: &Failure) -> String {
    let input = String::from_utf8_lossy(&failure.input);
    let shown: String = input.chars().take(600).collect();
    format!("{}: {}\n  of {} bytes: {shown:?}", failure.target, failure.why, failure.input.len())
}

#[test]
fn requests() {
    check("request/", 300);
}

#[test]
fn responses() {
    check("response/", 300);
}

#[test]
fn content_codings() {
    check("decoder/", 300);
}

#[test]
fn names() {
    check("names/", 2_000);
}
