//! Drawing and correcting labels, which become the case's truth.

use std::collections::BTreeMap;
use std::rc::Rc;

use leptos::task::spawn_local;
use leptos::{ev, prelude::*};

use super::displayed;
use crate::message::{CasesRequest, Handle};
use crate::page::link::Link;
use crate::page::state::{Overlay, State};
use crate::page::viewer::{Changes, Command, Label, Viewer};

/// Labels in a drawing take one byte.
const LARGEST_LABEL: u16 = 255;

/// Brush sizes in voxels.
const SIZES: std::ops::RangeInclusive<u32> = 1..=15;

/// What dragging over a slice does: name, words, what it is for.
const TOOLS: [(&str, &str, &str); 5] = [
    ("look", "Look", "Move the crosshair"),
    ("brush", "Brush", "Paint over voxels"),
    ("fill", "Fill", "Draw an outline: its inside is filled"),
    ("erase", "Erase", "Paint background"),
    ("grow", "Grow", "Click: similar voxels around join"),
];

type Screen = RwSignal<Option<Rc<Viewer>>, LocalStorage>;

/// What the pen does.
#[derive(Clone, Copy)]
struct Pen {
    viewer: Screen,
    tool: RwSignal<&'static str>,
    label: RwSignal<u16>,
    size: RwSignal<u32>,
    changes: RwSignal<Changes>,
    /// Labels that were added here, by id.
    added: RwSignal<BTreeMap<u16, String>>,
}

impl Pen {
    /// Labels that can be drawn: those known, and those added.
    fn labels(&self, state: State) -> Vec<Label> {
        let mut labels = state.labels.get();
        labels.retain(|label| label.id <= LARGEST_LABEL);
        let known: Vec<u16> = labels.iter().map(|label| label.id).collect();
        let added = self.added.get();
        let added = added.into_iter().filter(|(id, _)| !known.contains(id));
        labels.extend(added.map(|(id, name)| Label {
            id,
            name,
            visible: true,
        }));
        labels
    }

    /// Does something with the viewer, if there is one.
    fn with<T>(&self, act: impl FnOnce(&Viewer) -> T) -> Option<T> {
        self.viewer.get_untracked().map(|viewer| act(&viewer))
    }
}

/// The button that starts editing, and the tools while it goes on.
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
        if state.editing.read().is_some() {
            pen.with(|viewer| viewer.set_tool(tool, label, size));
        }
    });
    Effect::new(move |_| {
        let labels = pen.labels(state);
        if state.editing.read().is_some() {
            let recoloured = pen.with(|viewer| viewer.recolour_drawing(&labels));
            if let Some(Err(reason)) = recoloured {
                state.say(format!(
                    "The drawing's colours stay as they are ({reason})."
                ));
            }
        }
    });
    let editing = move || state.editing.read().is_some();
    let possible = move || state.picture.read().is_some() && viewer.read().is_some();
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

/// Opens the labels that are shown, or none, for editing.
fn start(state: State, pen: Pen, opacity: f64) {
    let (Some(viewer), Some(picture)) = (pen.viewer.get(), state.picture.get()) else {
        return;
    };
    let labels = match state.overlay.get() {
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
        pen.added
            .update(|added| drop(added.insert(1, "label 1".to_owned())));
    }
    let colours = pen.labels(state);
    state.editing.set(Some(picture.case.clone()));
    spawn_local(async move {
        let changes = pen.changes.write_only();
        match viewer
            .edit(labels.as_ref(), &colours, opacity, changes)
            .await
        {
            Ok(()) => viewer.set_tool(
                pen.tool.get_untracked(),
                pen.label.get_untracked(),
                pen.size.get_untracked(),
            ),
            Err(reason) => {
                state.editing.set(None);
                state.say(format!(
                    "{}: its labels cannot be edited ({reason}).",
                    picture.case
                ));
            }
        }
    });
}

/// What the pen does, and how thick it is.
#[component]
fn Tools(pen: Pen) -> impl IntoView {
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
fn PenLabel(pen: Pen) -> impl IntoView {
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
        let text = if text.is_empty() {
            format!("label {id}")
        } else {
            text
        };
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

/// What is done to the whole drawing.
#[component]
fn Commands(pen: Pen) -> impl IntoView {
    let state = expect_context::<State>();
    let give = move |command: Command| match pen.with(|viewer| viewer.command(command)) {
        Some(Ok(changes)) => pen.changes.set(changes),
        Some(Err(reason)) => state.say(format!("That cannot be drawn: {reason}.")),
        None => {}
    };
    // As everywhere: Ctrl+Z, and Ctrl+Y or Ctrl+Shift+Z.
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
    let button = move |id: &'static str,
                       words: &'static str,
                       title: &'static str,
                       command: Command| {
        let possible = move || match command {
            Command::Undo => pen.changes.read().undo,
            Command::Redo => pen.changes.read().redo,
            Command::GrowCut | Command::Interpolate => true,
        };
        view! {
            <button id=id title=title disabled=move || !possible() on:click=move |_| give(command)>
                {words}
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

/// Keep the drawing, or not.
#[component]
fn Finish(pen: Pen) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let close = move || {
        pen.with(Viewer::close_drawing);
        state.editing.set(None);
    };
    let save = move |_| {
        let (Some(viewer), Some(case)) = (pen.viewer.get(), state.editing.get()) else {
            return;
        };
        let names = pen
            .labels(state)
            .into_iter()
            .map(|label| (label.id, label.name));
        let names: BTreeMap<u16, String> = names.collect();
        spawn_local(async move {
            match viewer.drawing().await {
                Ok(drawing) => {
                    let drawing = Handle(drawing);
                    link.send(CasesRequest::Label {
                        case,
                        drawing,
                        names,
                    });
                    close();
                }
                Err(reason) => {
                    state.say(format!("{case}: the drawing cannot be saved ({reason})."))
                }
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
