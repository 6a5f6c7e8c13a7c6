//! The contenders as one wasm module: `benches/wasm.mjs` runs it in node, `benches/envoy.py` in Envoy.
#![allow(unsafe_code, clippy::arithmetic_side_effects, clippy::expect_used)] // A bench, called by C's rules.

mod contenders;
#[cfg(target_arch = "wasm32")]
mod envoy;

use contenders::{CONTENDERS, cut};
use std::hint::black_box;

/// Room for a text of so many bytes; never freed.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    vec![0u8; bytes].leak().as_mut_ptr()
}

/// The tokens of a text, cut into pieces of about `size` bytes; `again`: of the first of them, as often as there are
/// pieces.
///
/// # Safety
///
/// At `text` there are as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn count(
    contender: usize,
    text: *const u8,
    bytes: usize,
    size: usize,
    again: bool,
) -> u64 {
    // SAFETY: the caller's promise.
    let text = unsafe { std::slice::from_raw_parts(text, bytes) };
    tokens(contender, str::from_utf8(text).expect("UTF-8"), size, again)
}

fn tokens(contender: usize, text: &str, size: usize, again: bool) -> u64 {
    let (_, count) = CONTENDERS.get(contender).expect("a contender");
    let pieces = cut(text, size);
    let first = pieces.first().copied().unwrap_or("");
    pieces.iter().map(|piece| count(black_box(if again { first } else { piece }))).sum()
}
