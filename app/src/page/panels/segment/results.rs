//! The segmented cases and their files.

use leptos::html::Ul;
use leptos::prelude::*;
use medcontext_core::infer::{LabelVolume, logits_name, segmentation_name};

use crate::message::{ExportRequest, Handle};
use crate::page::files::save;
use crate::page::format;
use crate::page::link::Link;
use crate::page::palette;
use crate::page::panels::cases::Case;
use crate::page::scroll::bring_into_view;
use crate::page::state::State;
use crate::saved::Uncertainty;

/// The segmented cases.
#[component]
pub fn Results() -> impl IntoView {
    let state = expect_context::<State>();
    let done = Memo::new(move |_| state.cases.ids(|case| case.result.done().is_some()));
    let list = NodeRef::<Ul>::new();
    Effect::new(move |before: Option<usize>| {
        let now = done.read().len();
        if before.is_some_and(|before| now > before) {
            bring_into_view(list);
        }
        now
    });
    view! {
        <ul id="results" node_ref=list>
            <For each=move || done.get() key=String::clone let(id)>
                <ResultRow id=id />
            </For>
        </ul>
    }
}

/// One segmented case: the size of each label, and its files.
#[component]
fn ResultRow(id: String) -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let id = StoredValue::new(id);
    let has_logits = move || {
        let files = state.segment.files.read();
        files.get(&id.get_value()).is_some_and(|files| files.logits.is_some())
    };
    view! {
        <li data-case=id.get_value()>
            <button
                class="show plain"
                title="Show in the viewer"
                on:click=move |_| state.look_at(&id.read_value())
            >
                {id.get_value()}
            </button>
            <Volumes id=id />
            <HowSure id=id />
            <button
                class="save"
                data-download=id.get_value()
                title="Save the segmentation on the scan's own grid"
                on:click=move |_| download(state, &id.read_value(), false)
            >
                "Save .nii.gz"
            </button>
            <button
                class="save"
                data-surfaces=id.get_value()
                title="Save a surface of each label, in mm"
                on:click=move |_| surfaces(state, link, &id.read_value())
            >
                "STL"
            </button>
            <Show when=has_logits>
                <button
                    class="save"
                    data-logits=id.get_value()
                    on:click=move |_| download(state, &id.read_value(), true)
                >
                    "Save logits"
                </button>
            </Show>
        </li>
    }
}

/// The size of each label found in a case, in the label's color.
#[component]
fn Volumes(id: StoredValue<String>) -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.cases.find(&id.read_value()));
    let chip = move |label: LabelVolume| {
        let place = state.labels.read().iter().position(|known| known.id == label.id);
        view! {
            <span class="volume" data-label=label.id>
                <i style:background=palette::css(place.unwrap_or_default())></i>
                {label.name}
                <b>{format::milliliters(label.milliliters)}</b>
            </span>
        }
    };
    let chips = move || {
        let volumes = case.read().as_ref().map_or_else(Vec::new, volumes);
        volumes.into_iter().map(chip).collect_view()
    };
    view! { <span class="volumes">{chips}</span> }
}

/// The network's uncertainty about a case, if it was requested.
#[component]
fn HowSure(id: StoredValue<String>) -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.cases.find(&id.read_value()));
    let uncertainty = move || case.read().as_ref().and_then(|case| case.result.done()?.uncertainty);
    let text = move |uncertainty: Uncertainty| {
        let most = format!(
            "0 is certain, 1 is a guess; most of it in axial slice {}",
            uncertainty.slice
        );
        view! { <span class="uncertainty" title=most>{format!("uncertainty {:.2}", uncertainty.mean)}</span> }
    };
    move || uncertainty().map(text)
}

/// Saves a case's segmentation, or its logits.
fn download(state: State, id: &str, logits: bool) {
    let Some(files) = state.segment.files.read().get(id).cloned() else {
        return;
    };
    let saved = match files.logits.filter(|_| logits) {
        Some(logits) => save(&logits_name(id), &logits),
        None => save(&segmentation_name(id), &files.labels),
    };
    if saved.is_err() {
        state.say(format!("{id}: the browser could not save the file; try again."));
    }
}

/// Requests the surfaces of a case's segmentation; they are saved when they arrive.
fn surfaces(state: State, link: Link, id: &str) {
    if let Some(files) = state.segment.files.read_untracked().get(id) {
        link.send(ExportRequest::Surfaces {
            case: id.to_owned(),
            segmentation: Handle(files.labels.clone()),
        });
    }
}

/// Sizes of the labels found in a case.
fn volumes(case: &Case) -> Vec<LabelVolume> {
    let done = case.result.done();
    done.map_or_else(Vec::new, |result| result.volumes.clone())
}
