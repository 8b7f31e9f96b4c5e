//! The worker's reports about a training run.

use leptos::prelude::*;
use medcontext_core::duration;
use medcontext_core::train::Event;

use super::store::{Pace, Preview};
use crate::message::{FoldReport, TrainingReport};
use crate::page::format;
use crate::page::state::State;
use crate::saved::{SavedStoreFields, Unfinished, Validation};

/// Updates the page from a report.
pub fn on_report(state: State, report: TrainingReport) {
    match report {
        TrainingReport::Event(event) => on_event(state, event),
        TrainingReport::Rehearsed(times) => state.train.pace.set(Some(Pace {
            config: state.saved.config().get_untracked(),
            times,
        })),
        TrainingReport::Fold(report) => on_fold(state, report),
        TrainingReport::Preview { case, iteration, file } => state.train.preview.set(Some(Preview {
            case,
            iteration,
            labels: file.0,
        })),
        TrainingReport::Kept { iteration } => kept(state, iteration),
    }
}

/// Updates the page from a report of a cross-validation.
fn on_fold(state: State, report: FoldReport) {
    let iterations = state.saved.config().read_untracked().all_iterations();
    match report {
        FoldReport::Began {
            number,
            folds,
            held_out,
        } => state.progress.work.update(|work| {
            work.total = folds * iterations;
            work.done = (number - 1) * iterations;
            work.compiling = number == 1 && state.worker.on_gpu();
            work.text = format!("Fold {number} of {folds}, without {}", held_out.join(", "));
        }),
        FoldReport::Step {
            number,
            iteration,
            seconds,
            remaining_seconds,
        } => {
            state.train.step_seconds.set(seconds);
            state.progress.work.update(|work| {
                work.done = (number - 1) * iterations + iteration;
                work.compiling = false;
                work.remaining_seconds = remaining_seconds;
            });
        }
        FoldReport::Measured(summary) => state.train.folds.set(Some(*summary)),
    }
}

/// The trainer's own events.
fn on_event(state: State, event: Event) {
    match event {
        Event::Started {
            parameters,
            iterations,
            iteration,
            training_cases,
            ..
        } => {
            started(state, iterations, iteration);
            state.progress.work.update(|work| {
                work.total = iterations;
                work.compiling = state.worker.on_gpu();
                work.text = format!(
                    "Training {:.1} million parameters on {}",
                    parameters as f64 / 1e6,
                    format::count(training_cases, "case", "cases"),
                );
            });
        }
        Event::SecondStage { parameters, .. } => state.progress.work.update(|work| {
            work.compiling = state.worker.on_gpu();
            work.text = format!(
                "Training the second stage, {:.1} million parameters",
                parameters as f64 / 1e6
            );
        }),
        Event::Step {
            iteration,
            losses,
            seconds,
            remaining_seconds,
            ..
        } => {
            state.saved.losses().update(|all| all.push(losses));
            state.train.step_seconds.set(seconds);
            state.progress.work.update(|work| {
                work.done = iteration;
                work.compiling = false;
                work.remaining_seconds = remaining_seconds;
            });
        }
        Event::Validated {
            iteration,
            dice,
            labels,
            ..
        } => state.saved.validations().update(|all| {
            all.push(Validation {
                iteration,
                dice,
                labels,
            });
        }),
        Event::Finished {
            iteration,
            seconds,
            stopped,
            ..
        } => finished(state, iteration, seconds, stopped),
        Event::Checkpoint { .. } => {}
    }
}

/// A run starts or is resumed: whatever came after its state is discarded.
fn started(state: State, iterations: usize, iteration: usize) {
    state.saved.planned().set(iterations);
    state.saved.losses().update(|all| all.truncate(iteration));
    state
        .saved
        .validations()
        .update(|all| all.retain(|one| one.iteration <= iteration));
}

/// A run has ended or was stopped.
fn finished(state: State, iteration: usize, seconds: f64, stopped: bool) {
    if !stopped {
        state.saved.unfinished().set(None);
    }
    state.progress.work.update(|work| {
        work.text = format!(
            "Trained {} in {}",
            format::count(iteration, "iteration", "iterations"),
            duration::in_words(seconds),
        );
    });
}

/// The current run can be resumed from here.
fn kept(state: State, iteration: usize) {
    let unfinished = Unfinished {
        iteration,
        iterations: state.saved.planned().get_untracked(),
        validation: state.train.held_out.get_untracked(),
    };
    state.saved.unfinished().set(Some(unfinished));
}
