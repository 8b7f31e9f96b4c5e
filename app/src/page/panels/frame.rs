//! The frame of the page: header, footer, and the window itself as a drop target.

use leptos::prelude::*;
use leptos::{ev, task::spawn_local};
use web_sys::DragEvent;

use crate::message::CasesRequest;
use crate::page::files::Drop;
use crate::page::link::Link;
use crate::page::panels;
use crate::page::state::State;

/// Takes drops anywhere in the window, shows a hint while something is dragged over it, and asks before leaving
/// unfinished work.
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
        // Without a related target, the pointer left the window; otherwise it moved between elements.
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
        if state.progress.work.read_untracked().busy() {
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

/// Hands dropped files to the worker.
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

/// Name, device, help.
#[component]
pub fn Header() -> impl IntoView {
    view! {
        <header>
            <Logo />
            <h1>"MedContext"</h1>
            <p class="tagline">"Few-shot 3D segmentation, trained in your browser"</p>
            <panels::worker::DeviceChip />
            <panels::help::Help />
        </header>
    }
}

/// A panel that is a title and what belongs below it.
#[component]
pub fn Section(id: &'static str, title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section class="panel" aria-labelledby=id>
            <div class="head">
                <h2 id=id>{title}</h2>
            </div>
            {children()}
        </section>
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

/// The disclaimer.
#[component]
pub fn Footer() -> impl IntoView {
    view! {
        <footer>
            <p>"For research. Not a medical device: do not use it for diagnosis or treatment."</p>
        </footer>
    }
}
