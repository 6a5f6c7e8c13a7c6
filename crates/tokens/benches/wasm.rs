//! The contenders as one wasm module: `benches/wasm.mjs` runs it in node, `benches/envoy.py` in Envoy; and counting within
//! bounds, for `benches/steps.mjs`.
#![allow(unsafe_code, clippy::arithmetic_side_effects, clippy::expect_used)] // A bench, called by C's rules.

mod contenders;
#[cfg(target_arch = "wasm32")]
mod envoy;

use contenders::{CONTENDERS, cut, forget};
use std::hint::black_box;
use tokens::{Encoding, Work, count_within};

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

/// The steps that are left of `steps` when a text is counted within them; of encoding 1, `cl100k_base`, or else `o200k_base`.
///
/// # Safety
///
/// At `text` there are as many bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn left_of(encoding: usize, text: *const u8, bytes: usize, steps: u64) -> u64 {
    // SAFETY: the caller's promise.
    let text = unsafe { std::slice::from_raw_parts(text, bytes) };
    let encoding = if encoding == 1 { Encoding::Cl100kBase } else { Encoding::O200kBase };
    let mut work = Work::of(steps);
    black_box(count_within(encoding, str::from_utf8(text).expect("UTF-8"), &mut work));
    work.left()
}

/// Writes the bytes of a token of `o200k_base` to `to`; how many there are.
///
/// # Safety
///
/// At `to` there is room for 128 bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn token(rank: u32, to: *mut u8) -> usize {
    let bytes = tiktoken_rs::o200k_base_singleton().decode_bytes(&[rank]).expect("a token");
    // SAFETY: no token is longer.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
    bytes.len()
}

fn tokens(contender: usize, text: &str, size: usize, again: bool) -> u64 {
    let (_, count) = CONTENDERS.get(contender).expect("a contender");
    let pieces = cut(text, size);
    let first = pieces.first().copied().unwrap_or("");
    forget();
    pieces.iter().map(|piece| count(black_box(if again { first } else { piece }))).sum()
}
