//! Fuzzing of everything that reads what clients and providers send: request bodies, responses in every framing, content
//! codings, paths and headers.
//!
//! A [`Target`] is a reader with what must hold of it for every input: it does not panic, it takes bounded memory, it
//! gives the same however the input is cut, it changes no byte that it should not. Its seeds are recorded and documented
//! traffic; [`mutate`] makes others of them, by bytes and by JSON values.
//!
//! * `cargo test -p fuzz` checks a fixed number of inputs, the same ones every time.
//! * `./just fuzz` goes on for as long as it is told, from another seed each time, guided by coverage where libFuzzer
//!   can be built.

mod decoding;
mod frames;
pub mod memory;
pub mod mutate;
mod names;
mod random;
mod request;
mod response;
mod run;
mod seeds;
mod target;

pub use random::Random;
pub use run::{Failure, Run};
pub use target::{Check, Target, all};
