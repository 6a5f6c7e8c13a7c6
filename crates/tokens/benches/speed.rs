//! Counts the same texts with everything there is, interleaved: `cargo bench -p tokens -- [TEXTS] [kB a piece] [rounds]`.
//!
//! `TEXTS` is a folder of `*.txt`, as `benches/texts.py` makes it. Each text is cut into pieces; *fresh* counts each
//! once a round, the texts taking turns, so that what the machine learnt of a piece is mostly forgotten when it comes back;
//! *again* counts the first piece over and over. In MB/s, medians of the rounds.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)] // A bench.

use std::{env, fs, hint::black_box, time::Duration};
use tokens::Encoding;

type Count = fn(&str) -> u64;

const CONTENDERS: &[(&str, Count)] = &[
    ("tokens", |text| tokens::count(Encoding::O200kBase, text)),
    ("tiktoken-rs", |text| tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64),
    ("bpe-openai", |text| bpe_openai::o200k_base().count(text) as u64),
    ("tiktoken", |text| tiktoken::get_encoding("o200k_base").expect("built in").count(text) as u64),
];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = arguments.first().map_or("target/texts", |folder| folder.as_str());
    let size = arguments.get(1).and_then(|kb| kb.parse().ok()).unwrap_or(10.0) * 1000.0;
    let rounds: usize = arguments.get(2).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);
    let only = arguments.get(3).map_or("", |only| only.as_str());
    let contenders: Vec<_> = CONTENDERS.iter().filter(|(name, _)| only.is_empty() || *name == only).collect();

    print!("{:12}", "start, ms");
    for (name, count) in &contenders {
        let start = now();
        black_box(count("x"));
        print!("{name:>13} {:6.2}", (now() - start).as_secs_f64() * 1e3);
    }
    println!("\n{:12}{}", "MB/s", "        fresh  again".repeat(contenders.len()));
    let mut texts: Vec<_> =
        fs::read_dir(folder).expect("a folder of texts").flatten().map(|entry| entry.path()).collect();
    texts.sort();
    let texts: Vec<(String, String)> = texts
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            (
                path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
                fs::read_to_string(path).expect("UTF-8"),
            )
        })
        .collect();

    let mut fresh = vec![vec![Vec::new(); contenders.len()]; texts.len()];
    let mut again = fresh.clone();
    for _ in 0..rounds {
        for (at, (name, text)) in texts.iter().enumerate() {
            let pieces = cut(text, size as usize);
            let mut counts = Vec::new();
            for (who, (_, count)) in contenders.iter().enumerate() {
                let start = now();
                counts.push(pieces.iter().map(|piece| count(black_box(piece))).sum::<u64>());
                fresh[at][who].push(text.len() as f64 / 1e6 / (now() - start).as_secs_f64());
                let start = now();
                let times = text.len() / pieces[0].len();
                for _ in 0..times {
                    black_box(count(black_box(pieces[0])));
                }
                again[at][who].push((times * pieces[0].len()) as f64 / 1e6 / (now() - start).as_secs_f64());
            }
            assert!(counts.windows(2).all(|two| two[0] == two[1]), "{name}: {counts:?}");
        }
    }
    for (at, (name, _)) in texts.iter().enumerate() {
        print!("{name:12}");
        for who in 0..contenders.len() {
            print!("{:13.0} {:6.0}", median(&mut fresh[at][who]), median(&mut again[at][who]));
        }
        println!();
    }
}

/// Time this thread has run, where the system says it (other work on the machine then disturbs less), else the clock's.
fn now() -> Duration {
    #[cfg(unix)]
    return cpu_time::ThreadTime::now().as_duration();
    #[cfg(not(unix))]
    {
        static START: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

fn cut(mut text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let at = (size..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (piece, rest) = text.split_at(at);
        pieces.push(piece);
        text = rest;
    }
    pieces
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
