//! A step's panels, and the way to the next step.

use leptos::prelude::*;

use super::missing::missing;
use super::step::Step;
use crate::page::state::State;

/// The panels of a step. They stay when another step is visible, only hidden.
#[component]
pub fn Panel(step: Step, children: Children) -> impl IntoView {
    let state = expect_context::<State>();
    view! {
        <div
            id=step.id()
            class="step"
            role="tabpanel"
            aria-labelledby=step.tab()
            hidden=move || state.steps.current() != step
        >
            {children()}
            {step.next().map(|next| view! { <Next from=step to=next /> })}
        </div>
    }
}

/// The button that leads to the next step, or what it still needs.
#[component]
fn Next(from: Step, to: Step) -> impl IntoView {
    let state = expect_context::<State>();
    let needed = Memo::new(move |_| missing(state, from));
    let note = format!("{}-missing", from.id());
    view! {
        <div class="next">
            <p id=note.clone()>{move || needed.get()}</p>
            <button
                id=format!("{}-next", from.id())
                aria-describedby=note
                disabled=move || needed.read().is_some()
                on:click=move |_| state.steps.go_to_tab(to)
            >
                {format!("Next: {}", to.title())}
            </button>
        </div>
    }
}
