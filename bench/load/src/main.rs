//! The two ends of the benchmark: a mock provider that costs next to nothing, and a closed-loop client that believes
//! no answer it has not checked. `bench/run.py` puts Envoy between them.
#![forbid(unsafe_code)]

mod canned;
mod connection;
mod drive;
mod framing;
mod prompts;
mod quantiles;
mod upstream;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "The ends of the benchmark: a mock provider and a checking client")]
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
            println!("{}", serde_json::to_string(&report).unwrap_or_default());
            match report.failure {
                None => ExitCode::SUCCESS,
                Some(failure) => fail(&failure),
            }
        }
    }
}

fn fail(why: &str) -> ExitCode {
    eprintln!("bench-load: {why}");
    ExitCode::FAILURE
}
