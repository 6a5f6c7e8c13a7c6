//! Builds the character class tables that `src/class.rs` reads, from the Unicode tables of `regex-syntax`: the ones
//! the tokenisers' own regular expressions use.
#![allow(clippy::arithmetic_side_effects, clippy::expect_used, clippy::indexing_slicing, clippy::panic)] // Runs on a desk, not in a proxy.

use regex_syntax::hir::{Class, HirKind};
use std::fmt::Write as _;

/// The Unicode version of `regex-syntax` 0.8's tables (said at the head of each of them).
const UNICODE_VERSION: &str = "16.0.0";
const BLOCK: usize = 64;

/// Class numbers, as in `src/class.rs`; a later line wins over an earlier one.
const CLASSES: &[(&str, u8)] = &[
    (r"\s", 1),
    (r"[\r\n]", 2),
    (r"\p{N}", 3),
    (r"\p{M}", 4),
    (r"[\p{Lm}\p{Lo}]", 5),
    (r"[\p{Lu}\p{Lt}]", 6),
    (r"\p{Ll}", 7),
];

/// The class of every code point.
pub(crate) fn classes() -> Vec<u8> {
    let mut classes = vec![0; 0x11_0000];
    for (pattern, class) in CLASSES {
        let hir = regex_syntax::parse(pattern).expect("a class");
        match hir.kind() {
            HirKind::Class(Class::Unicode(set)) => {
                for range in set.iter() {
                    classes[range.start() as usize..=range.end() as usize].fill(*class);
                }
            }
            other => panic!("{pattern} is no class: {other:?}"),
        }
    }
    classes
}

/// The source text of `src/class_table.rs`: the classes in blocks of 64 code points, two to a byte, equal blocks once.
pub(crate) fn source() -> String {
    let classes = classes();
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let mut index = Vec::new();
    for block in classes.chunks(BLOCK) {
        let packed: Vec<u8> = block.chunks(2).map(|two| two[0] | two[1] << 4).collect();
        let at = blocks.iter().position(|known| *known == packed).unwrap_or_else(|| {
            blocks.push(packed);
            blocks.len() - 1
        });
        index.push(at as u16);
    }
    // From here on everything is unassigned, private or a variation selector of one kind: one class to the end.
    let last = *index.last().expect("blocks");
    while index.len() >= 2 && index[index.len() - 2] == last {
        index.pop();
    }
    let mut out = format!(
        "//! Unicode {UNICODE_VERSION}. Made by `cargo run -p tokens --example generate`; do not edit.\n\n"
    );
    let bytes: Vec<u8> = blocks.concat();
    array(
        &mut out,
        "Which block of [`BLOCKS`] holds each 64 code points; the last one holds all that follow.",
        "INDEX",
        "u16",
        &index,
    );
    array(
        &mut out,
        "Classes, two code points to a byte, the lower one in the lower half.",
        "BLOCKS",
        "u8",
        &bytes,
    );
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn array<T: std::fmt::Display>(out: &mut String, doc: &str, name: &str, of: &str, values: &[T]) {
    let _ =
        writeln!(out, "/// {doc}\n#[rustfmt::skip]\npub(crate) static {name}: [{of}; {}] = [", values.len());
    for line in values.chunks(24) {
        let line: Vec<String> = line.iter().map(T::to_string).collect();
        let _ = writeln!(out, "    {},", line.join(", "));
    }
    let _ = writeln!(out, "];\n");
}
