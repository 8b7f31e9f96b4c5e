//! The settings of a training run, its start, and its curves.

use leptos::prelude::*;
use medcontext_core::dataset::{DatasetError, Role};

use super::dice_chart::DiceChart;
use super::estimate::Estimate;
use super::folds::Folds;
use super::form::Settings;
use super::loss_chart::LossChart;
use crate::message::TrainingRequest;
use crate::page::format;
use crate::page::link::Link;
use crate::page::panels;
use crate::page::panels::cases::Case;
use crate::page::panels::progress::{Task, Work};
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The panel.
#[component]
pub fn Train() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let chosen = Memo::new(move |_| state.cases.ids(|case| case.is_for(Role::Train)));
    // A case's labels are known once it has been read.
    let unread = move || {
        let unread = |case: &Case| case.role != Role::Predict && !case.info.is_read();
        state.cases.rows.read().iter().any(unread)
    };
    let ready = move || {
        let planned = !unread() && !state.plan.pending.get();
        planned && state.worker.is_ready() && !state.progress.work.read().busy()
    };
    let label = move || match chosen.read().len() {
        0 => "Train".to_owned(),
        number => format!("Train on {}", format::count(number, "case", "cases")),
    };
    view! {
        <section class="panel" aria-labelledby="train-title">
            <div class="head">
                <h2 id="train-title">"Train"</h2>
                <Resume ready=Signal::derive(ready) />
                <button
                    id="train"
                    class="primary"
                    disabled=move || !ready()
                    on:click=move |_| start(state, link, chosen.get())
                >
                    {label}
                </button>
            </div>
            <Settings />
            <panels::plan::Refusal />
            <Estimate cases=chosen ready=Signal::derive(ready) />
            <Folds cases=chosen ready=Signal::derive(ready) />
            <Show when=move || !state.saved.losses().read().is_empty()>
                <LossChart />
            </Show>
            <Show when=move || !state.saved.validations().read().is_empty()>
                <DiceChart />
            </Show>
        </section>
    }
}

/// Starts a run on these cases.
fn start(state: State, link: Link, cases: Vec<String>) {
    if cases.is_empty() {
        return state.say(DatasetError::NoLabeledCase.to_string());
    }
    let validation = untrack(|| state.cases.ids(|case| case.is_for(Role::Validate)));
    // With everything that depends on the run's length resolved; the form's own settings stay unresolved for the next
    // run.
    let config = state.saved.config().get_untracked().resolved();
    state.saved.losses().set(Vec::new());
    state.saved.validations().set(Vec::new());
    state.saved.unfinished().set(None);
    state.train.preview.set(None);
    state.saved.trained().set(Some(config.clone()));
    state.train.held_out.set(validation.clone());
    state.progress.work.set(Work::begin(Task::Train));
    link.send(TrainingRequest::Train {
        config: Box::new(config),
        cases,
        validation,
        from_weights: panels::plan::starting_weights(state).is_some(),
        viewed: state.viewer.viewed.get_untracked(),
    });
}

/// Resumes a run that was interrupted or stopped.
#[component]
fn Resume(ready: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let label = move || {
        let run = state.saved.unfinished().read();
        let run = run.as_ref()?;
        Some(format!("Resume from {} of {}", run.iteration, run.iterations))
    };
    let resume = move |_| {
        let Some(run) = state.saved.unfinished().get() else {
            return;
        };
        state.train.held_out.set(run.validation.clone());
        state.progress.work.set(Work::begin(Task::Train));
        link.send(TrainingRequest::Resume {
            validation: run.validation,
            viewed: state.viewer.viewed.get(),
        });
    };
    view! {
        <Show when=move || label().is_some() && !state.progress.work.read().busy()>
            <button id="continue" disabled=move || !ready.get() on:click=resume>
                {label}
            </button>
        </Show>
    }
}
