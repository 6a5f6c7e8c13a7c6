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
mod merge;
mod model;
mod parts;
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
