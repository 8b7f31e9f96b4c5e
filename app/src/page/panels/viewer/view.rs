//! The viewer and its controls. One viewer lives as long as the page.

use std::rc::Rc;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::follow::follow;
use super::legend::Legend;
use super::look::Look;
use super::overlay::OverlayChoice;
use super::store::{Controls, OPACITY};
use crate::page::panels;
use crate::page::state::State;
use crate::page::viewer::{Label, Viewer};

/// The right-hand side of the page.
#[component]
pub fn Stage() -> impl IntoView {
    let state = expect_context::<State>();
    let controls = Controls::new();
    follow(state, controls);
    view! {
        <section
            id="viewer"
            aria-label="Viewer"
            data-case=move || controls.shown.get()
            data-ready=move || controls.shown.read().is_some().to_string()
        >
            <div class="toolbar">
                // A long name is cut off.
                <h2 title=move || state.viewer.viewed.get()>
                    {move || state.viewer.viewed.get().unwrap_or_else(|| "Viewer".to_owned())}
                </h2>
                <OverlayChoice />
                <Opacity controls=controls />
                <Look controls=controls />
                <panels::edit::Editor viewer=controls.viewer opacity=controls.opacity />
            </div>
            <Screen controls=controls />
            <p id="readout">{move || readout(state)}</p>
            <Legend />
        </section>
    }
}

/// The canvas, or why there is nothing on it.
#[component]
fn Screen(controls: Controls) -> impl IntoView {
    let state = expect_context::<State>();
    let canvas = NodeRef::<Canvas>::new();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        spawn_local(async move {
            match Viewer::open(&canvas, state.viewer.readout.write_only()).await {
                Ok(viewer) => {
                    controls.layout.set(viewer.first_layout());
                    controls.viewer.set(Some(Rc::new(viewer)));
                }
                Err(sentence) => controls.failure.set(Some(sentence)),
            }
        });
    });
    let message = move || {
        let empty = || "Scans are shown here.".to_owned();
        controls
            .failure
            .get()
            .or_else(|| state.viewer.viewed.read().is_none().then(empty))
    };
    view! {
        <div class="screen">
            <canvas
                id="canvas"
                node_ref=canvas
                tabindex="0"
                aria-label="Slices and rendering of the case; h and l, j and k, u and d, or the arrow keys move \
                            the crosshair"
            ></canvas>
            <Show when=move || message().is_some()>
                <p id="viewer-message">{message}</p>
            </Show>
        </div>
    }
}

/// The opacity of labels.
#[component]
fn Opacity(controls: Controls) -> impl IntoView {
    view! {
        <label class="opacity">
            "Opacity"
            <input
                id="opacity"
                type="range"
                min="0"
                max="1"
                step="0.05"
                prop:value=move || controls.opacity.get().to_string()
                on:input:target=move |event| {
                    controls.opacity.set(event.target().value().parse().unwrap_or(OPACITY));
                }
            />
        </label>
    }
}

/// Where the crosshair is, and what is there.
fn readout(state: State) -> String {
    let readout = state.viewer.readout.read();
    let (Some(readout), true) = (&*readout, state.viewer.picture.read().is_some()) else {
        return String::new();
    };
    let ([i, j, k], [x, y, z]) = (readout.ijk, readout.mm);
    let value = (readout.value * 100.0).round() / 100.0;
    let mut text = format!("{i}, {j}, {k}   {x:.1}, {y:.1}, {z:.1} mm (RAS)   value {value}");
    let labels = state.labels.read();
    for (of, id) in [("truth", readout.truth), ("prediction", readout.prediction)] {
        if let Some(id) = id {
            let name = label_name(&labels, id).unwrap_or_else(|| "background".to_owned());
            text.push_str(&format!("   {of}: {name}"));
        }
    }
    text
}

fn label_name(labels: &[Label], id: f64) -> Option<String> {
    let label = labels.iter().find(|label| f64::from(label.id) == id.round())?;
    Some(label.name.clone())
}
