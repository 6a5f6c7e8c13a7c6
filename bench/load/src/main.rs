//! The ends of the benchmarks: a mock provider that costs next to nothing, and closed-loop clients that believe no answer
//! they have not checked. `bench/run.py` puts Envoy between them, `bench/quota.py` asks a quota server.
#![forbid(unsafe_code)]

mod ask;
mod canned;
mod connection;
mod drive;
mod framing;
mod prompts;
mod quantiles;
mod upstream;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use serde::Serialize;

#[derive(Parser)]
#[command(about = "The ends of the benchmarks: a mock provider and checking clients")]
struct Arguments {
    #[command(subcommand)]
    end: End,
}

#[derive(Subcommand)]
enum End {
    /// Answer chat completions on a free loopback port, printed as the first line
    Upstream,
    /// Send chat completions in a closed loop and print what they took, as JSON
    Drive(drive::Drive),
    /// Ask a quota server in a closed loop and print what it took, as JSON
    Ask(ask::Ask),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // One thread each: the ends share one core, and a second thread would only add switches.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match arguments.end {
        End::Upstream => match runtime.block_on(upstream::serve()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error.to_string()),
        },
        End::Drive(drive) => {
            let report = runtime.block_on(drive.run());
            print(&report, report.failure.as_deref())
        }
        End::Ask(ask) => {
            let report = runtime.block_on(ask.run());
            print(&report, report.failure.as_deref())
        }
    }
}

fn print(report: &impl Serialize, failure: Option<&str>) -> ExitCode {
    println!("{}", serde_json::to_string(report).unwrap_or_default());
    failure.map_or(ExitCode::SUCCESS, fail)
}

fn fail(why: &str) -> ExitCode {
    eprintln!("bench-load: {why}");
    ExitCode::FAILURE
}
