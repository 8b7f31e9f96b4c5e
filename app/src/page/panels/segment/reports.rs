//! The worker's reports about a segmentation.

use leptos::prelude::*;

use super::store::ResultFiles;
use crate::message::{SegmentationReport, Segmented};
use crate::page::format;
use crate::page::panels::cases::CaseResult;
use crate::page::panels::viewer::Overlay;
use crate::page::state::State;

/// Updates the page from a report.
pub fn on_report(state: State, report: SegmentationReport) {
    match report {
        SegmentationReport::Progress {
            case,
            done,
            windows,
            remaining_seconds,
        } => {
            if done == 0 {
                let running = CaseResult::Running;
                state.cases.change(&case, |row| row.result = running);
            }
            state.progress.work.update(|work| {
                work.done = done;
                work.total = windows;
                work.compiling = done == 0 && state.worker.on_gpu();
                work.remaining_seconds = remaining_seconds;
                work.text = format!("Segmenting {case}");
            });
        }
        SegmentationReport::Done(_) if state.worker.replaying.get_untracked() => {}
        SegmentationReport::Done(found) => done(state, found),
        SegmentationReport::Failed { case, reason } => {
            state.say(format!("{case}: {reason}"));
            let failed = CaseResult::Failed(reason);
            state.cases.change(&case, |row| row.result = failed);
        }
    }
}

/// Adds a segmented case to the table, and shows it if its image is in view.
fn done(state: State, found: Segmented) {
    let Segmented {
        case,
        result,
        file,
        uncertainty,
        logits,
    } = found;
    let files = ResultFiles {
        labels: file.0,
        uncertainty: uncertainty.map(|map| map.0),
        logits: logits.map(|logits| logits.0),
    };
    state.forget_result(&case);
    state.segment.files.update(|all| drop(all.insert(case.clone(), files)));
    let done = CaseResult::Done(result);
    state.cases.change(&case, |row| row.result = done);
    if state.viewer.viewed.read_untracked().as_ref() == Some(&case) {
        state.viewer.overlay.set(Overlay::Prediction);
    }
}

/// All cases are segmented, or it was stopped: the table is tidied, and the first result shown if the case in view
/// has none.
pub fn on_end(state: State) {
    state.cases.none_is_running();
    let done = state.cases.ids(|case| case.result.done().is_some());
    state.progress.work.update(|work| {
        work.text = format!("{} segmented", format::count(done.len(), "case", "cases"));
    });
    let viewed = state.viewer.viewed.get_untracked();
    if let Some(first) = done.first().filter(|_| !viewed.is_some_and(|id| done.contains(&id))) {
        state.look_at(first);
    }
}
