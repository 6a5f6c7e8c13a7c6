//! A proxy-wasm module that does nothing: what Envoy's own wasm machinery costs, to measure our filter against.
//!
//! It takes part in the same callbacks as our filter and answers *continue* in each, without an SDK, so that nothing
//! but the call into the VM and back is measured.
//! The names and signatures are those of the proxy-wasm ABI 0.2.1; a context is a number the host chose.

/// `Action::Continue` of the ABI, for headers and for data alike.
const CONTINUE: u32 = 0;

/// Tells the host which ABI this module speaks: the name is the answer.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory the host fills when it answers a question. This module asks none, so nothing is ever freed.
#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_memory_allocate(bytes: usize) -> *mut u8 {
    Vec::with_capacity(bytes).leak().as_mut_ptr()
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_context_create(_context: u32, _parent: u32) {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_headers(_context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_request_body(_context: u32, _bytes: u32, _end_of_stream: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_headers(_context: u32, _headers: u32, _end_of_stream: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_response_body(_context: u32, _bytes: u32, _end_of_stream: u32) -> u32 {
    CONTINUE
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_log(_context: u32) {}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_done(_context: u32) -> u32 {
    1 // Nothing left to do: the context may be deleted.
}

#[unsafe(no_mangle)]
pub extern "C" fn proxy_on_delete(_context: u32) {}
