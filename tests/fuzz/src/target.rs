//! What is fuzzed.

use crate::seeds::Seeds;
use crate::{decoding, names, request, response};

/// A reader, and what must hold of it for every input.
pub struct Target {
    pub name: String,
    /// Inputs to begin with.
    pub seeds: Vec<Vec<u8>>,
    pub check: Check,
}

/// Panics, saying why, if something does not hold.
pub type Check = Box<dyn Fn(&[u8]) + Send + Sync>;

/// All of them. A name begins with the group: `request/`, `response/`, `decoder/`, `names/`.
#[must_use]
pub fn all() -> Vec<Target> {
    let seeds = Seeds::read();
    let groups = [request::targets, response::targets, decoding::targets, names::targets];
    groups.iter().flat_map(|targets| targets(&seeds)).collect()
}
