//! Counts the same texts with everything there is, interleaved: `cargo bench -p tokens -- TEXTS [ROUNDS]`, `TEXTS` being a
//! folder that `benches/texts.py` made. `benches/run.py` runs this and the same as wasm, and makes tables of it.
//!
//! A line for each figure: what it is, the text, bytes in a piece, who counted, the figure. Each text is cut into
//! pieces; *fresh* counts each once, the texts taking turns, so that what the machine learnt of a piece is mostly
//! forgotten when it comes back (and all of what we keep of it ourselves); *again* counts the first piece over and over.
//! Both are MB/s, medians of the rounds. *worst* is the milliseconds that a text takes which makes some slow.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing)] // A bench.

mod contenders;

use contenders::{CONTENDERS, cut, forget};
use std::{env, fs, hint::black_box, panic, path::Path, time::Duration};

/// Bytes in a piece: all texts are counted with the first, these few with the others.
const SIZES: [usize; 5] = [10_000, 1_000, 2_000, 100_000, 1_000_000];
const EVERY_SIZE: [&str; 4] = ["chat", "chinese", "code", "prose"];

fn main() {
    let arguments: Vec<String> = env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let folder = Path::new(arguments.first().map_or("target/texts", |folder| folder.as_str()));
    let rounds: usize = arguments.get(1).and_then(|rounds| rounds.parse().ok()).unwrap_or(5);

    for (who, count) in CONTENDERS {
        println!("start\t-\t1\t{who}\t{:.4}", 1e3 * took(|| count("x")).1);
    }
    let texts = texts(folder);
    for size in SIZES {
        let some = texts.iter().filter(|(name, _)| size == SIZES[0] || EVERY_SIZE.contains(&name.as_str()));
        real(&some.collect::<Vec<_>>(), size, rounds);
    }
    worst(&texts_of(&folder.join("worst")));
}

fn real(texts: &[&(String, String)], size: usize, rounds: usize) {
    let mut fresh = vec![vec![Vec::new(); CONTENDERS.len()]; texts.len()];
    let mut again = fresh.clone();
    for _ in 0..rounds {
        for (at, (name, text)) in texts.iter().enumerate() {
            let pieces = cut(text, size);
            let mut counts = Vec::new();
            for (who, (_, count)) in CONTENDERS.iter().enumerate() {
                let all = || pieces.iter().map(|piece| count(black_box(piece))).sum::<u64>();
                forget();
                let (tokens, seconds) = took(all);
                counts.push(tokens);
                fresh[at][who].push(text.len() as f64 / 1e6 / seconds);
                let times = text.len() / pieces[0].len();
                let (_, seconds) = took(|| (0..times).map(|_| count(black_box(pieces[0]))).sum());
                again[at][who].push((times * pieces[0].len()) as f64 / 1e6 / seconds);
            }
            assert!(counts.windows(2).all(|two| two[0] == two[1]), "{name}: {counts:?}");
        }
    }
    for (at, (name, _)) in texts.iter().enumerate() {
        for (who, (contender, _)) in CONTENDERS.iter().enumerate() {
            println!("fresh\t{name}\t{size}\t{contender}\t{:.1}", median(&mut fresh[at][who]));
            println!("again\t{name}\t{size}\t{contender}\t{:.1}", median(&mut again[at][who]));
        }
    }
}

fn worst(texts: &[(String, String)]) {
    panic::set_hook(Box::new(|_| ()));
    for (name, text) in texts {
        for (who, count) in CONTENDERS {
            let figure = match panic::catch_unwind(|| took(|| count(text))) {
                Ok((_, seconds)) => format!("{:.2}", 1e3 * seconds),
                Err(_) => "panics".into(),
            };
            println!("worst\t{name}\t{}\t{who}\t{figure}", text.len());
        }
    }
}

fn took(count: impl FnOnce() -> u64) -> (u64, f64) {
    let start = now();
    let tokens = black_box(count());
    (tokens, (now() - start).as_secs_f64())
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

fn texts(folder: &Path) -> Vec<(String, String)> {
    let texts = texts_of(folder);
    assert!(!texts.is_empty(), "no texts in {}: make them with benches/texts.py", folder.display());
    texts
}

fn texts_of(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "txt")).collect();
    files.sort();
    let name = |path: &Path| path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|path| (name(path), fs::read_to_string(path).expect("UTF-8"))).collect()
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
