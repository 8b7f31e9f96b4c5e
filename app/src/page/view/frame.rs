//! What surrounds the work: header, messages, footer, and the window itself as a place to drop files.

use leptos::html::ElementType;
use leptos::prelude::*;
use leptos::{ev, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{DragEvent, Element, ScrollIntoViewOptions, ScrollLogicalPosition};

use super::help::Help;
use crate::message::{CasesRequest, Device, DevicePreference};
use crate::page::files::Drop;
use crate::page::link::Link;
use crate::page::state::{Engine, State};

/// Takes drops anywhere in the window, says so while something is dragged over it, and asks before work is
/// left unfinished.
#[component]
pub fn Window() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let dragging = RwSignal::new(false);
    let holds_files = |event: &DragEvent| {
        event
            .data_transfer()
            .is_some_and(|transfer| transfer.types().includes(&"Files".into(), 0))
    };
    let over = window_event_listener(ev::dragover, move |event| {
        if holds_files(&event) {
            event.prevent_default();
            dragging.set(true);
        }
    });
    let leave = window_event_listener(ev::dragleave, move |event| {
        // Leaving for nowhere is leaving the window; the others are moves between elements.
        if event.related_target().is_none() {
            dragging.set(false);
        }
    });
    let dropped = window_event_listener(ev::drop, move |event| {
        event.prevent_default();
        dragging.set(false);
        take(&event, state, link);
    });
    let leaving = window_event_listener(ev::beforeunload, move |event| {
        if state.work.read_untracked().busy() {
            // The browser then asks whether to leave.
            event.prevent_default();
        }
    });
    on_cleanup(move || {
        for listener in [over, leave, dropped, leaving] {
            listener.remove();
        }
    });
    view! {
        <div class="drop-veil" class:shown=dragging aria-hidden="true">
            <p>"Drop to add to your cases"</p>
        </div>
    }
}

/// Scrolls the panels, if need be, so that something new is seen.
pub fn bring_into_view<E>(node: NodeRef<E>)
where
    E: ElementType<Output: AsRef<Element> + Clone + JsCast> + 'static,
{
    // After the browser has laid it out.
    request_animation_frame(move || {
        if let Some(element) = node.get_untracked() {
            let options = ScrollIntoViewOptions::new();
            options.set_block(ScrollLogicalPosition::Nearest);
            let element: &Element = element.as_ref();
            element.scroll_into_view_with_scroll_into_view_options(&options);
        }
    });
}

/// Hands what was dropped to the worker.
fn take(event: &DragEvent, state: State, link: Link) {
    let Some(drop) = event.data_transfer().map(|transfer| Drop::new(&transfer)) else {
        return;
    };
    spawn_local(async move {
        match drop.uploads().await {
            Ok(uploads) => link.send(CasesRequest::Add(uploads)),
            Err(_) => state.say("The browser could not read what was dropped; drop it again."),
        }
    });
}

/// Name, and where the numbers are computed.
#[component]
pub fn Header() -> impl IntoView {
    let state = expect_context::<State>();
    let kind = move || match &*state.engine.read() {
        Engine::Starting => "starting",
        Engine::Ready(Device::WebGpu { .. }) => "webgpu",
        Engine::Ready(Device::Cpu { .. }) => "cpu",
        Engine::Dead => "failed",
    };
    let words = move || match &*state.engine.read() {
        Engine::Starting => "Starting the compute engine…".to_owned(),
        Engine::Ready(Device::WebGpu { name, .. }) => format!("WebGPU · {name}"),
        Engine::Ready(Device::Cpu {
            reason: Some(reason),
        }) => {
            format!("CPU: slower, because {reason}")
        }
        Engine::Ready(Device::Cpu { reason: None }) => "CPU, one thread".to_owned(),
        Engine::Dead => "The compute engine has stopped".to_owned(),
    };
    view! {
        <header>
            <Logo />
            <h1>"MedContext"</h1>
            <p class="tagline">"Few-shot 3D segmentation, trained in your browser"</p>
            <p id="device" class="chip" data-device=kind title="Where the numbers are computed">
                <span class="dot" aria-hidden="true"></span>
                {words}
            </p>
            <SwitchDevice />
            <Help />
        </header>
    }
}

/// The other device, where there is a choice.
#[component]
fn SwitchDevice() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let other = Memo::new(move |_| match &*state.engine.read() {
        Engine::Ready(Device::WebGpu { .. }) => Some(DevicePreference::Cpu),
        Engine::Ready(Device::Cpu { reason: None }) => Some(DevicePreference::Gpu),
        _ => None,
    });
    let words = move || match other.get() {
        Some(DevicePreference::Cpu) => "Use the CPU",
        _ => "Use the GPU",
    };
    view! {
        <Show when=move || other.get().is_some()>
            <button
                id="switch-device"
                title="Files, weights and results stay"
                disabled=move || state.work.read().busy()
                on:click=move |_| {
                    if let Some(device) = other.get_untracked() {
                        link.compute_on(device);
                    }
                }
            >
                {words}
            </button>
        </Show>
    }
}

/// A volume with a masked column: what MedContext learns from.
#[component]
fn Logo() -> impl IntoView {
    let cells = (0..9).map(|cell| {
        let (column, row) = (cell % 3, cell / 3);
        let class = if column == 1 { "masked" } else { "seen" };
        view! { <rect class=class x=2 + column * 8 y=2 + row * 8 width="6" height="6" rx="1.5" /> }
    });
    view! {
        <svg class="logo" viewBox="0 0 26 26" aria-hidden="true">
            {cells.collect_view()}
        </svg>
    }
}

/// What went wrong, one line each, until dismissed; and the way out when the worker has died.
#[component]
pub fn Messages() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let many = move || state.messages.read().len() > 2;
    let dismiss = move |key| {
        state
            .messages
            .update(|all| all.retain(|message| message.key != key))
    };
    view! {
        <section class="messages" aria-label="Messages">
            <ul id="messages" role="status">
                <For each=move || state.messages.get() key=|message| message.key let(message)>
                    <li data-kind="error">
                        <span>{message.text}</span>
                        <button
                            class="dismiss plain"
                            aria-label="Dismiss this message"
                            on:click=move |_| dismiss(message.key)
                            ></button>
                    </li>
                </For>
            </ul>
            <Show when=many>
                <button
                    id="dismiss-all"
                    class="plain"
                    on:click=move |_| state.messages.set(Vec::new())
                >
                    "Dismiss all"
                </button>
            </Show>
            <Show when=move || *state.engine.read() == Engine::Dead>
                <button id="restart" class="primary" on:click=move |_| link.restart()>
                    "Restart the compute engine"
                </button>
            </Show>
        </section>
    }
}

/// What this is not.
#[component]
pub fn Footer() -> impl IntoView {
    view! {
        <footer>
            <p>"For research. Not a medical device: do not use it for diagnosis or treatment."</p>
        </footer>
    }
}
