//! The strip that shows on every step what is going on or what to do next, leads there, and has a stop button.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::duration;

use super::store::{Phase, Task};
use crate::message::TaskRequest;
use crate::page::address::testing;
use crate::page::format;
use crate::page::link::Link;
use crate::page::panels::worker::Engine;
use crate::page::state::State;
use crate::page::steps::Step;
use crate::saved::SavedStoreFields;

/// Announce progress to screen readers this many times over a task.
const ANNOUNCEMENTS: usize = 10;

/// Progress of the current task. Tests read its `data-` attributes.
#[component]
pub fn Progress() -> impl IntoView {
    let state = expect_context::<State>();
    let busy = Memo::new(move |_| state.progress.work.read().busy());
    let task = move || match state.progress.work.read().task {
        Some(Task::Train) => "train",
        Some(Task::Predict) => "predict",
        Some(Task::Rehearse) => "rehearse",
        None => "",
    };
    let kept = move || state.saved.unfinished().read().as_ref().map(|run| run.iteration);
    let compiling = move || state.progress.work.read().compiling.then_some("");
    let iteration = move || state.progress.work.read().done;
    let testing = testing();
    view! {
        <section
            id="progress"
            aria-label="Progress"
            data-state=move || phase_name(state)
            data-task=testing.then_some(task)
            data-iteration=testing.then_some(iteration)
            data-kept=testing.then_some(kept)
            data-compiling=testing.then_some(compiling)
        >
            <Now />
            <Buttons />
            <progress
                class:idle=move || !busy.get() && state.cases.reading.read().is_none()
                aria-label="Progress of the running task"
                max=move || fraction(state).1
                value=move || fraction(state).0
            ></progress>
            <p id="live" class="unseen" role="status">
                {Memo::new(move |_| announcement(state))}
            </p>
        </section>
    }
}

/// Pauses the task, resumes it and stops it.
#[component]
fn Buttons() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let stop = move |_| {
        state.progress.work.update(|work| work.phase = Phase::Stopping);
        link.send(TaskRequest::Stop);
    };
    let paused = move || state.progress.work.read().phase == Phase::Paused;
    let running = move || matches!(state.progress.work.read().phase, Phase::Running | Phase::Paused);
    let pause = move |_| {
        let pause = !paused();
        state.progress.work.update(|work| {
            work.phase = if pause { Phase::Paused } else { Phase::Running };
        });
        link.send(TaskRequest::Pause(pause));
    };
    view! {
        <button id="pause" disabled=move || !running() on:click=pause>
            {move || if paused() { "Go on" } else { "Pause" }}
        </button>
        <button
            id="stop"
            disabled=move || !running()
            on:click=stop
        >
            "Stop"
        </button>
    }
}

/// What is going on, how fast, and how long still.
#[component]
fn Now() -> impl IntoView {
    let state = expect_context::<State>();
    view! {
        <div class="what">
            <button
                class="words plain"
                title="Go to this step"
                on:click=move |_| state.steps.go(untrack(|| headline(state)).1)
            >
                {move || headline(state).0}
            </button>
            <p class="numbers">
                <span id="count">{move || count(state)}</span>
                <span id="rate">{move || rate(state)}</span>
                <span id="remaining">{move || remaining(state)}</span>
            </p>
        </div>
    }
}

fn phase_name(state: State) -> &'static str {
    let work = state.progress.work.read();
    match (work.phase, work.task) {
        (Phase::Idle, _) => "idle",
        (Phase::Running, Some(Task::Predict)) => "predicting",
        (Phase::Running, _) => "training",
        (Phase::Paused, _) => "paused",
        (Phase::Stopping, _) => "stopping",
        (Phase::Done, _) => "done",
        (Phase::Stopped, _) => "stopped",
        (Phase::Failed, _) => "failed",
    }
}

/// What happens, or what one can do next, and the step where it does.
fn headline(state: State) -> (String, Step) {
    let work = state.progress.work.read();
    let step = match work.task {
        Some(Task::Predict) => Step::Segment,
        _ => Step::Train,
    };
    let words = match work.phase {
        Phase::Running if work.text.is_empty() => "Preparing…".to_owned(),
        Phase::Running if work.compiling => {
            format!("{}, compiling for your GPU first", work.text)
        }
        Phase::Running => work.text.clone(),
        Phase::Paused => format!("{} (paused)", work.text),
        Phase::Stopping => "Stopping after this step…".to_owned(),
        Phase::Done | Phase::Stopped if !work.text.is_empty() => work.text.clone(),
        Phase::Failed => "That did not work: see the message above.".to_owned(),
        _ => return next_step(state),
    };
    (words, step)
}

fn next_step(state: State) -> (String, Step) {
    let cases = state.cases.rows.read();
    let (words, step) = if *state.worker.engine.read() == Engine::Starting {
        ("Loading the compute engine…", Step::Cases)
    } else if let Some(reading) = state.cases.reading.get() {
        let words = format!("Reading case {} of {}", reading.done + 1, reading.total);
        return (words, Step::Cases);
    } else if cases.is_empty() {
        ("Add scans to begin.", Step::Cases)
    } else if cases.iter().any(|case| case.result.done().is_some()) {
        ("Download the segmentations, or continue training.", Step::TakeAway)
    } else if state.weights.info.read().is_some() {
        ("Ready to segment, or to train more.", Step::Segment)
    } else if cases.iter().any(|case| case.is_for(Role::Train)) {
        ("Ready to train.", Step::Train)
    } else {
        ("Add a label map for at least one scan, or weights.", Step::Cases)
    };
    (words.to_owned(), step)
}

fn count(state: State) -> String {
    let work = state.progress.work.read();
    let (one, many) = match work.task {
        Some(Task::Train) => ("iteration", "iterations"),
        _ => ("window", "windows"),
    };
    if work.busy() && work.total > 0 {
        format!("{} of {}", work.done, format::count(work.total, one, many))
    } else {
        String::new()
    }
}

fn rate(state: State) -> String {
    if state.progress.work.read().runs(Task::Train) && state.progress.work.read().done > 0 {
        format::rate(state.train.step_seconds.get())
    } else {
        String::new()
    }
}

fn remaining(state: State) -> String {
    let work = state.progress.work.read();
    if work.phase == Phase::Running && work.done > 0 {
        format!("{} left", duration::in_words(work.remaining_seconds))
    } else {
        String::new()
    }
}

/// How much is done, and of how much.
fn fraction(state: State) -> (usize, usize) {
    let work = state.progress.work.read();
    let total = work.total.max(1);
    match (work.phase, state.cases.reading.get()) {
        (_, Some(reading)) if !work.busy() => (reading.done, reading.total),
        (Phase::Done, _) => (total, total),
        _ => (work.done, total),
    }
}

/// Progress as a sentence that changes rarely, for screen readers.
fn announcement(state: State) -> String {
    let work = state.progress.work.read();
    let tenth = work.done * ANNOUNCEMENTS / work.total.max(1);
    if work.phase == Phase::Running && work.total > 0 {
        format!("{}: {} %", work.text, tenth * 100 / ANNOUNCEMENTS)
    } else if work.busy() {
        String::new()
    } else {
        work.text.clone()
    }
}
