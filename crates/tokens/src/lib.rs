//! Token counts and token classes: what a call consumes, and how much text that is.
//!
//! * [`Usage`] holds what one call consumed, in disjoint [`TokenClass`]es.
//! * [`Encoding`] names a vocabulary; [`Model`] tells from a model's name which one it uses and whether that is known.
//! * [`count`] counts a text exactly, [`count_within`] for a bounded amount of work, [`exceeds`] stops as soon as it
//!   knows.
//! * [`Counter`] counts a text that arrives in pieces, [`count_with_special`] one that holds control tokens.
//! * [`Learned`] estimates what a model with another tokenizer counts, and learns it from what its provider reports.
//! * [`ImageRule`], [`image_size`], [`audio_milliseconds`] tell what images and recordings cost.
//! * [`upper_bound`] and [`lower_bound`] bound a count without looking at the text.
//!
//! No I/O, no heap, nothing to start and no knowledge of providers' formats (that is `wire`): texts come in, numbers go
//! out. The vocabularies are read in place from the data segment.
//!
//! # Where the limit is
//!
//! Per token, counting 10 kB pieces of `benches/texts.py` with `o200k_base` natively, simulated by
//! `valgrind --tool=callgrind --branch-sim=yes --cache-sim=yes` with caches of 32 kB and 1 MB (what its simple predictor
//! mispredicts is above what a processor does):
//!
//! | | bytes | instructions | loads and stores | misses of 32 kB | of 1 MB | mispredictions |
//! |---|---|---|---|---|---|---|
//! | prose | 4.8 | 204 | 54 | 1.5 | 0.16 | 0.8 |
//! | code | 3.7 | 167 | 44 | 0.9 | 0.09 | 0.6 |
//! | chat JSON | 2.7 | 159 | 39 | 0.8 | 0.04 | 0.6 |
//! | Chinese | 4.1 | 508 | 125 | 3.1 | 0.17 | 5.1 |
//! | Russian | 7.0 | 1,516 | 345 | 7.8 | 0.35 | 8.5 |
//!
//! In English a fifth of the instructions finds the pieces (450 for 64 bytes, about ten pieces), two fifths look them up
//! (70 for a piece of up to 7 bytes, twice that for a longer one), and the rest merges the one piece in twenty
//! that is no token. A look-up waits for two loads, one after the other: a displacement, which the second-level cache holds
//! (80 kB), and an entry (1.8 MB), which for rare words it does not. That is why fresh prose takes up to twice as long as
//! prose that was just counted, and why look-ups of a window are made together. Mispredictions are where the loops over a
//! window's pieces end, three a window, and in merging. Russian merges half of its bytes, in pieces of 18.
//!
//! What could still be gained: windows of more than 64 bytes would halve the ends of loops (5 %); `simd128` tells
//! bytes apart in a fifth of the instructions, which node shows as 0 to 5 %; unchecked loads save 11 % of the instructions
//! and 3 % of the time natively, nothing in wasm, whose engine checks bounds by the page table; a memory of merged
//! words would save most of what prose and code spend in merging, at the price of a table to clear for every text.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod audio;
mod batch;
mod bytes;
mod class;
mod class_table;
mod counter;
mod encoding;
mod image;
mod learn;
mod memory;
mod merge;
mod model;
mod parts;
mod probes;
mod scripts;
mod short;
mod special;
mod split;
mod stream;
mod usage;
mod vocabulary;
mod window;
mod words;
mod work;

pub use audio::{audio_milliseconds, audio_tokens};
pub use counter::{Count, count, count_within, exceeds, lower_bound, upper_bound};
pub use encoding::Encoding;
pub use image::{Detail, ImageRule, ImageSize, image_size};
pub use learn::{Learned, Raw};
pub use model::{Family, Framing, Known, Model};
pub use scripts::Scripts;
pub use special::count_with_special;
pub use stream::Counter;
pub use usage::{TokenClass, Usage};
pub use work::Work;

/// The README's example is compiled and run as a test of the docs.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
