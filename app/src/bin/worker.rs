//! The worker's program: starts in a thread of its own and waits for the page's messages.

use gloo_worker::Registrable;
use medcontext_app::message::Structured;
use medcontext_app::worker::Compute;

/// What GPU compilers register about themselves before a program begins.
mod registrations {
    #[allow(unsafe_code)]
    unsafe extern "C" {
        /// Made by the linker: runs every registration there is, some thousands. A program that does not call it
        /// gets it called at the start of everything that JavaScript can call, which costs a tenth of a
        /// millisecond each time.
        safe fn __wasm_call_ctors();
    }

    /// Runs them, once.
    pub fn run() {
        __wasm_call_ctors();
    }
}

fn main() {
    registrations::run();
    Compute::registrar().encoding::<Structured>().register();
}
