//! The settings of a training run, its start, and its curve.

use leptos::prelude::*;
use medcontext_core::dataset::{DatasetError, Role};
use medcontext_core::train::TrainConfig;

use super::chart::LossChart;
use super::estimate::Estimate;
use super::models::Models;
use super::network::{NetworkChoice, NetworkCost, Patch};
use super::validation::DiceChart;
use crate::message::TrainingRequest;
use crate::page::files::save;
use crate::page::link::Link;
use crate::page::state::{Case, Engine, State, Task, Work};
use crate::page::words;

/// Panel 2.
#[component]
pub fn Train() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let from_weights = RwSignal::new(false);
    let chosen = Memo::new(move |_| state.case_ids(|case| case.is_for(Role::Train)));
    // What a case's labels are is known when it was read.
    let unread = move || {
        let unread = |case: &Case| case.role != Role::Predict && !case.info.read;
        state.cases.read().iter().any(unread)
    };
    let ready = move || {
        matches!(*state.engine.read(), Engine::Ready(_)) && !state.work.read().busy() && !unread()
    };
    let start = move |_| {
        if chosen.read().is_empty() {
            return state.say(DatasetError::NoLabelledCase.to_string());
        }
        let validation = state.case_ids(|case| case.is_for(Role::Validate));
        // With numbers for what hangs on the run's length; the form's own stay open for the next run.
        let config = state.config.get().resolved();
        state.losses.set(Vec::new());
        state.validations.set(Vec::new());
        state.unfinished.set(None);
        state.preview.set(None);
        state.trained.set(Some(config.clone()));
        state.held_out.set(validation.clone());
        state.work.set(Work::begin(Task::Train));
        link.send(TrainingRequest::Train {
            config: Box::new(config),
            cases: chosen.get(),
            validation,
            from_weights: from_weights.get() && state.weights.read().is_some(),
            viewed: state.viewed.get(),
        });
    };
    let label = move || match chosen.read().len() {
        0 => "Train".to_owned(),
        number => format!("Train on {}", words::count(number, "case", "cases")),
    };
    view! {
        <section class="panel" aria-labelledby="train-title">
            <div class="head">
                <h2 id="train-title">"Train"</h2>
                <Continue ready=Signal::derive(ready) />
                <button id="train" class="primary" disabled=move || !ready() on:click=start>
                    {label}
                </button>
            </div>
            <Settings from_weights=from_weights />
            <Estimate cases=chosen ready=Signal::derive(ready) />
            <Show when=move || !state.losses.read().is_empty()>
                <LossChart />
            </Show>
            <Show when=move || !state.validations.read().is_empty()>
                <DiceChart />
            </Show>
            <Weights />
            <Models />
        </section>
    }
}

/// Goes on with a run that was cut off or stopped.
#[component]
fn Continue(ready: Signal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let words = move || {
        let run = state.unfinished.read();
        let run = run.as_ref()?;
        Some(format!(
            "Go on from {} of {}",
            run.iteration, run.iterations
        ))
    };
    let go_on = move |_| {
        let Some(run) = state.unfinished.get() else {
            return;
        };
        state.held_out.set(run.validation.clone());
        state.work.set(Work::begin(Task::Train));
        link.send(TrainingRequest::Resume {
            validation: run.validation,
            viewed: state.viewed.get(),
        });
    };
    view! {
        <Show when=move || words().is_some() && !state.work.read().busy()>
            <button id="continue" disabled=move || !ready.get() on:click=go_on>
                {words}
            </button>
        </Show>
    }
}

/// The form.
#[component]
fn Settings(from_weights: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let locked = Memo::new(move |_| state.work.read().busy());
    view! {
        <fieldset class="settings" disabled=locked>
            <legend class="unseen">"Training settings"</legend>
            <NetworkChoice />
            <StartChoice from_weights=from_weights />
            <NetworkCost />
            <Number
                id="iterations"
                label="Iterations"
                step="1"
                get=|config| config.iterations.to_string()
                set=|config, value| config.iterations = whole(value)
            />
            <Number
                id="learning-rate"
                label="Learning rate"
                step="any"
                get=|config| config.learning_rate.to_string()
                set=|config, value| config.learning_rate = value
            />
            <Patch />
            <MedContextSwitch />
            <Momentum />
            <Advanced />
        </fieldset>
    }
}

/// From which weights.
#[component]
fn StartChoice(from_weights: RwSignal<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let value = move || match (from_weights.get(), state.config.read().new_head) {
        (false, _) => "scratch",
        (true, false) => "weights",
        (true, true) => "new-head",
    };
    let choose = move |value: String| {
        from_weights.set(value != "scratch");
        state
            .config
            .update(|config| config.new_head = value == "new-head");
    };
    let none = move || state.weights.read().is_none();
    view! {
        <label class="start-from">
            "Start from"
            <select
                id="start-from"
                prop:value=value
                on:change:target=move |event| choose(event.target().value())
            >
                <option value="scratch">"scratch"</option>
                <option value="weights" disabled=none>
                    "the weights below"
                </option>
                <option value="new-head" disabled=none>
                    "the weights below, for other labels"
                </option>
            </select>
        </label>
    }
}

/// MedContext, on or off.
#[component]
fn MedContextSwitch() -> impl IntoView {
    let state = expect_context::<State>();
    let switch = move |on: bool| {
        change(state, |config| {
            config.medcontext.enabled = on;
        });
    };
    view! {
        <label class="switch">
            <input
                id="medcontext"
                type="checkbox"
                role="switch"
                prop:checked=move || state.config.read().medcontext.enabled
                on:change:target=move |event| switch(event.target().checked())
            />
            <span>
                "MedContext" <small>"learns the labels of what is masked from its context"</small>
            </span>
        </label>
    }
}

/// How closely the teacher follows the student in a run of so many steps.
#[component]
fn Momentum() -> impl IntoView {
    let state = expect_context::<State>();
    let words = move || words::momentum(&state.config.read());
    view! {
        <Show when=move || words().is_some()>
            <p id="momentum">{words}</p>
        </Show>
    }
}

/// What one rarely changes.
#[component]
fn Advanced() -> impl IntoView {
    view! {
        <details id="advanced">
            <summary>"Advanced"</summary>
            <div>
                <Number
                    id="batch-size"
                    label="Patches a step"
                    step="1"
                    get=|config| config.batch_size.to_string()
                    set=|config, value| config.batch_size = whole(value)
                />
                <Number
                    id="mask-ratio"
                    label="Masked share"
                    step="any"
                    get=|config| config.medcontext.mask_ratio.to_string()
                    set=|config, value| config.medcontext.mask_ratio = value.min(1.0)
                />
                <Number
                    id="beta"
                    label="Consistency"
                    step="any"
                    get=|config| config.medcontext.beta.to_string()
                    set=|config, value| config.medcontext.beta = value
                />
                <Number
                    id="checkpoint-every"
                    label="Measure every"
                    step="1"
                    get=|config| config.checkpoint_every.to_string()
                    set=|config, value| config.checkpoint_every = whole(value)
                />
                <Number
                    id="seed"
                    label="Seed"
                    step="1"
                    get=|config| config.seed.to_string()
                    set=|config, value| config.seed = value as u64
                />
            </div>
        </details>
    }
}

/// A setting that is one positive number.
#[component]
fn Number(
    id: &'static str,
    label: &'static str,
    step: &'static str,
    get: fn(&TrainConfig) -> String,
    set: fn(&mut TrainConfig, f64),
) -> impl IntoView {
    let state = expect_context::<State>();
    let changed = move |text: String| {
        let value = text
            .parse::<f64>()
            .ok()
            .filter(|value| value.is_finite() && *value >= 0.0);
        match value {
            Some(value) => change(state, |config| set(config, value)),
            // Put the old number back.
            None => state.config.notify(),
        }
    };
    view! {
        <label>
            {label}
            <input
                id=id
                type="number"
                min="0"
                step=step
                prop:value=move || get(&state.config.read())
                on:change:target=move |event| changed(event.target().value())
            />
        </label>
    }
}

/// Changes the settings by hand: suggestions leave them alone from now on.
pub(super) fn change(state: State, change: impl FnOnce(&mut TrainConfig)) {
    state.config_touched.set(true);
    state.config.update(change);
}

/// A count of at least one.
pub(super) fn whole(value: f64) -> usize {
    (value.round() as usize).max(1)
}

/// The weights at hand, to take away.
#[component]
fn Weights() -> impl IntoView {
    let state = expect_context::<State>();
    let take = move |_| {
        let file = state.weights.get().zip(state.weights_file.get_value());
        if let Some((info, blob)) = file
            && save(&info.file_name, &blob).is_err()
        {
            state.say("The browser could not save the weights; try again.");
        }
    };
    let words = move || match &*state.weights.read() {
        Some(info) => info.summary.clone(),
        None => "No weights yet: train, or drop a file with weights.".to_owned(),
    };
    view! {
        <div class="weights">
            <p id="weights">{words}</p>
            <button
                id="save-weights"
                disabled=move || state.weights.read().is_none()
                on:click=take
            >
                "Save weights"
            </button>
        </div>
    }
}
