//! Global keyboard shortcuts, a sheet that lists them, and diagnostics.

use leptos::html::Dialog;
use leptos::task::spawn_local;
use leptos::{ev, prelude::*};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, KeyboardEvent};

use super::viewer::Overlay;
use super::worker::Engine;
use crate::message::Device;
use crate::page::format;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// A key, what it does, and the id of the button that it presses, if it is one.
const KEYS: [(&str, &str, &str); 11] = [
    ("1", "Image alone", ""),
    ("2", "Truth over the image", ""),
    ("3", "Prediction over the image", ""),
    ("4", "Where prediction and truth differ", ""),
    ("5", "How uncertain the network is", ""),
    ("t", "Train", "train"),
    ("s", "Segment", "predict"),
    ("p", "Pause, or continue", "pause"),
    ("x", "Stop", "stop"),
    ("e", "Edit labels", "edit"),
    ("?", "This sheet", "help"),
];

/// Keys that are only listed: the viewer's and the editor's.
const OTHERS: [(&str, &str); 4] = [
    ("Alt+1 … Alt+5", "A step: cases, train, segment, measure, take away"),
    (
        "h l, j k, d u, or arrows and Page keys",
        "Move the crosshair (in the viewer)",
    ),
    ("Right button and drag", "Brightness and contrast (in the viewer)"),
    ("Ctrl+Z, Ctrl+Y", "Undo, redo (while labels are edited)"),
];

/// The button, the sheet and the keys.
#[component]
pub fn Help() -> impl IntoView {
    let state = expect_context::<State>();
    let sheet = NodeRef::<Dialog>::new();
    let keys = window_event_listener(ev::keydown, move |event| press(state, &event));
    on_cleanup(move || keys.remove());
    let open = move |_| {
        if let Some(sheet) = sheet.get() {
            // It only fails if the sheet is already open.
            let _ = sheet.show_modal();
        }
    };
    let line = |(key, text): (&'static str, &'static str)| {
        view! {
            <dt>
                <kbd>{key}</kbd>
            </dt>
            <dd>{text}</dd>
        }
    };
    view! {
        <button id="help" aria-haspopup="dialog" title="Keys and help" on:click=open>
            "?"
        </button>
        <dialog id="help-sheet" node_ref=sheet aria-labelledby="help-title">
            <form method="dialog">
                <h2 id="help-title">"Keys"</h2>
                <dl>
                    {KEYS.map(|(key, text, _)| line((key, text))).collect_view()}
                    {OTHERS.map(line).collect_view()}
                </dl>
                <p>
                    "Files stay in this browser. To report a fault, copy the diagnostics: settings and devices, no \
                     names of files or cases."
                </p>
                <div class="buttons">
                    <CopyDiagnostics />
                    <button class="primary">"Close"</button>
                </div>
            </form>
        </dialog>
    }
}

/// Does what a key stands for, unless it is meant for something else.
fn press(state: State, event: &KeyboardEvent) {
    let typing = event.target().is_some_and(|target| {
        let element: Option<&HtmlElement> = target.dyn_ref();
        element.is_some_and(|element| ["INPUT", "SELECT", "TEXTAREA", "CANVAS"].contains(&element.tag_name().as_str()))
    });
    if typing || event.ctrl_key() || event.meta_key() || event.alt_key() {
        return;
    }
    let key = event.key();
    let overlay = match key.as_str() {
        "1" => Some(Overlay::None),
        "2" => Some(Overlay::Truth),
        "3" => Some(Overlay::Prediction),
        "4" => Some(Overlay::Difference),
        "5" => Some(Overlay::Uncertainty),
        _ => None,
    };
    if let Some(overlay) = overlay {
        return state.viewer.overlay.set(overlay);
    }
    let button = KEYS.iter().find(|(known, ..)| *known == key);
    let button = button.and_then(|(_, _, id)| document().get_element_by_id(id));
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        state.steps.go_to_holder(&button.id());
        // A button that is disabled does nothing.
        button.click();
    }
}

/// The button that copies what helps to find a fault.
#[component]
fn CopyDiagnostics() -> impl IntoView {
    let state = expect_context::<State>();
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = diagnostics(state);
        spawn_local(async move {
            let written = window().navigator().clipboard().write_text(&text);
            copied.set(JsFuture::from(written).await.is_ok());
        });
    };
    view! {
        <button type="button" id="copy-diagnostics" on:click=copy>
            {move || if copied.get() { "Copied" } else { "Copy diagnostics" }}
        </button>
    }
}

/// What helps to find a fault, without the name of any file or case.
fn diagnostics(state: State) -> String {
    let device = match state.worker.engine.get_untracked() {
        Engine::Starting => "starting".to_owned(),
        Engine::Ready(Device::WebGpu { name, largest_tensor }) => {
            format!("WebGPU, {name}, tensors of up to {} MiB", largest_tensor >> 20)
        }
        Engine::Ready(Device::Cpu { reason, threads }) => {
            format!(
                "CPU, {} ({})",
                format::threads(threads),
                reason.as_deref().unwrap_or("as chosen")
            )
        }
        Engine::Dead => "broken down".to_owned(),
    };
    let agent = window().navigator().user_agent().unwrap_or_default();
    let cases = state.cases.rows.read_untracked();
    let sizes = cases.iter().map(|case| {
        let (dims, labels) = (case.info.header.dims, case.info.labels().map(Vec::len));
        format!("{dims:?} {} labels {labels:?}", case.info.header.orientation)
    });
    let settings = state.saved.config().read_untracked().to_toml();
    let settings = settings.unwrap_or_else(|reason| format!("settings: {reason}"));
    let work = state.progress.work.read_untracked();
    format!(
        "MedContext {}\nbrowser: {agent}\ndevice: {device}\ntask: {:?} {:?} {} of {}\ncases:\n{}\n\n{settings}",
        env!("CARGO_PKG_VERSION"),
        work.task,
        work.phase,
        work.done,
        work.total,
        sizes.collect::<Vec<_>>().join("\n"),
    )
}
