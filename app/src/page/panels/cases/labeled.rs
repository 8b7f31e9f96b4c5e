//! Which slices of the label maps count.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::volume::SliceAxis;

use crate::message::CasesRequest;
use crate::page::link::Link;
use crate::page::state::State;

/// What a choice is called; of no axis, every slice counts.
fn title(axis: SliceAxis) -> String {
    match axis {
        SliceAxis::Auto => "only in the slices that I drew".to_owned(),
        axis => format!("only in the {axis} slices that I drew"),
    }
}

/// A choice for all cases: whether a slice without a label is background, or not labeled.
#[component]
pub fn LabeledSlices() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let labeled = move || !state.cases.ids(|case| case.role != Role::Predict).is_empty();
    let chosen = move || match state.cases.labeled_slices.get() {
        Some(axis) => axis.to_string(),
        None => String::new(),
    };
    let choose = move |name: String| link.send(CasesRequest::CountLabeledSlices(name.parse::<SliceAxis>().ok()));
    view! {
        <Show when=labeled>
            <label class="labeled-slices" title="Slices that do not count teach nothing and are not measured">
                "Labels count "
                <select
                    prop:value=chosen
                    on:change:target=move |event| choose(event.target().value())
                >
                    <option value="" selected=move || chosen().is_empty()>
                        "in every slice"
                    </option>
                    {SliceAxis::ALL
                        .map(|axis| {
                            let name = axis.to_string();
                            view! {
                                <option
                                    value=name.clone()
                                    selected=move || chosen() == name
                                >
                                    {title(axis)}
                                </option>
                            }
                        })
                        .collect_view()}
                </select>
            </label>
        </Show>
    }
}
