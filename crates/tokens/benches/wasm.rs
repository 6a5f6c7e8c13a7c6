//! The contenders as one wasm module, for `benches/wasm.mjs` (node) and `benches/envoy.py` to run. Texts are copied in.
#![allow(unsafe_code, clippy::expect_used)] // A bench, whose host calls by C's rules.

mod contenders;

use contenders::CONTENDERS;
use std::hint::black_box;

/// Room for a text of so many bytes; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    vec![0u8; bytes].leak().as_mut_ptr()
}

/// The tokens of the text, cut into pieces of about `size` bytes and counted piece by piece.
///
/// # Safety
///
/// At `text` there are as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn count(contender: usize, text: *const u8, bytes: usize, size: usize) -> u64 {
    // SAFETY: the caller's promise.
    let text = unsafe { std::slice::from_raw_parts(text, bytes) };
    let mut text = str::from_utf8(text).expect("UTF-8");
    let (_, count) = CONTENDERS.get(contender).expect("a contender");
    let mut tokens = 0u64;
    while !text.is_empty() {
        let at = (size..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        let (piece, rest) = text.split_at(at);
        tokens = tokens.wrapping_add(count(black_box(piece)));
        text = rest;
    }
    tokens
}
