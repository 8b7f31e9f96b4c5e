//! The current weights, with a button to save them.

use leptos::prelude::*;

use crate::page::files::save;
use crate::page::state::State;

/// The current weights, with a button to save them.
#[component]
pub fn Weights() -> impl IntoView {
    let state = expect_context::<State>();
    let take = move |_| {
        let file = state.weights.info.get().zip(state.weights.file.get_value());
        if let Some((info, blob)) = file
            && save(&info.file_name, &blob).is_err()
        {
            state.say("The browser could not save the weights; try again.");
        }
    };
    let text = move || match &*state.weights.info.read() {
        Some(info) => info.summary.clone(),
        None => "No weights yet: train, or drop a file with weights.".to_owned(),
    };
    view! {
        <div class="weights">
            <p id="weights">{text}</p>
            <button
                id="save-weights"
                disabled=move || state.weights.info.read().is_none()
                on:click=take
            >
                "Save weights"
            </button>
        </div>
    }
}
