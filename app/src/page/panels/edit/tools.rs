//! Tools, labels and commands of the editor.

use std::collections::BTreeMap;

use leptos::task::spawn_local;
use leptos::{ev, prelude::*};

use super::pen::{LARGEST_LABEL, Pen};
use crate::message::{CasesRequest, Handle};
use crate::page::link::Link;
use crate::page::state::State;
use crate::page::viewer::{Command, Label, Viewer};

/// Brush sizes in voxels.
const SIZES: std::ops::RangeInclusive<u32> = 1..=15;

/// What dragging over a slice does: name, label, purpose.
const TOOLS: [(&str, &str, &str); 5] = [
    ("look", "Look", "Move the crosshair"),
    ("brush", "Brush", "Paint over voxels"),
    ("fill", "Fill", "Draw an outline: its inside is filled"),
    ("erase", "Erase", "Paint background"),
    ("grow", "Grow", "Click: similar voxels around join"),
];

/// Tool and size of the pen.
#[component]
pub fn Tools(pen: Pen) -> impl IntoView {
    let choice = move |(value, text, title): (&'static str, &'static str, &'static str)| {
        view! {
            <label title=title>
                <input
                    type="radio"
                    name="tool"
                    value=value
                    prop:checked=move || pen.tool.get() == value
                    on:change=move |_| pen.tool.set(value)
                />
                <span>{text}</span>
            </label>
        }
    };
    view! {
        <div class="segmented" role="radiogroup" aria-label="Tool">
            {TOOLS.map(choice).collect_view()}
        </div>
        <label class="opacity">
            "Size"
            <input
                id="pen-size"
                type="range"
                min=*SIZES.start()
                max=*SIZES.end()
                prop:value=move || pen.size.get().to_string()
                on:input:target=move |event| {
                    pen.size.set(event.target().value().parse().unwrap_or(1));
                }
            />
        </label>
    }
}

/// Which label is drawn, and new ones.
#[component]
pub fn PenLabel(pen: Pen) -> impl IntoView {
    let state = expect_context::<State>();
    let name = RwSignal::new(String::new());
    let options = move || {
        let option = |label: Label| {
            let chosen = move || pen.label.get() == label.id;
            view! { <option value=label.id selected=chosen>{label.name}</option> }
        };
        pen.labels(state).into_iter().map(option).collect_view()
    };
    let add = move |_| {
        let last = pen.labels(state).iter().map(|label| label.id).max();
        let id = last.unwrap_or(0) + 1;
        if id > LARGEST_LABEL {
            return state.say("A drawing holds at most 255 labels.");
        }
        let text = name.get().trim().to_owned();
        let text = if text.is_empty() { format!("label {id}") } else { text };
        pen.added.update(|added| drop(added.insert(id, text)));
        pen.label.set(id);
        name.set(String::new());
    };
    view! {
        <select
            id="pen-label"
            aria-label="Label to draw"
            on:change:target=move |event| pen.label.set(event.target().value().parse().unwrap_or(1))
        >
            {options}
        </select>
        <input
            id="new-label"
            type="text"
            placeholder="new label"
            aria-label="Name of a new label"
            prop:value=move || name.get()
            on:input:target=move |event| name.set(event.target().value())
        />
        <button id="add-label" on:click=add>
            "Add"
        </button>
    }
}

/// Commands for the whole drawing.
#[component]
pub fn Commands(pen: Pen) -> impl IntoView {
    let state = expect_context::<State>();
    let give = move |command: Command| match pen.with(|viewer| viewer.command(command)) {
        Some(Ok(changes)) => pen.changes.set(changes),
        Some(Err(reason)) => state.say(format!("That cannot be drawn: {reason}.")),
        None => {}
    };
    // The usual keys: Ctrl+Z, and Ctrl+Y or Ctrl+Shift+Z.
    let keys = window_event_listener(ev::keydown, move |event| {
        let command = match (
            event.ctrl_key() || event.meta_key(),
            event.key().to_lowercase().as_str(),
        ) {
            (true, "z") if event.shift_key() => Command::Redo,
            (true, "z") => Command::Undo,
            (true, "y") => Command::Redo,
            _ => return,
        };
        event.prevent_default();
        give(command);
    });
    on_cleanup(move || keys.remove());
    let button = move |id: &'static str, label: &'static str, title: &'static str, command: Command| {
        let possible = move || match command {
            Command::Undo => pen.changes.read().undo,
            Command::Redo => pen.changes.read().redo,
            Command::GrowCut | Command::Interpolate => true,
        };
        view! {
            <button id=id title=title disabled=move || !possible() on:click=move |_| give(command)>
                {label}
            </button>
        }
    };
    view! {
        {button("undo", "Undo", "Ctrl+Z", Command::Undo)}
        {button("redo", "Redo", "Ctrl+Y", Command::Redo)}
        {button("grow-cut", "GrowCut", "Let all labels grow until they meet", Command::GrowCut)}
        {button(
            "interpolate",
            "Between slices",
            "Fill the axial slices between those that are drawn",
            Command::Interpolate,
        )}
    }
}

/// Save or discard the drawing.
#[component]
pub fn Finish(pen: Pen) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let close = move || {
        pen.with(Viewer::close_drawing);
        state.viewer.editing.set(None);
    };
    let save = move |_| {
        let (Some(viewer), Some(case)) = (pen.viewer.get(), state.viewer.editing.get()) else {
            return;
        };
        let names = pen.labels(state).into_iter().map(|label| (label.id, label.name));
        let names: BTreeMap<u16, String> = names.collect();
        spawn_local(async move {
            match viewer.drawing().await {
                Ok(drawing) => {
                    let drawing = Handle(drawing);
                    link.send(CasesRequest::Label { case, drawing, names });
                    close();
                }
                Err(reason) => state.say(format!("{case}: the drawing cannot be saved ({reason}).")),
            }
        });
    };
    view! {
        <button
            id="edit-save"
            class="primary"
            title="The drawing becomes the case's labels, and the case one to train on"
            on:click=save
        >
            "Save as truth"
        </button>
        <button id="edit-cancel" on:click=move |_| close()>
            "Discard"
        </button>
    }
}
