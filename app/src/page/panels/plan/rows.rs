//! The decisions of a plan, a row each.

use leptos::prelude::*;
use medcontext_core::plan::is_edited;

use super::fields::{self, Field};
use super::settings::give_back;
use crate::message::{Planned, PlannedSetting};
use crate::page::format;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// All rows of the current plan.
#[component]
pub fn Rows() -> impl IntoView {
    let state = expect_context::<State>();
    let all = move || {
        let plan = state.plan.plan.read();
        plan.as_ref().map_or_else(Vec::new, |plan| plan.decisions.clone())
    };
    view! {
        <ul id="plan">
            <For
                each=all
                key=|one| (one.setting.clone(), one.value.clone(), one.reason.clone())
                let(decision)
            >
                <Row decision=decision />
            </For>
        </ul>
    }
}

/// One decision: its value, or what it was changed to, and why.
#[component]
fn Row(decision: PlannedSetting) -> impl IntoView {
    let state = expect_context::<State>();
    let PlannedSetting { setting, value, reason } = decision;
    let field = fields::find(&setting);
    let name = setting.clone();
    let title = field.map_or_else(|| in_words(&setting), |field| field.title.to_owned());
    let changed = Memo::new(move |_| field.is_some_and(|field| is_changed(state, field)));
    let planned = value.clone();
    // The length of the run follows from all other settings, changed ones too.
    let length = setting == "iterations";
    let of_weights = Memo::new(move |_| !length && !changed.get() && field.is_some_and(|field| differs(state, field)));
    let shown = Memo::new(
        move |_| match field.filter(|_| changed.get() || length || of_weights.get()) {
            Some(field) => (field.text)(&state.saved.config().read()),
            None => value.clone(),
        },
    );
    let why = Memo::new(move |_| match changed.get() {
        true => format!("changed by you; planned: {planned}"),
        false if length => pace(state),
        false if of_weights.get() => "that of the weights to start from".to_owned(),
        false => reason.clone(),
    });
    // A long reason is cut, until it is pressed.
    let whole = RwSignal::new(false);
    view! {
        <li data-setting=name class:changed=move || changed.get()>
            <span class="name">{title}</span>
            <b title=move || shown.get()>{move || shown.get()}</b>
            <button
                class="why plain"
                aria-expanded=move || whole.get().to_string()
                title=move || why.get()
                on:click=move |_| whole.update(|whole| *whole = !*whole)
            >
                <small>{move || why.get()}</small>
            </button>
            {field.map(|field| view! { <Buttons field=field changed=changed /> })}
        </li>
    }
}

/// Leads to the field, and back to the plan.
#[component]
fn Buttons(field: &'static Field, changed: Memo<bool>) -> impl IntoView {
    let state = expect_context::<State>();
    let locked = move || state.progress.work.read().busy();
    view! {
        <Show when=move || changed.get()>
            <button
                class="reset plain"
                aria-label=format!("Reset to plan: {}", field.title)
                title="Reset to plan"
                disabled=locked
                on:click=move |_| give_back(state, field.edits)
            >
                "Reset"
            </button>
        </Show>
        <button
            class="edit plain"
            aria-label=format!("Edit: {}", field.title)
            on:click=move |_| state.steps.go_to_field(field.id)
        >
            "Edit"
        </button>
    }
}

/// What the planned length of the run comes from.
fn pace(state: State) -> String {
    let plan = state.plan.plan.read();
    let seconds = |plan: &Planned| {
        let config = state.saved.config().read();
        plan.budget().step_seconds(&config, plan.channels, plan.outputs)
    };
    plan.as_ref().map_or_else(String::new, |plan| {
        let each = format::duration_fine(seconds(plan));
        format!("{} minutes of steps of {each}", plan.minutes)
    })
}

/// Whether a setting is another than the plan's.
fn differs(state: State, field: &Field) -> bool {
    let plan = state.plan.plan.read();
    let planned = plan.as_ref().map(|plan| (field.text)(&plan.config));
    planned.is_some_and(|planned| planned != (field.text)(&state.saved.config().read()))
}

/// Whether a person has changed what a field is for.
fn is_changed(state: State, field: &Field) -> bool {
    let edited = state.saved.edited().read();
    field.edits.iter().any(|setting| is_edited(&edited, setting))
}

/// The name of a setting that the page has no field for: `largest_component` as "Largest component".
fn in_words(setting: &str) -> String {
    let last = setting.rsplit('.').next().unwrap_or(setting).replace('_', " ");
    let mut letters = last.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
