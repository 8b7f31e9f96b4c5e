//! The worker's program: starts in a thread of its own and waits for the page's messages.

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code)]
unsafe extern "C" {
    /// Made by the linker: runs everything that is registered before a program begins, some thousands of entries
    /// of GPU compilers. A program that does not call it gets it called at the start of everything that JavaScript
    /// can call, which costs a tenth of a millisecond each time.
    safe fn __wasm_call_ctors();
}

#[cfg(target_arch = "wasm32")]
fn main() {
    __wasm_call_ctors();
    medcontext_app::worker::start();
}

/// There is no worker outside a browser.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
