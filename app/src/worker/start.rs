//! The worker's beginning and its end.

use std::rc::Rc;

use super::dispatch::Inbox;
use super::reporter::Reporter;
use crate::bridge;
use crate::message::{Report, WorkerReport};
use crate::platform::on_death;

/// Begins a session with the page that started this worker.
pub fn start() {
    let reporter = Reporter::new(Rc::new(|report: Report| bridge::post(&report)));
    let last_words = reporter.clone();
    on_death(Rc::new(move |reason| {
        last_words.send(WorkerReport::Died(reason.to_owned()))
    }));
    let inbox = Inbox::open(reporter);
    bridge::listen(move |request| inbox.receive(request));
}
