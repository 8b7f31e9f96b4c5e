//! The worker's reports about itself.

use leptos::prelude::*;

use super::store::Engine;
use crate::message::{Device, WorkerReport};
use crate::page::panels::progress::Phase;
use crate::page::state::State;

/// Updates the page from a report.
pub fn on_report(state: State, report: WorkerReport) {
    match report {
        WorkerReport::Ready(device) => state.worker.engine.set(Engine::Ready(device)),
        WorkerReport::Threads(count) => state.worker.engine.update(|engine| {
            if let Engine::Ready(Device::Cpu { threads, .. }) = engine {
                *threads = count;
            }
        }),
        WorkerReport::Flushed => state.worker.replaying.set(false),
        WorkerReport::Problem(sentence) => state.say(sentence),
        WorkerReport::Died(reason) => died(state, &reason),
        // Handled by the link.
        WorkerReport::Library(_) | WorkerReport::Handled => {}
    }
}

/// The worker died. Files and finished results belong to the page, so they are still here.
fn died(state: State, reason: &str) {
    if *state.worker.engine.read_untracked() == Engine::Dead {
        return;
    }
    state.worker.engine.set(Engine::Dead);
    state.cases.reading.set(None);
    state.progress.work.update(|work| work.phase = Phase::Failed);
    state.cases.none_is_running();
    state.say(format!(
        "The computation broke down ({reason}). Your files and finished results are still here: press Restart, \
         and choose a smaller network or patch if it happens again."
    ));
}
