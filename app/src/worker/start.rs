//! The worker's beginning and its end.

use std::rc::Rc;

use medcontext_core::device::{DeviceKind, open};
use medcontext_core::train::PoolServer;

use super::dispatch::Inbox;
use super::reporter::Reporter;
use crate::bridge;
use crate::message::{Report, WorkerReport};
use crate::platform::{is_thread, on_death, serve, spawn_local};

/// Begins a session with the page that started this worker; a further thread of a compute worker serves that one.
pub fn start() {
    if is_thread() {
        return spawn_local(async {
            // Without it the thread never says that it listens, and does nothing.
            if let Ok(cpu) = open(DeviceKind::Cpu).await {
                serve(PoolServer::new(&cpu.device));
            }
        });
    }
    let reporter = Reporter::new(Rc::new(|report: Report| bridge::post(&report)));
    let last_words = reporter.clone();
    on_death(Rc::new(move |reason| {
        last_words.send(WorkerReport::Died(reason.to_owned()))
    }));
    let inbox = Inbox::open(reporter);
    bridge::listen(move |request| inbox.receive(request));
}
