//! Who counts: this crate, and the crates there are. All count `o200k_base`.
#![allow(clippy::expect_used)] // A bench.

use std::cell::RefCell;
use tokens::{Cache, Encoding};

pub(crate) type Count = fn(&str) -> u64;

/// `tokens` remembers pieces from one text to the next, as `tiktoken` does; `no cache` is the same without.
pub(crate) const CONTENDERS: [(&str, Count); 5] = [
    ("tokens", |text| {
        CACHE.with_borrow_mut(|cache| cache.get_or_insert_default().count(Encoding::O200kBase, text))
    }),
    ("tiktoken-rs", |text| tiktoken_rs::o200k_base_singleton().encode_ordinary(text).len() as u64),
    ("bpe-openai", |text| bpe_openai::o200k_base().count(text) as u64),
    ("tiktoken", |text| tiktoken::get_encoding("o200k_base").expect("built in").count(text) as u64),
    ("no cache", |text| tokens::count(Encoding::O200kBase, text)),
];

thread_local! {
    static CACHE: RefCell<Option<Box<Cache>>> = RefCell::default();
}

/// What comes next is fresh: ours knows nothing of it. (The others can't be made to forget.)
pub(crate) fn forget() {
    CACHE.set(None);
}

/// A text in pieces of `size` bytes, or up to three more.
pub(crate) fn cut(mut text: &str, size: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    while !text.is_empty() {
        let at = (size..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (piece, rest) = text.split_at(at);
        pieces.push(piece);
        text = rest;
    }
    pieces
}
