//! `fuzz [--seconds N] [--seed N] [TARGET...]`: all targets, or those whose name contains one of the words, for so long
//! altogether. What fails is kept in `target/fuzz/failures`, and the exit status is 1.
//!
//! `fuzz --list` prints their names, `fuzz --seeds DIRECTORY TARGET` writes the seeds of one (for libFuzzer),
//! `fuzz --input FILE TARGET` checks one input.

use fuzz::{Failure, Run, Target, all};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Default)]
struct Options {
    seconds: Option<u64>,
    seed: Option<u64>,
    list: bool,
    seeds: Option<PathBuf>,
    input: Option<PathBuf>,
    words: Vec<String>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut options = Options::default();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} of what?"));
        match argument.as_str() {
            "--seconds" => options.seconds = Some(value()?.parse()?),
            "--seed" => options.seed = Some(value()?.parse()?),
            "--list" => options.list = true,
            "--seeds" => options.seeds = Some(value()?.into()),
            "--input" => options.input = Some(value()?.into()),
            word if !word.starts_with('-') => options.words.push(word.to_owned()),
            other => return Err(format!("unknown option {other}").into()),
        }
    }
    Ok(options)
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = options()?;
    let wanted = |target: &Target| {
        options.words.is_empty() || options.words.iter().any(|word| target.name.contains(word.as_str()))
    };
    let targets: Vec<Target> = all().into_iter().filter(wanted).collect();
    if targets.is_empty() {
        return Err("no such target".into());
    }
    if options.list {
        targets.iter().for_each(|target| println!("{}", target.name));
        return Ok(());
    }
    if let Some(file) = options.input {
        let input = std::fs::read(file)?;
        targets.iter().for_each(|target| (target.check)(&input));
        return Ok(());
    }
    if let Some(directory) = options.seeds {
        std::fs::create_dir_all(&directory)?;
        for (number, seed) in targets.iter().flat_map(|target| &target.seeds).enumerate() {
            std::fs::write(directory.join(format!("seed-{number}")), seed)?;
        }
        return Ok(());
    }
    fuzz_all(&targets, options.seconds.unwrap_or(60), options.seed)
}

fn fuzz_all(targets: &[Target], seconds: u64, seed: Option<u64>) -> Result<(), Box<dyn Error>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let seed = seed.unwrap_or(now);
    let time = Duration::from_secs(seconds) / u32::try_from(targets.len())?;
    println!("seed {seed}, {:.1} s for each of {} targets", time.as_secs_f64(), targets.len());
    // A panic is told below, with its input.
    std::panic::set_hook(Box::new(|_| {}));
    let mut failed = 0;
    for target in targets {
        match (Run { inputs: u64::MAX, time, seed }).fuzz(target) {
            Ok(inputs) => println!("{:44} {inputs:>9} inputs", target.name),
            Err(failure) => {
                failed += 1;
                let file = keep(&failure)?;
                println!("{:44} FAILED: {}\n{:44} {}", target.name, failure.why, "", file.display());
            }
        }
    }
    if failed > 0 { Err(format!("{failed} targets failed").into()) } else { Ok(()) }
}

fn keep(failure: &Failure) -> std::io::Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/fuzz/failures");
    std::fs::create_dir_all(&folder)?;
    let file = folder.canonicalize()?.join(failure.target.replace('/', "-"));
    std::fs::write(&file, &failure.input)?;
    Ok(file)
}
