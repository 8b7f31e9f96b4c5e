//! The worker's reports about any task.

use leptos::prelude::*;

use super::store::{Phase, Task};
use crate::message::TaskReport;
use crate::page::panels::segment;
use crate::page::state::State;

/// Updates the page from a report.
pub fn on_report(state: State, report: TaskReport) {
    let TaskReport::Ended { stopped, failure } = report;
    let task = state.progress.work.read_untracked().task;
    state.progress.work.update(|work| {
        work.phase = match (&failure, stopped) {
            (Some(_), _) => Phase::Failed,
            (None, true) => Phase::Stopped,
            (None, false) => Phase::Done,
        };
        work.remaining_seconds = 0.0;
        work.compiling = false;
        if failure.is_some() || task == Some(Task::Rehearse) {
            work.text = String::new();
        }
    });
    if let Some(sentence) = failure {
        state.say(sentence);
    }
    if task == Some(Task::Predict) {
        segment::on_end(state);
    }
}
