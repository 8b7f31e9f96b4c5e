//! Asks for a plan whenever the training cases, the minutes or the device change.

use leptos::prelude::*;
use medcontext_core::dataset::{CaseFiles, Role};
use medcontext_core::infer::LabelVolume;
use medcontext_core::plan::Speed;

use super::measure::measure;
use super::settings::settle;
use crate::message::{PlanRequest, PlanTask};
use crate::page::address::asked;
use crate::page::link::Link;
use crate::page::panels::worker::Engine;
use crate::page::state::State;
use crate::page::steps::Step;
use crate::saved::SavedStoreFields;

/// Everything that a plan depends on.
#[derive(Clone, PartialEq)]
struct Basis {
    task: PlanTask,
    contents: Vec<(CaseFiles, Option<Vec<LabelVolume>>)>,
    engine: Engine,
}

/// Keeps the plan up to date for as long as the page lives.
pub fn follow(state: State, link: Link) {
    let speed = asked("speed").and_then(|rate| rate.parse().ok());
    let speed = speed.map(|rate| Speed { rate, overhead: 0.0 });
    let basis = Memo::new(move |_| basis(state, speed));
    Effect::new(move |_| match basis.get() {
        Some(basis) => {
            state.plan.pending.set(true);
            link.send(PlanRequest::Plan(basis.task));
        }
        None => {
            state.plan.pending.set(false);
            if training_cases(state).is_empty() {
                state.plan.plan.set(None);
                state.plan.failure.set(None);
            }
        }
    });
    Effect::new(move |_| {
        state.worker.engine.track();
        state.plan.tried.set(false);
    });
    let busy = Memo::new(move |_| state.progress.work.read().busy());
    Effect::new(move |_| {
        let new = state.plan.plan.read().is_some();
        state.train.from_weights.track();
        state.weights.info.track();
        if new && !busy.get() {
            settle(state);
        }
    });
    Effect::new(move |_| {
        let unmeasured = state.plan.plan.read().as_ref().is_some_and(|plan| !plan.measured);
        let visible = state.steps.current() == Step::Train;
        if unmeasured && visible && !busy.get() && !state.plan.pending.get() && !state.plan.tried.get() {
            measure(state, link);
        }
    });
}

/// What to plan for; `None` while there is nothing, or something has not been read.
fn basis(state: State, speed: Option<Speed>) -> Option<Basis> {
    if !state.worker.is_ready() || state.worker.replaying.get() {
        return None;
    }
    let cases = state.cases.rows.read();
    let training: Vec<_> = cases.iter().filter(|case| case.is_for(Role::Train)).collect();
    if training.is_empty() || training.iter().any(|case| !case.info.is_read()) {
        return None;
    }
    let contents = training
        .iter()
        .map(|case| (case.info.files.clone(), case.info.labels().cloned()));
    Some(Basis {
        task: PlanTask {
            cases: training.iter().map(|case| case.info.id().to_owned()).collect(),
            minutes: minutes(state),
            speed,
        },
        contents: contents.collect(),
        engine: state.worker.engine.get(),
    })
}

fn training_cases(state: State) -> Vec<String> {
    state.cases.ids(|case| case.is_for(Role::Train))
}

/// Minutes of training.
pub(super) fn minutes(state: State) -> f64 {
    let default = medcontext_core::plan::Budget::DEFAULT.minutes;
    state.saved.minutes().get().unwrap_or(default)
}
