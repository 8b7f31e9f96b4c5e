//! Drawing and correcting labels, which become the case's truth.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::pen::{Pen, Screen};
use super::tools::{Commands, Finish, PenLabel, Tools};
use crate::page::panels::viewer::{Overlay, displayed};
use crate::page::state::State;
use crate::page::viewer::Changes;

/// The button that starts editing, and the tools while editing.
#[component]
pub fn Editor(viewer: Screen, opacity: RwSignal<f64>) -> impl IntoView {
    let state = expect_context::<State>();
    let pen = Pen {
        viewer,
        tool: RwSignal::new("brush"),
        label: RwSignal::new(1),
        size: RwSignal::new(3),
        changes: RwSignal::new(Changes::default()),
        added: RwSignal::new(BTreeMap::new()),
    };
    Effect::new(move |_| {
        let (tool, label, size) = (pen.tool.get(), pen.label.get(), pen.size.get());
        if state.viewer.editing.read().is_some() {
            pen.with(|viewer| viewer.set_tool(tool, label, size));
        }
    });
    Effect::new(move |_| {
        let labels = pen.labels(state);
        if state.viewer.editing.read().is_some() {
            let recolored = pen.with(|viewer| viewer.recolor_drawing(&labels));
            if let Some(Err(reason)) = recolored {
                state.say(format!("The drawing's colors stay as they are ({reason})."));
            }
        }
    });
    let editing = move || state.viewer.editing.read().is_some();
    let possible = move || state.viewer.picture.read().is_some() && viewer.read().is_some();
    view! {
        <Show
            when=editing
            fallback=move || {
                view! {
                    <button
                        id="edit"
                        title="Draw labels, or correct those that are shown"
                        disabled=move || !possible()
                        on:click=move |_| start(state, pen, opacity.get())
                    >
                        "Edit labels"
                    </button>
                }
            }
        >
            <div id="editor" role="group" aria-label="Drawing">
                <Tools pen=pen />
                <PenLabel pen=pen />
                <Commands pen=pen />
                <Finish pen=pen />
            </div>
        </Show>
    }
}

/// Opens the displayed labels, or none, for editing.
fn start(state: State, pen: Pen, opacity: f64) {
    let (Some(viewer), Some(picture)) = (pen.viewer.get(), state.viewer.picture.get()) else {
        return;
    };
    let labels = match state.viewer.overlay.get() {
        Overlay::None => None,
        Overlay::Truth => picture.truth,
        Overlay::Prediction | Overlay::Difference | Overlay::Uncertainty => {
            let found = displayed::labels(state, &picture.case);
            if found.is_none() && displayed::is_expected(state, &picture.case) {
                return state.say("The labels are still being loaded; try again.");
            }
            found
        }
    };
    let known = pen.labels(state);
    pen.label.set(known.first().map_or(1, |label| label.id));
    if known.is_empty() {
        pen.added.update(|added| drop(added.insert(1, "label 1".to_owned())));
    }
    let colors = pen.labels(state);
    state.viewer.editing.set(Some(picture.case.clone()));
    spawn_local(async move {
        let changes = pen.changes.write_only();
        match viewer.edit(labels.as_ref(), &colors, opacity, changes).await {
            Ok(()) => viewer.set_tool(
                pen.tool.get_untracked(),
                pen.label.get_untracked(),
                pen.size.get_untracked(),
            ),
            Err(reason) => {
                state.viewer.editing.set(None);
                state.say(format!("{}: its labels cannot be edited ({reason}).", picture.case));
            }
        }
    });
}
