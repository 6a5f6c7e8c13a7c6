//! Counts files, or what comes on standard input, as a model does:
//!
//! ```sh
//! cargo run --release -p tokens --example count -- gpt-4o README.md
//! ```
//!
//! A text alone: what is put around messages is not in it. A model whose vocabulary is not carried is estimated.

use std::{env, error::Error, fs, io};
use tokens::{Cache, Known, Learned, Model};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let name = arguments.next().ok_or("say a model's name, then files if there are any")?;
    let files: Vec<String> = arguments.collect();
    let (model, mut cache) = (Model::of(&name), Cache::new());
    if files.is_empty() {
        tell(&model, &mut cache, "-", &io::read_to_string(io::stdin())?);
    }
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
        tell(&model, &mut cache, &file, &text);
    }
    Ok(())
}

fn tell(model: &Model, cache: &mut Cache, name: &str, text: &str) {
    let tokens = cache.count(model.encoding, text);
    match model.known {
        Known::Exact => println!("{tokens:>9} {name}"),
        Known::Estimated => {
            println!("{:>9} {name} (estimated)", Learned::of(model).estimate_output(tokens));
        }
    }
}
