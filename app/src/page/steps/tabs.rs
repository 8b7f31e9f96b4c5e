//! The tabs above the steps.

use leptos::{ev, prelude::*};
use web_sys::KeyboardEvent;

use super::step::Step;
use crate::page::address;
use crate::page::state::State;

/// One tab for each step. Arrow keys, Home and End move between them; Alt and a number work everywhere.
#[component]
pub fn Tabs() -> impl IntoView {
    let state = expect_context::<State>();
    let keys = window_event_listener(ev::keydown, move |event| by_number(state, &event));
    let address = window_event_listener(ev::hashchange, move |_| {
        if let Some(step) = Step::of_id(&address::fragment()) {
            state.steps.go(step);
        }
    });
    on_cleanup(move || {
        keys.remove();
        address.remove();
    });
    let tab = move |step: Step| {
        let selected = move || state.steps.current() == step;
        view! {
            <button
                id=step.tab()
                role="tab"
                aria-controls=step.id()
                aria-selected=move || selected().to_string()
                tabindex=move || if selected() { "0" } else { "-1" }
                title=format!("Alt+{}", step.number())
                on:click=move |_| state.steps.go(step)
                on:keydown=move |event| by_arrow(state, step, &event)
            >
                <i aria-hidden="true">{step.number()}</i>
                {step.title()}
            </button>
        }
    };
    view! {
        <div class="tabs" role="tablist" aria-label="Steps">
            {Step::ALL.map(tab).collect_view()}
        </div>
    }
}

/// Moves from one tab to another.
fn by_arrow(state: State, from: Step, event: &KeyboardEvent) {
    let to = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => from.after(),
        "ArrowLeft" | "ArrowUp" => from.before(),
        "Home" => Step::Cases,
        "End" => Step::TakeAway,
        _ => return,
    };
    if event.alt_key() || event.ctrl_key() || event.meta_key() {
        return;
    }
    event.prevent_default();
    state.steps.go_to_tab(to);
}

/// Alt and a digit: by the key's place, since with Alt some keyboards type another sign.
fn by_number(state: State, event: &KeyboardEvent) {
    if !event.alt_key() || event.ctrl_key() || event.meta_key() || event.shift_key() {
        return;
    }
    let code = event.code();
    let number = code.strip_prefix("Digit").and_then(|digit| digit.parse::<usize>().ok());
    let step = Step::ALL.into_iter().find(|step| Some(step.number()) == number);
    if let Some(step) = step {
        event.prevent_default();
        state.steps.go_to_tab(step);
    }
}
