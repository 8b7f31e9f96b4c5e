//! Starts the threads that share a task where there is no GPU.

use std::rc::Rc;

use medcontext_core::pool::Worker;

use super::session::Session;
use crate::message::WorkerReport;
use crate::platform::start_threads;

/// Starts the threads that share a task with this one, at most `most` with this one, each of which takes so many bytes,
/// and tells the page how many there are; none on a GPU. They end when the task drops them, and their memory with them.
pub async fn start(session: &Session, most: usize, bytes_each: u64) -> Vec<Rc<dyn Worker>> {
    let Some(threads) = session.threads else {
        return Vec::new();
    };
    let count = threads.fit(bytes_each).min(most.max(1));
    session.reporter.send(WorkerReport::Threads(count));
    start_threads(count - 1).await
}
