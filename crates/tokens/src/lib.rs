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
//! | prose | 4.8 | 192 | 58 | 1.6 | 0.20 | 0.7 |
//! | code | 3.7 | 142 | 43 | 0.9 | 0.13 | 0.5 |
//! | chat JSON | 2.7 | 134 | 37 | 0.8 | 0.08 | 0.5 |
//! | Chinese | 4.1 | 518 | 126 | 3.3 | 0.23 | 4.3 |
//! | Russian | 7.0 | 1,437 | 333 | 8.3 | 0.44 | 6.6 |
//!
//! In English a quarter of the instructions finds the pieces, not quite a half looks them up (70 for a piece of up to 7
//! bytes, more for a longer one), and 30 % merge the one piece in sixteen that is no token: a thousand for each, where
//! four in ten are remembered from before; by time it is nearly half, in chat requests too, for each step of it waits
//! for the last. A look-up waits for two loads, one after the other: a displacement, which the second-level cache holds
//! (80 kB), and an entry (1.8 MB), which for rare words it does not: so the entries of several windows are loaded
//! together. Mispredictions are where the loops over a window's pieces end, three a window, and in merging. Text that
//! was just counted is counted half as fast again as fresh text: the branches are then known, the entries near. Russian
//! merges half of its bytes, in pieces of 18.
//!
//! What could still be gained: of the 45 instructions of a look-up a third takes up what differs by length, which tables of a
//! like form for 3 to 8 bytes would save (7 %). Vectors would tell bytes apart in half the instructions (9 %), but
//! need a line of `unsafe`, and `simd128` showed 0 to 5 % in node. Unchecked loads save 3 % of the time natively and
//! nothing in wasm, whose engine checks bounds by the page table.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod audio;
mod batch;
mod bytes;
mod cache;
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
pub use cache::Cache;
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
