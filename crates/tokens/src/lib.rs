//! Token counts and token classes: what a call consumes, and how much text that is.
//!
//! * [`Usage`] holds what one call consumed, in disjoint [`TokenClass`]es.
//! * [`Encoding`] names a vocabulary; [`Model`] tells from a model's name which one it uses and whether that is known.
//! * [`count`] counts a text exactly, [`count_within`] for a bounded amount of work, [`exceeds`] stops as soon as it
//!   knows.
//! * [`Cache`] counts one text after the other, and faster for what the last ones left.
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
//! Per token, counting 10 kB pieces of `benches/texts.py` with `o200k_base` and a [`Cache`] natively, simulated by
//! `valgrind --tool=callgrind --branch-sim=yes --cache-sim=yes` with caches of 32 kB and 1 MB (what its simple predictor
//! mispredicts is above what a processor does):
//!
//! | | bytes | instructions | loads and stores | misses of 32 kB | of 1 MB | mispredictions |
//! |---|---|---|---|---|---|---|
//! | prose | 4.8 | 174 | 51 | 1.5 | 0.21 | 0.6 |
//! | code | 3.7 | 131 | 39 | 0.8 | 0.13 | 0.5 |
//! | chat JSON | 2.7 | 121 | 34 | 0.9 | 0.09 | 0.4 |
//! | Chinese | 4.1 | 459 | 113 | 2.9 | 0.23 | 3.8 |
//! | Japanese | 4.1 | 420 | 95 | 2.1 | 0.15 | 3.1 |
//! | Russian | 7.0 | 1,372 | 322 | 7.8 | 0.45 | 6.4 |
//!
//! In English a quarter of the instructions finds the pieces, half looks them up (70 for a piece of up to 7 bytes, more
//! for a longer one), and a quarter merges the one piece in twenty that is no token: a thousand for each that the cache does
//! not hold, which are 46 in a hundred (were it endless, 43); by time it is more, for each step of merging waits for the
//! last. In chat requests, full of digits and keys, 70 in a hundred are not held, and merging is 36 %. A look-up waits for
//! two loads, one after the other: a displacement, which the second-level cache holds (80 kB), and an entry (1.8 MB), which
//! for rare words it does not: so the entries of several windows are loaded together. Mispredictions are where the loops
//! over a window's pieces end, three a window, and in merging. Russian merges half of its bytes, in pieces of 18, more than a
//! [`Cache`] takes.
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
