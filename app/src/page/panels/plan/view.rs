//! The card: how long there is, what was decided for that, and why.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::duration;
use medcontext_core::plan::is_edited;

use super::follow::minutes;
use super::measure::measure;
use super::rows::Rows;
use super::settings::give_all_back;
use crate::page::format;
use crate::page::link::Link;
use crate::page::panels::progress::Task;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Minutes that people often have.
const COMMON: [(&str, f64); 5] = [
    ("10 min", 10.0),
    ("30 min", 30.0),
    ("1 h", 60.0),
    ("2 h", 120.0),
    ("8 h", 480.0),
];

/// The panel.
#[component]
pub fn Plan() -> impl IntoView {
    let state = expect_context::<State>();
    let planned = Memo::new(move |_| state.plan.plan.read().is_some());
    let edited = move || planned.get() && !state.saved.edited().read().is_empty();
    view! {
        <section class="panel" aria-labelledby="plan-title">
            <div class="head">
                <h2 id="plan-title">"Plan"</h2>
                <Show when=edited>
                    <button
                        id="plan-reset"
                        class="plain"
                        disabled=move || state.progress.work.read().busy()
                        on:click=move |_| give_all_back(state)
                    >
                        "Reset all to plan"
                    </button>
                </Show>
            </div>
            <Minutes />
            <Show
                when=move || planned.get()
                fallback=move || view! { <p id="plan-missing">{move || missing(state)}</p> }
            >
                <Summary />
                <Rows />
            </Show>
        </section>
    }
}

/// How long there is.
#[component]
fn Minutes() -> impl IntoView {
    let state = expect_context::<State>();
    let set = move |minutes: f64| state.saved.minutes().set(Some(minutes));
    let changed = move |text: String| {
        let typed = text.parse::<f64>().ok();
        match typed.filter(|minutes| minutes.is_finite() && *minutes > 0.0) {
            Some(minutes) => set(minutes),
            // Restore the old number.
            None => state.saved.minutes().notify(),
        }
    };
    let common = move |(name, value): (&'static str, f64)| {
        view! {
            <button
                aria-pressed=move || (minutes(state) == value).to_string()
                on:click=move |_| set(value)
            >
                {name}
            </button>
        }
    };
    view! {
        <div class="minutes">
            <label for="minutes">"How long do you have?"</label>
            <input
                id="minutes"
                type="number"
                min="0"
                step="any"
                prop:value=move || minutes(state).to_string()
                on:change:target=move |event| changed(event.target().value())
            />
            <span>"min"</span>
            <div class="segmented" role="group" aria-label="Common choices">
                {COMMON.map(common).collect_view()}
            </div>
        </div>
    }
}

/// Steps and time of the run, and where the time of a step is from.
#[component]
fn Summary() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let measuring = move || state.progress.work.read().runs(Task::Rehearse);
    let measured = move || state.plan.plan.read().as_ref().is_some_and(|plan| plan.measured);
    let source = move || match (measuring(), measured()) {
        (true, _) => "measuring your device …",
        (_, true) => "measured on this device",
        _ => "estimated, not measured on this device",
    };
    view! {
        <p id="plan-summary">
            <b>{move || length(state)}</b>
            <span>{source}</span>
            <Show when=move || !measured() && !measuring()>
                <button
                    id="measure-device"
                    class="plain"
                    disabled=move || state.progress.work.read().busy() || !state.worker.is_ready()
                    on:click=move |_| measure(state, link)
                >
                    "Measure"
                </button>
            </Show>
        </p>
    }
}

/// "30 minutes: 812 steps of 2.2 s"; with another number of steps the time that they take.
fn length(state: State) -> String {
    let plan = state.plan.plan.read();
    let Some(plan) = plan.as_ref() else {
        return String::new();
    };
    let config = state.saved.config().read();
    let seconds = plan.budget().step_seconds(&config, plan.channels, plan.outputs);
    let steps = format::count(config.all_iterations(), "step", "steps");
    let each = format::duration_fine(seconds);
    match is_edited(&state.saved.edited().read(), "iterations") {
        true => {
            let all = duration::in_words(seconds * config.all_iterations() as f64);
            format!("{steps} of {each}: {all}")
        }
        false => format!("{} minutes: {steps} of {each}", plan.minutes),
    }
}

/// What there has to be before there is a plan.
fn missing(state: State) -> String {
    if let Some(sentence) = state.plan.failure.get() {
        return format!("No plan: {sentence}.");
    }
    let cases = state.cases.rows.read();
    let training = || cases.iter().filter(|case| case.is_for(Role::Train));
    if cases.is_empty() {
        "Add scans with label maps: the plan is made from them.".to_owned()
    } else if training().next().is_none() {
        "No case is labeled and marked “train”: add a label map, or draw one.".to_owned()
    } else if training().any(|case| !case.info.is_read()) {
        "The labeled scans are being read …".to_owned()
    } else if !state.worker.is_ready() {
        "The compute engine is starting …".to_owned()
    } else {
        "Planning …".to_owned()
    }
}
