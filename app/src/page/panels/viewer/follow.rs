//! Effects that keep the viewer in sync with the state.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::displayed;
use super::overlay::shown_labels;
use super::store::{Controls, Overlay};
use crate::message::{DisplayRequest, Handle};
use crate::page::link::Link;
use crate::page::state::State;
use crate::page::viewer::Paint;

/// Keeps the viewer in sync with the state.
pub fn follow(state: State, controls: Controls) {
    let link = expect_context::<Link>();
    displayed::follow(state, link);
    Effect::new(move |_| {
        if let Some(case) = state.viewer.viewed.get() {
            link.send(DisplayRequest::Case { case });
        }
    });
    draw(state, controls, link);
    set_references(state, controls);
    go_to_destination(state, controls);
    Effect::new(move |_| {
        if let Some(viewer) = controls.viewer.get() {
            viewer.set_layout(controls.layout.get());
        }
    });
}

/// Draws the case in view with its overlay.
fn draw(state: State, controls: Controls, link: Link) {
    // A label's color depends on which labels there are.
    let described = Memo::new(move |_| {
        let picture = state.viewer.picture.read();
        let case = picture.as_ref().and_then(|shown| state.cases.find(&shown.case));
        case.is_some_and(|case| case.info.is_read())
    });
    Effect::new(move |_| {
        let Some(viewer) = controls.viewer.get() else {
            return;
        };
        if state.viewer.editing.read().is_some() {
            return;
        }
        let Some(picture) = state.viewer.picture.get() else {
            viewer.clear();
            return controls.shown.set(None);
        };
        let overlay = match state.viewer.overlay.get() {
            Overlay::None => None,
            Overlay::Truth => picture.truth.filter(|_| described.get()),
            Overlay::Prediction => displayed::labels(state, &picture.case),
            Overlay::Difference => {
                let known = state.viewer.differences.read().get(&picture.case).cloned();
                if known.is_none() {
                    ask_for_difference(state, link, &picture.case);
                }
                known
            }
            Overlay::Uncertainty => displayed::uncertainty(state, &picture.case),
        };
        let heat = state.viewer.overlay.get() == Overlay::Uncertainty;
        let labels = shown_labels(state);
        let opacity = controls.opacity.get();
        spawn_local(async move {
            let paint = if heat { Paint::Heat } else { Paint::Labels(&labels) };
            match viewer.show(&picture.image, overlay.as_ref(), paint, opacity).await {
                Ok(()) => controls.shown.set(Some(picture.case)),
                Err(reason) => state.say(format!(
                    "{}: the viewer cannot show it ({reason}); training and segmentation still work.",
                    picture.case
                )),
            }
        });
    });
}

/// Tells the viewer which label maps the readout reads.
fn set_references(state: State, controls: Controls) {
    Effect::new(move |_| {
        let Some(viewer) = controls.viewer.get() else {
            return;
        };
        let picture = state.viewer.picture.read();
        let Some(picture) = &*picture else { return };
        // Only once the image itself is loaded: it determines the size.
        if controls.shown.read().as_ref() != Some(&picture.case) {
            return;
        }
        let prediction = displayed::labels(state, &picture.case);
        viewer.set_references(picture.truth.as_ref(), prediction.as_ref());
    });
}

/// Moves the crosshair once its destination's case is on screen.
fn go_to_destination(state: State, controls: Controls) {
    Effect::new(move |_| {
        let (viewer, destination) = (controls.viewer.get(), state.viewer.destination.get());
        let Some(((case, mm), viewer)) = destination.zip(viewer) else {
            return;
        };
        if *controls.shown.read() == Some(case) {
            state.viewer.destination.set(None);
            viewer.go_to(mm);
        }
    });
}

/// The answer changes `state.viewer.differences`, which shows it.
fn ask_for_difference(state: State, link: Link, case: &str) {
    let files = state.segment.files.read_untracked();
    if let Some(files) = files.get(case) {
        link.send(DisplayRequest::Difference {
            case: case.to_owned(),
            segmentation: Handle(files.labels.clone()),
        });
    }
}
