//! The worker's program: starts in a thread of its own and waits for the page's messages.

use gloo_worker::Registrable;
use medcontext_app::message::Structured;
use medcontext_app::worker::Compute;

#[allow(unsafe_code)]
unsafe extern "C" {
    /// Made by the linker: runs everything that is registered before a program begins, some thousands of entries
    /// of GPU compilers. A program that does not call it gets it called at the start of everything that JavaScript
    /// can call, which costs a tenth of a millisecond each time.
    safe fn __wasm_call_ctors();
}

fn main() {
    __wasm_call_ctors();
    Compute::registrar().encoding::<Structured>().register();
}
