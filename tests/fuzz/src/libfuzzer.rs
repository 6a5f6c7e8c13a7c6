//! The same checks, driven by libFuzzer: FUZZ_TARGET names the one. `scripts/fuzz` builds it with the coverage
//! instrumentation that libFuzzer needs, which stable compilers have as an LLVM pass.

#![no_main]

use fuzz::{Target, all};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    all().into_iter().find(|target| target.name == name).expect("FUZZ_TARGET names a target of `fuzz --list`")
});

fuzz_target!(|input: &[u8]| (TARGET.check)(input));
