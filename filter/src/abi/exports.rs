//! The functions the host calls: each finds its context and hands over.

use super::Envoy;
use crate::host::{Action, CallId};
use crate::vm::Vm;
use std::cell::RefCell;

thread_local! {
    static VM: RefCell<Vm> = RefCell::new(Vm::default());
}

/// The host never calls back into the module from within one of its own functions, except to allocate; should it do
/// so one day, the inner callback is skipped instead of trapping.
fn with_vm<T>(otherwise: T, run: impl FnOnce(&mut Vm) -> T) -> T {
    VM.with(|vm| match vm.try_borrow_mut() {
        Ok(mut vm) => run(&mut vm),
        Err(_) => otherwise,
    })
}

const fn number(action: Action) -> u32 {
    match action {
        Action::Continue => 0,
        Action::Pause => 1,
    }
}

fn act(run: impl FnOnce(&mut Vm) -> Action) -> u32 {
    number(with_vm(Action::Continue, run))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: the linker's own constructor list, run once, before anything else, as the ABI has it.
    unsafe { __wasm_call_ctors() }
}

/// Memory for what the host returns; `imports::Returned` takes it back.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut block = std::mem::ManuallyDrop::new(Vec::<u8>::with_capacity(size));
    block.as_mut_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    with_vm((), |vm| vm.create(context, parent));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_context: u32, _size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, size: usize) -> u32 {
    u32::from(with_vm(false, |vm| vm.configure(&Envoy, context, size)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(context: u32) {
    with_vm((), |vm| vm.tick(&Envoy, context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: u32, end: u32) -> u32 {
    act(|vm| vm.request_headers(&Envoy, context, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(context: u32, size: usize, end: u32) -> u32 {
    act(|vm| vm.request_body(&Envoy, context, size, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(context: u32, _count: u32) -> u32 {
    act(|vm| vm.request_trailers(&Envoy, context))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _count: u32, end: u32) -> u32 {
    act(|vm| vm.response_headers(&Envoy, context, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(context: u32, size: usize, end: u32) -> u32 {
    act(|vm| vm.response_body(&Envoy, context, size, end != 0))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(context: u32, _count: u32) -> u32 {
    act(|vm| vm.response_trailers(&Envoy, context))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(context: u32, token: u32, size: usize) {
    with_vm((), |vm| vm.call_answered(&Envoy, context, CallId(token), Ok(size)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(context: u32, token: u32, status: u32) {
    with_vm((), |vm| vm.call_answered(&Envoy, context, CallId(token), Err(status)));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(context: u32) {
    with_vm((), |vm| vm.log(&Envoy, context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(context: u32) -> u32 {
    u32::from(with_vm(true, |vm| vm.done(&Envoy, context)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    with_vm((), |vm| vm.delete(&Envoy, context));
}
