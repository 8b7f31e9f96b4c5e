//! The worker's beginning and its untimely end.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::dispatch::Inbox;
use super::reporter::Reporter;
use crate::bridge;
use crate::message::{Report, WorkerReport};
use crate::platform::{log_panic, worker_scope};

/// Begins a session with the page that started this worker.
pub fn start() {
    let reporter = Reporter::new(Rc::new(|report: Report| bridge::post(&report)));
    report_death(&reporter);
    let inbox = Inbox::open(reporter);
    bridge::listen(move |request| inbox.receive(request));
}

/// Tells the page why before the worker ends: after a panic (a lost device) or an exception that nobody caught (no
/// memory), nothing in it can be relied on.
fn report_death(reporter: &Reporter) {
    thread_local! {
        // A panic hook has to be `Send`; this thread's reporter is not, and there is only this thread.
        static REPORTER: RefCell<Option<Reporter>> = const { RefCell::new(None) };
    }
    REPORTER.set(Some(reporter.clone()));
    std::panic::set_hook(Box::new(|panic| {
        log_panic(panic);
        let reason = panic
            .payload_as_str()
            .and_then(|text| text.lines().next())
            .unwrap_or("an internal error");
        REPORTER.with_borrow(|reporter| {
            if let Some(reporter) = reporter {
                die(reporter, reason);
            }
        });
    }));
    let reporter = reporter.clone();
    let uncaught = Closure::<dyn Fn()>::new(move || {
        die(&reporter, "the browser ended it, perhaps for lack of memory");
    });
    for event in ["error", "messageerror", "unhandledrejection"] {
        // Refused only for listeners that are no functions.
        let _ = worker_scope().add_event_listener_with_callback(event, uncaught.as_ref().unchecked_ref());
    }
    uncaught.forget();
}

/// Says why, and ends the worker.
fn die(reporter: &Reporter, reason: &str) {
    reporter.send(WorkerReport::Died(reason.to_owned()));
    worker_scope().close();
}
