//! Names, colors and sizes of the labels of the case in view.

use leptos::prelude::*;
use medcontext_core::infer::LabelVolume;

use crate::page::format;
use crate::page::palette;
use crate::page::state::State;
use crate::page::viewer::Label;

/// The table below the picture.
#[component]
pub fn Legend() -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.viewer.viewed.get().and_then(|id| state.cases.find(&id)));
    let truth = move || {
        let case = case.read();
        case.as_ref()
            .and_then(|case| case.info.labels().cloned())
            .unwrap_or_default()
    };
    let found = Memo::new(move |_| case.read().as_ref().and_then(|case| case.result.done().cloned()));
    let prediction = move || found.get().map_or_else(Vec::new, |result| result.volumes);
    let dice = move |id: u16| {
        let found = found.read();
        let score = found.as_ref()?.score.as_ref()?;
        score.labels.iter().find(|label| label.label == id)?.dice
    };
    let rows = move || {
        let (truth, prediction) = (truth(), prediction());
        let labels = state.labels.get();
        let row = |(place, label): (usize, Label)| {
            let (truth, prediction) = (size(&truth, label.id), size(&prediction, label.id));
            let dice = dice(label.id);
            (truth.is_some() || prediction.is_some()).then(|| {
                view! {
                    <Row place=place label=label truth=truth prediction=prediction dice=dice />
                }
            })
        };
        labels.into_iter().enumerate().filter_map(row).collect_view()
    };
    let empty = move || truth().is_empty() && prediction().is_empty();
    view! {
        <div class="legend">
            <table id="legend" class:empty=empty>
                <thead>
                    <tr>
                        <th scope="col">"Label"</th>
                        <th scope="col">"Truth"</th>
                        <th scope="col">"Prediction"</th>
                        <th scope="col">"Dice"</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
}

/// Volume of a label in mL.
fn size(volumes: &[LabelVolume], id: u16) -> Option<f64> {
    volumes
        .iter()
        .find(|label| label.id == id)
        .map(|label| label.milliliters)
}

/// One label.
#[component]
fn Row(place: usize, label: Label, truth: Option<f64>, prediction: Option<f64>, dice: Option<f64>) -> impl IntoView {
    let state = expect_context::<State>();
    let id = label.id;
    let text = |volume: Option<f64>| volume.map_or_else(|| "–".to_owned(), format::milliliters);
    let toggle = move |visible: bool| {
        state.viewer.hidden.update(|hidden| {
            if visible {
                hidden.remove(&id);
            } else {
                hidden.insert(id);
            }
        });
    };
    view! {
        <tr data-label=id>
            <th scope="row">
                <label>
                    <input
                        type="checkbox"
                        style:accent-color=palette::css(place)
                        prop:checked=label.visible
                        on:change:target=move |event| toggle(event.target().checked())
                    />
                    <i style:background=palette::css(place)></i>
                    {label.name}
                </label>
            </th>
            <td class="truth">{text(truth)}</td>
            <td class="prediction">{text(prediction)}</td>
            <td class="dice">{format::dice(dice)}</td>
        </tr>
    }
}
