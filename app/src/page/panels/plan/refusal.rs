//! A change that cannot work, and the nearest that can.

use leptos::html::P;
use leptos::prelude::*;

use super::settings::take_nearest;
use crate::page::scroll::bring_into_view;
use crate::page::state::State;

/// One sentence and a button, after a change was refused.
#[component]
pub fn Refusal() -> impl IntoView {
    let state = expect_context::<State>();
    let line = NodeRef::<P>::new();
    // Each time that something is refused: the line comes and goes.
    Effect::new(move |_| {
        if state.plan.refused.read().is_some() {
            bring_into_view(line);
        }
    });
    let sentence = move || {
        state
            .plan
            .refused
            .read()
            .as_ref()
            .map(|refused| format!("Not changed: {}.", refused.sentence))
    };
    view! {
        <div role="alert">
            <Show when=move || state.plan.refused.read().is_some()>
                <p id="refused" node_ref=line>
                    <span>{sentence}</span>
                    <button id="use-nearest" on:click=move |_| take_nearest(state)>
                        "Use that"
                    </button>
                </p>
            </Show>
        </div>
    }
}
