//! The settings of the next run.

use leptos::prelude::*;
use medcontext_core::train::TrainConfig;

use super::network::{NetworkChoice, NetworkCost, Patch};
use super::preparation::{AugmentationChoice, Foreground, Mirroring, NormalizationChoice, SpacingChoice};
use super::settings::whole;
use crate::page::format;
use crate::page::panels::plan::{change, give_back};
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// The form.
#[component]
pub fn Settings() -> impl IntoView {
    let state = expect_context::<State>();
    let locked = Memo::new(move |_| state.progress.work.read().busy());
    view! {
        <fieldset class="settings" disabled=locked>
            <legend class="unseen">"Training settings"</legend>
            <NetworkChoice />
            <StartChoice />
            <NetworkCost />
            <Number
                id="iterations"
                label="Iterations"
                setting="iterations"
                step="1"
                get=|config| config.iterations.to_string()
                set=|config, value| config.iterations = whole(value)
            />
            <Number
                id="learning-rate"
                label="Learning rate"
                setting="learning_rate"
                step="any"
                get=|config| config.learning_rate.to_string()
                set=|config, value| config.learning_rate = value
            />
            <Patch />
            <SpacingChoice />
            <NormalizationChoice />
            <AugmentationChoice />
            <Foreground />
            <Mirroring />
            <StagesChoice />
            <MedContextSwitch />
            <Momentum />
            <Advanced />
        </fieldset>
    }
}

/// The initial weights.
#[component]
fn StartChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let from_weights = state.train.from_weights;
    let value = move || match (from_weights.get(), state.saved.config().read().new_head) {
        (false, _) => "scratch",
        (true, false) => "weights",
        (true, true) => "new-head",
    };
    let choose = move |value: String| {
        from_weights.set(value != "scratch");
        change(state, &["new_head"], |config| config.new_head = value == "new-head");
    };
    let none = move || state.weights.info.read().is_none();
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
                    "the current weights"
                </option>
                <option value="new-head" disabled=none>
                    "the current weights, for other labels"
                </option>
            </select>
        </label>
    }
}

/// One network or the planned cascade of two.
#[component]
fn StagesChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let planned = move || {
        let plan = state.plan.plan.read();
        plan.as_ref().is_some_and(|plan| plan.config.coarse.is_some())
    };
    let choose = move |value: String| match value.as_str() {
        "one" => change(state, &["coarse"], |config| config.coarse = None),
        _ => give_back(state, &["coarse"]),
    };
    view! {
        <Show when=planned>
            <label>
                "Stages"
                <select
                    id="stages"
                    prop:value=move || match state.saved.config().read().coarse {
                        Some(_) => "two",
                        None => "one",
                    }
                    on:change:target=move |event| choose(event.target().value())
                >
                    <option value="two">"two: find, then look closely"</option>
                    <option value="one">"one"</option>
                </select>
            </label>
        </Show>
    }
}

/// MedContext, on or off.
#[component]
fn MedContextSwitch() -> impl IntoView {
    let state = expect_context::<State>();
    let switch = move |on: bool| {
        change(state, &["medcontext.enabled"], |config| {
            config.medcontext.enabled = on;
        });
    };
    view! {
        <label class="switch">
            <input
                id="medcontext"
                type="checkbox"
                role="switch"
                prop:checked=move || state.saved.config().read().medcontext.enabled
                on:change:target=move |event| switch(event.target().checked())
            />
            <span>
                "MedContext" <small>"learns the labels of what is masked from its context"</small>
            </span>
        </label>
    }
}

/// How closely the teacher follows the student in a run of this length.
#[component]
fn Momentum() -> impl IntoView {
    let state = expect_context::<State>();
    let text = move || format::momentum(&state.saved.config().read());
    view! {
        <Show when=move || text().is_some()>
            <p id="momentum">{text}</p>
        </Show>
    }
}

/// Settings that are rarely changed.
#[component]
fn Advanced() -> impl IntoView {
    view! {
        <details id="advanced">
            <summary>"Advanced"</summary>
            <div>
                <Number
                    id="batch-size"
                    label="Batch size"
                    setting="batch_size"
                    step="1"
                    get=|config| config.batch_size.to_string()
                    set=|config, value| config.batch_size = whole(value)
                />
                <Number
                    id="mask-ratio"
                    label="Mask ratio"
                    setting="medcontext.mask_ratio"
                    step="any"
                    get=|config| config.medcontext.mask_ratio.to_string()
                    set=|config, value| config.medcontext.mask_ratio = value
                />
                <Number
                    id="beta"
                    label="Consistency weight β"
                    setting="medcontext.beta"
                    step="any"
                    get=|config| config.medcontext.beta.to_string()
                    set=|config, value| config.medcontext.beta = value
                />
                <Number
                    id="checkpoint-every"
                    label="Validate every"
                    setting="checkpoint_every"
                    step="1"
                    get=|config| config.checkpoint_every.to_string()
                    set=|config, value| config.checkpoint_every = whole(value)
                />
                <Number
                    id="seed"
                    label="Seed"
                    setting="seed"
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
    setting: &'static str,
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
            Some(value) => change(state, &[setting], |config| set(config, value)),
            // Restore the old number.
            None => state.saved.config().notify(),
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
                prop:value=move || get(&state.saved.config().read())
                on:change:target=move |event| changed(event.target().value())
            />
        </label>
    }
}
