//! Makes the tables of this crate anew: `cargo run --release -p tokens --example generate`.
//!
//! The ranks come from `tiktoken-rs`, which carries OpenAI's published rank files, the character classes from
//! `regex-syntax`. The output is the same on every machine; a test compares it with what is checked in.

mod classes;
mod vocabulary;

use std::{fs, path::Path};

fn main() -> std::io::Result<()> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let o200k = vocabulary::tokens(tiktoken_rs::o200k_base_singleton(), 199_998);
    fs::write(home.join("data/o200k_base.bin"), vocabulary::blob(&o200k))?;
    let cl100k = vocabulary::tokens(tiktoken_rs::cl100k_base_singleton(), 100_256);
    fs::write(home.join("data/cl100k_base.bin"), vocabulary::blob(&cl100k))?;
    fs::write(home.join("src/class_table.rs"), classes::source())
}
