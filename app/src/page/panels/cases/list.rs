//! The list of cases as a file, as `core cases --json` prints it. The button is shown if the address asks for it:
//! `?cases`.

use js_sys::Array;
use leptos::prelude::*;
use serde_json::{Value, json};
use web_sys::Blob;

use crate::page::address::asked;
use crate::page::files::save;
use crate::page::panels::cases::Case;
use crate::page::state::State;
use crate::page::viewer::sentence;

/// The name of the file.
const NAME: &str = "cases.json";

/// The button.
#[component]
pub fn CaseList() -> impl IntoView {
    let state = expect_context::<State>();
    let take = move |_| {
        let text = listing(state).to_string();
        let file = Blob::new_with_str_sequence(&Array::of1(&text.into()));
        if let Err(reason) = file.and_then(|file| save(NAME, &file)) {
            state.say(format!("{NAME} could not be saved ({}).", sentence(reason)));
        }
    };
    asked("cases").map(|_| {
        view! {
            <button id="save-cases" class="save" on:click=take>
                "List of cases (.json)"
            </button>
        }
    })
}

fn listing(state: State) -> Value {
    let (cases, leftovers) = (
        state.cases.rows.read_untracked(),
        state.cases.leftovers.read_untracked(),
    );
    let messages = state.messages.read_untracked();
    let leftovers = leftovers
        .iter()
        .map(|file| json!({ "path": file.path, "reason": file.reason }));
    json!({
        "cases": cases.iter().map(listed).collect::<Vec<_>>(),
        "leftovers": leftovers.collect::<Vec<_>>(),
        "problems": messages.iter().map(|message| &message.text).collect::<Vec<_>>(),
    })
}

fn listed(case: &Case) -> Value {
    let info = &case.info;
    json!({
        "id": info.id(),
        "role": case.role,
        "image": info.files.image(),
        "label": info.files.label,
        "channels": info.header.channels,
        "dims": info.header.dims,
        "spacing": info.header.spacing,
        "orientation": info.header.orientation,
        "labels": info.labels(),
        "warnings": info.problems(),
    })
}
