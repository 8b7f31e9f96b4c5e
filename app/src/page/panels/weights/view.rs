//! The current weights, and a button to save them.

use leptos::prelude::*;

use crate::page::files::save;
use crate::page::state::State;

/// What the current weights are.
#[component]
pub fn Weights() -> impl IntoView {
    let state = expect_context::<State>();
    let text = move || match &*state.weights.info.read() {
        Some(info) => info.summary.clone(),
        None => "No weights yet: train, or drop a file with weights.".to_owned(),
    };
    view! {
        <p id="weights">{text}</p>
    }
}

/// The button that saves them.
#[component]
pub fn Save() -> impl IntoView {
    let state = expect_context::<State>();
    let take = move |_| {
        let file = state.weights.info.get().zip(state.weights.file.get_value());
        if let Some((info, blob)) = file
            && save(&info.file_name, &blob).is_err()
        {
            state.say("The browser could not save the weights; try again.");
        }
    };
    view! {
        <div class="take-away">
            <button
                id="save-weights"
                class="save"
                disabled=move || state.weights.info.read().is_none()
                on:click=take
            >
                "Weights (.safetensors)"
            </button>
            <p>"The trained network: drop it here again, or use it with the command line."</p>
        </div>
    }
}
