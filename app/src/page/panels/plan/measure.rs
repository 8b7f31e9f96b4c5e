//! Measures how fast this device takes the planned steps.

use leptos::prelude::*;
use medcontext_core::dataset::Role;

use super::settings::edits;
use crate::message::{PlanRequest, PlanTask};
use crate::page::link::Link;
use crate::page::panels::progress::{Task, Work};
use crate::page::state::State;

/// Asks the worker for it, as a task that can be stopped. The plan that comes back is made with the measured speed.
pub(super) fn measure(state: State, link: Link) {
    let Some(minutes) = state.plan.plan.read_untracked().as_ref().map(|plan| plan.minutes) else {
        return;
    };
    state.plan.tried.set(true);
    state.progress.work.set(Work {
        text: "Measuring your device".to_owned(),
        ..Work::begin(Task::Rehearse)
    });
    link.send(PlanRequest::Measure {
        task: PlanTask {
            cases: untrack(|| state.cases.ids(|case| case.is_for(Role::Train))),
            minutes,
            speed: None,
        },
        edits: Box::new(edits(state)),
    });
}
