//! The same in Envoy: a proxy-wasm module (ABI 0.2.1) that measures when it is configured. Its configuration is the text,
//! and it writes a line for each figure into the log, as `benches/speed.rs` prints them.

use crate::{contenders::CONTENDERS, tokens};
use std::{hint::black_box, ptr, slice, time::Instant};

const PLUGIN_CONFIGURATION: u32 = 7;
const WARNING: u32 = 3;
const ROUNDS: usize = 7;
const SIZES: [usize; 2] = [10_000, 2_000];

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        bytes: usize,
        at: *mut *mut u8,
        length: *mut usize,
    ) -> u32;
    fn proxy_log(level: u32, text: *const u8, bytes: usize) -> u32;
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn proxy_on_memory_allocate(bytes: usize) -> *mut u8 {
    crate::room(bytes)
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn proxy_on_vm_start(_context: u32, _bytes: usize) -> bool {
    true
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn proxy_on_configure(_context: u32, bytes: usize) -> bool {
    let (mut at, mut length) = (ptr::null_mut(), 0);
    // SAFETY: the host allocates by `proxy_on_memory_allocate`, which never frees, and says where and how much.
    let configuration = unsafe {
        proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, bytes, &raw mut at, &raw mut length);
        if at.is_null() { &[] } else { slice::from_raw_parts(at, length) }
    };
    let Some((name, text)) = str::from_utf8(configuration).ok().and_then(|text| text.split_once('\n')) else {
        return false;
    };
    for (who, (contender, count)) in CONTENDERS.iter().enumerate() {
        let start = Instant::now();
        black_box(count("x"));
        log(&format!("start\t-\t1\t{contender}\t{:.4}", 1e3 * start.elapsed().as_secs_f64()));
        black_box(tokens(who, text, text.len(), false));
    }
    for size in SIZES {
        for again in [false, true] {
            measure(name, text, size, again);
        }
    }
    log("done");
    true
}

fn measure(name: &str, text: &str, size: usize, again: bool) {
    let mut figures = vec![Vec::new(); CONTENDERS.len()];
    for _ in 0..ROUNDS {
        for (who, figures) in figures.iter_mut().enumerate() {
            let start = Instant::now();
            black_box(tokens(who, text, size, again));
            figures.push(text.len() as f64 / 1e6 / start.elapsed().as_secs_f64());
        }
    }
    for ((contender, _), mut figures) in CONTENDERS.iter().zip(figures) {
        figures.sort_by(f64::total_cmp);
        let median = figures.get(ROUNDS / 2).copied().unwrap_or(0.0);
        let what = if again { "again" } else { "fresh" };
        log(&format!("{what}\t{name}\t{size}\t{contender}\t{median:.1}"));
    }
}

fn log(line: &str) {
    let line = format!("tokens-bench\t{line}");
    // SAFETY: the host reads as many bytes as there are.
    unsafe { proxy_log(WARNING, line.as_ptr(), line.len()) };
}
