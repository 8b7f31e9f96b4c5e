//! The worker's program: starts in a thread of its own and waits for the page's messages.

use gloo_worker::Registrable;
use medcontext_app::message::Structured;
use medcontext_app::worker::Compute;

fn main() {
    Compute::registrar().encoding::<Structured>().register();
}
