//! The ways in: drop zone, file dialogs, sample volumes.

use leptos::html::Input;
use leptos::prelude::*;
use medcontext_core::volume::{FORMATS, format};

use crate::message::CasesRequest;
use crate::page::files::from_dialog;
use crate::page::link::Link;
use crate::page::state::State;

/// Drop zone, file dialogs, and the sample volumes.
#[component]
pub fn Intake() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let endings: Vec<&str> = FORMATS.iter().flat_map(|format| format.endings).copied().collect();
    view! {
        <div id="drop" class="drop" class:compact=move || !state.cases.rows.read().is_empty()>
            <p class="invitation">
                "Drop scans and their label maps here"
                <span>
                    {format!(
                        "{} files or whole folders ({}), weights (.safetensors, .pt, .pth), saved sessions (.zip)",
                        format::names(),
                        endings.join(", ")
                    )}
                </span>
            </p>
            <div class="buttons">
                <Picker id="files" label="Choose files" folder=false />
                <Picker id="folder" label="Choose a folder" folder=true />
                <button id="sample" on:click=move |_| link.send(CasesRequest::AddSamples)>
                    "Try with sample volumes"
                </button>
            </div>
            <p class="privacy">
                <svg viewBox="0 0 16 16" aria-hidden="true">
                    <path d="M4 7V5a4 4 0 0 1 8 0v2h1v7H3V7zm2 0h4V5a2 2 0 0 0-4 0z" />
                </svg>
                "Files stay in this browser: nothing is uploaded."
            </p>
        </div>
    }
}

/// A button that opens a file dialog.
#[component]
fn Picker(id: &'static str, label: &'static str, folder: bool) -> impl IntoView {
    let link = expect_context::<Link>();
    let input = NodeRef::<Input>::new();
    let open = move |_| {
        if let Some(input) = input.get() {
            input.click();
        }
    };
    let chosen = move |_| {
        let Some(input) = input.get() else { return };
        if let Some(list) = input.files() {
            link.send(CasesRequest::Add(from_dialog(&list)));
        }
        // So that choosing the same file again is noticed.
        input.set_value("");
    };
    view! {
        <button on:click=open>{label}</button>
        <input
            node_ref=input
            id=id
            class="unseen"
            type="file"
            multiple
            prop:webkitdirectory=folder
            tabindex="-1"
            aria-label=label
            on:change=chosen
        />
    }
}
