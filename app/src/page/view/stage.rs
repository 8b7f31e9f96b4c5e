//! The viewer and its controls. One viewer lives as long as the page.

use std::rc::Rc;

use leptos::html::Canvas;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::displayed;
use super::edit::Editor;
use super::legend::Legend;
use super::look::Look;
use crate::message::{DisplayRequest, Handle};
use crate::page::link::Link;
use crate::page::state::{Case, Overlay, State};
use crate::page::viewer::{Label, Layout, Paint, Viewer};

/// Opacity of labels at first: the image shows through.
const OPACITY: f64 = 0.55;

/// What only the stage knows.
#[derive(Clone, Copy)]
struct Stage {
    viewer: RwSignal<Option<Rc<Viewer>>, LocalStorage>,
    /// Why there is no picture.
    failure: RwSignal<Option<String>>,
    /// The case that is on screen.
    shown: RwSignal<Option<String>>,
    layout: RwSignal<Layout>,
    opacity: RwSignal<f64>,
}

/// The right-hand side of the page.
#[component]
pub fn Stage() -> impl IntoView {
    let state = expect_context::<State>();
    let stage = Stage {
        viewer: RwSignal::new_local(None),
        failure: RwSignal::new(None),
        shown: RwSignal::new(None),
        layout: RwSignal::new(Layout::Both),
        opacity: RwSignal::new(OPACITY),
    };
    follow(state, stage);
    view! {
        <section
            id="viewer"
            aria-label="Viewer"
            data-case=move || stage.shown.get()
            data-ready=move || stage.shown.read().is_some().to_string()
        >
            <div class="toolbar">
                <h2>{move || state.viewed.get().unwrap_or_else(|| "Viewer".to_owned())}</h2>
                <OverlayChoice />
                <Opacity stage=stage />
                <Look viewer=stage.viewer layout=stage.layout shown=stage.shown />
                <Editor viewer=stage.viewer opacity=stage.opacity />
            </div>
            <Screen stage=stage />
            <p id="readout">{move || readout(state)}</p>
            <Legend />
        </section>
    }
}

/// The canvas, or why there is nothing on it.
#[component]
fn Screen(stage: Stage) -> impl IntoView {
    let state = expect_context::<State>();
    let canvas = NodeRef::<Canvas>::new();
    Effect::new(move |_| {
        let Some(canvas) = canvas.get() else { return };
        spawn_local(async move {
            match Viewer::open(&canvas, state.readout.write_only()).await {
                Ok(viewer) => {
                    stage.layout.set(viewer.first_layout());
                    stage.viewer.set(Some(Rc::new(viewer)));
                }
                Err(sentence) => stage.failure.set(Some(sentence)),
            }
        });
    });
    let message = move || {
        let empty = || "Scans are shown here.".to_owned();
        stage
            .failure
            .get()
            .or_else(|| state.viewed.read().is_none().then(empty))
    };
    view! {
        <div class="screen">
            <canvas
                id="canvas"
                node_ref=canvas
                tabindex="0"
                aria-label="Slices and rendering of the case; h and l, j and k, u and d, or the arrow keys move the crosshair"
            ></canvas>
            <Show when=move || message().is_some()>
                <p id="viewer-message">{message}</p>
            </Show>
        </div>
    }
}

/// Keeps the screen as the state says.
fn follow(state: State, stage: Stage) {
    let link = expect_context::<Link>();
    displayed::follow(state, link);
    Effect::new(move |_| {
        if let Some(case) = state.viewed.get() {
            link.send(DisplayRequest::Case { case });
        }
    });
    // A label has its colour when it is known which there are.
    let described = Memo::new(move |_| {
        let picture = state.picture.read();
        let case = picture.as_ref().and_then(|shown| state.case(&shown.case));
        case.is_some_and(|case| case.info.read)
    });
    Effect::new(move |_| {
        let Some(viewer) = stage.viewer.get() else {
            return;
        };
        if state.editing.read().is_some() {
            return;
        }
        let Some(picture) = state.picture.get() else {
            viewer.clear();
            return stage.shown.set(None);
        };
        let overlay = match state.overlay.get() {
            Overlay::None => None,
            Overlay::Truth => picture.truth.filter(|_| described.get()),
            Overlay::Prediction => displayed::labels(state, &picture.case),
            Overlay::Difference => {
                let known = state.differences.read().get(&picture.case).cloned();
                if known.is_none() {
                    ask_for_difference(state, link, &picture.case);
                }
                known
            }
            Overlay::Uncertainty => displayed::uncertainty(state, &picture.case),
        };
        let heat = state.overlay.get() == Overlay::Uncertainty;
        let labels = state.shown_labels();
        let opacity = stage.opacity.get();
        spawn_local(async move {
            let paint = if heat {
                Paint::Heat
            } else {
                Paint::Labels(&labels)
            };
            match viewer.show(&picture.image, overlay.as_ref(), paint, opacity).await {
                Ok(()) => stage.shown.set(Some(picture.case)),
                Err(reason) => state.say(format!(
                    "{}: the viewer cannot show it ({reason}); training and segmentation still work.",
                    picture.case
                )),
            }
        });
    });
    Effect::new(move |_| {
        let Some(viewer) = stage.viewer.get() else {
            return;
        };
        let picture = state.picture.read();
        let Some(picture) = &*picture else { return };
        // Once the image itself is there: it says how much there is room for.
        if stage.shown.read().as_ref() != Some(&picture.case) {
            return;
        }
        let prediction = displayed::labels(state, &picture.case);
        viewer.set_references(picture.truth.as_ref(), prediction.as_ref());
    });
    Effect::new(move |_| {
        let (viewer, destination) = (stage.viewer.get(), state.destination.get());
        let Some(((case, mm), viewer)) = destination.zip(viewer) else {
            return;
        };
        if *stage.shown.read() == Some(case) {
            state.destination.set(None);
            viewer.go_to(mm);
        }
    });
    let with_viewer = move |change: &dyn Fn(&Viewer)| {
        if let Some(viewer) = stage.viewer.get() {
            change(&viewer);
        }
    };
    Effect::new(move |_| with_viewer(&|viewer| viewer.set_layout(stage.layout.get())));
}

/// The answer changes `state.differences`, which shows it.
fn ask_for_difference(state: State, link: Link, case: &str) {
    let files = state.result_files.read_untracked();
    if let Some(files) = files.get(case) {
        link.send(DisplayRequest::Difference {
            case: case.to_owned(),
            segmentation: Handle(files.labels.clone()),
        });
    }
}

/// Which labels are over the image.
#[component]
fn OverlayChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.viewed.get().and_then(|id| state.case(&id)));
    let previewed = move || {
        let preview = state.preview.read();
        let preview = preview.as_ref()?;
        let of_case = |case: &Case| case.info.id == preview.case;
        case.read()
            .as_ref()
            .is_some_and(of_case)
            .then_some(preview.iteration)
    };
    let possible = move |overlay: Overlay| {
        case.read().as_ref().is_some_and(|case| match overlay {
            Overlay::None => true,
            Overlay::Truth => case.info.labels.is_some(),
            Overlay::Prediction => case.result.done().is_some() || previewed().is_some(),
            Overlay::Difference => case.info.labels.is_some() && case.result.done().is_some(),
            Overlay::Uncertainty => case
                .result
                .done()
                .is_some_and(|found| found.doubt.is_some()),
        })
    };
    let choice = move |value: &'static str, text: &'static str, overlay: Overlay| {
        view! {
            <label>
                <input
                    type="radio"
                    name="overlay"
                    value=value
                    disabled=move || !possible(overlay)
                    prop:checked=move || state.overlay.get() == overlay
                    on:change=move |_| state.overlay.set(overlay)
                />
                <span>{text}</span>
            </label>
        }
    };
    view! {
        <div id="overlay" class="segmented" role="radiogroup" aria-label="Labels over the image">
            {choice("none", "Image", Overlay::None)} {choice("truth", "Truth", Overlay::Truth)}
            {choice("prediction", "Prediction", Overlay::Prediction)}
            {choice("difference", "Difference", Overlay::Difference)}
            {choice("uncertainty", "Doubt", Overlay::Uncertainty)}
        </div>
        <Show when=move || previewed().is_some()>
            <span id="preview" data-iteration=previewed>
                {move || previewed().map(|iteration| format!("as of iteration {iteration}"))}
            </span>
        </Show>
    }
}

/// How much of the image shows through the labels.
#[component]
fn Opacity(stage: Stage) -> impl IntoView {
    view! {
        <label class="opacity">
            "Opacity"
            <input
                id="opacity"
                type="range"
                min="0"
                max="1"
                step="0.05"
                prop:value=move || stage.opacity.get().to_string()
                on:input:target=move |event| {
                    stage.opacity.set(event.target().value().parse().unwrap_or(OPACITY));
                }
            />
        </label>
    }
}

/// Where the crosshair is, and what is there.
fn readout(state: State) -> String {
    let readout = state.readout.read();
    let (Some(readout), true) = (&*readout, state.picture.read().is_some()) else {
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
    let label = labels
        .iter()
        .find(|label| f64::from(label.id) == id.round())?;
    Some(label.name.clone())
}
