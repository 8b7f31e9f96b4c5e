//! The overlay of the image.

use leptos::prelude::*;
use medcontext_core::volume::LabelImage;

use super::store::Overlay;
use crate::page::address::testing;
use crate::page::panels::cases::Case;
use crate::page::state::State;
use crate::page::viewer::Label;

/// The labels in the current overlay, which the viewer colors.
pub fn shown_labels(state: State) -> Vec<Label> {
    if state.viewer.overlay.get() != Overlay::Difference {
        return state.labels.get();
    }
    let kinds = [
        (LabelImage::MISSED, "missed"),
        (LabelImage::EXTRA, "extra"),
        (LabelImage::OTHER, "another label"),
    ];
    let label = |(id, name): (u16, &str)| Label {
        id,
        name: name.to_owned(),
        visible: true,
    };
    kinds.map(label).into()
}

/// Selects the overlay.
#[component]
pub fn OverlayChoice() -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.viewer.viewed.get().and_then(|id| state.cases.find(&id)));
    let previewed = move || {
        let preview = state.train.preview.read();
        let preview = preview.as_ref()?;
        let of_case = |case: &Case| case.info.id() == preview.case;
        case.read().as_ref().is_some_and(of_case).then_some(preview.iteration)
    };
    let possible = move |overlay: Overlay| {
        case.read().as_ref().is_some_and(|case| match overlay {
            Overlay::None => true,
            Overlay::Truth => case.info.labels().is_some(),
            Overlay::Prediction => case.result.done().is_some() || previewed().is_some(),
            Overlay::Difference => case.info.labels().is_some() && case.result.done().is_some(),
            Overlay::Uncertainty => case.result.done().is_some_and(|found| found.uncertainty.is_some()),
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
                    prop:checked=move || state.viewer.overlay.get() == overlay
                    on:change=move |_| state.viewer.overlay.set(overlay)
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
            {choice("uncertainty", "Uncertainty", Overlay::Uncertainty)}
        </div>
        <Show when=move || previewed().is_some()>
            <span id="preview" data-iteration=testing().then_some(previewed)>
                {move || previewed().map(|iteration| format!("as of iteration {iteration}"))}
            </span>
        </Show>
    }
}
