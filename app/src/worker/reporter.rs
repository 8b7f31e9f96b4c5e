//! The way back to the page, and the page's wish to stop or to wait.

use std::cell::Cell;
use std::rc::Rc;

use crate::message::Report;
use crate::platform::sleep;

/// A task that waits looks this often whether it may go on.
const PAUSE_MS: u32 = 50;

/// Sends reports, and knows whether the running task is to stop or to wait.
#[derive(Clone)]
pub struct Reporter {
    send: Rc<dyn Fn(Report)>,
    stop: Rc<Cell<bool>>,
    pause: Rc<Cell<bool>>,
}

impl Reporter {
    /// A reporter that hands every report to `send`.
    pub fn new(send: Rc<dyn Fn(Report)>) -> Self {
        Self {
            send,
            stop: Rc::default(),
            pause: Rc::default(),
        }
    }

    /// Sends a report.
    pub fn send(&self, report: impl Into<Report>) {
        (self.send)(report.into());
    }

    /// Asks the running task to end, or lets the next one run.
    pub fn set_stop(&self, stop: bool) {
        self.stop.set(stop);
        self.pause.set(false);
    }

    /// Asks the running task to wait, or to go on.
    pub fn set_pause(&self, pause: bool) {
        self.pause.set(pause);
    }

    /// Whether the running task is to end.
    pub fn stopping(&self) -> bool {
        self.stop.get()
    }

    /// Lets the browser deliver messages, and waits for as long as the page pauses the task. Whether the task is to
    /// end then.
    pub async fn pause_or_stop(&self) -> bool {
        yield_now().await;
        while self.pause.get() && !self.stopping() {
            sleep(PAUSE_MS).await;
        }
        self.stopping()
    }
}

/// Lets the browser deliver messages, which it does only between two tasks.
pub async fn yield_now() {
    sleep(0).await;
}
