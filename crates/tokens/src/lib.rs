//! Token counts and token classes: what a call consumes, and how much text that is.
//!
//! * [`Usage`] holds what one call consumed, in disjoint [`TokenClass`]es.
//! * [`Encoding`] names a vocabulary; [`Encoding::of_model`] tells which one a model uses and whether that is known.
//! * [`count`] counts a text exactly, [`Counter`] counts a text that arrives in pieces.
//! * [`upper_bound`] bounds a count from above without looking at the text.
//!
//! No I/O and no knowledge of providers' formats (that is `wire`): texts come in, numbers go out.

mod counter;
mod encoding;
mod usage;

pub use counter::{Counter, count, upper_bound};
pub use encoding::{Encoding, Known};
pub use usage::{TokenClass, Usage};
