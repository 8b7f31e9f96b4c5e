//! Segmentation: which cases, and what came of it.

use leptos::html::Ul;
use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::infer::{LabelVolume, logits_name, segmentation_name};

use super::frame::bring_into_view;
use super::measure::{self, Measure};
use super::take_away::TakeAway;
use crate::message::{ExportRequest, Handle, SegmentationRequest};
use crate::page::address::asked;
use crate::page::files::save;
use crate::page::link::Link;
use crate::page::palette;
use crate::page::state::{Case, Engine, Overlay, State, Task, Work};
use crate::page::words;
use crate::saved::Doubt;

/// Panel 3.
#[component]
pub fn Predict() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let scope = RwSignal::new("unlabelled".to_owned());
    let flips = RwSignal::new(false);
    // To compare them with another program's.
    let keep_logits = asked("logits").is_some();
    let wanted = move |case: &Case| match scope.read().as_str() {
        "all" => case.info.frames.is_none(),
        "held-out" => case.is_for(Role::Validate),
        _ => case.is_for(Role::Predict),
    };
    let chosen = Memo::new(move |_| state.case_ids(wanted));
    let ready = move || {
        matches!(*state.engine.read(), Engine::Ready(_))
            && state.weights.read().is_some()
            && !chosen.read().is_empty()
            && !state.work.read().busy()
    };
    let start = move |_| {
        measure::remember_before(state);
        state.work.set(Work::begin(Task::Predict));
        link.send(SegmentationRequest {
            cases: chosen.get(),
            flips: flips.get(),
            keep_logits,
        });
    };
    let label = move || match chosen.read().len() {
        0 => "Segment".to_owned(),
        number => format!("Segment {}", words::count(number, "case", "cases")),
    };
    view! {
        <section class="panel" aria-labelledby="predict-title">
            <div class="head">
                <h2 id="predict-title">"Segment"</h2>
                <select
                    id="predict-scope"
                    aria-label="Which cases"
                    on:change:target=move |event| scope.set(event.target().value())
                >
                    <option value="unlabelled">"cases marked “segment”"</option>
                    <option value="held-out">"cases held out"</option>
                    <option value="all">"all cases"</option>
                </select>
                <button id="predict" class="primary" disabled=move || !ready() on:click=start>
                    {label}
                </button>
            </div>
            <label class="flips">
                <input
                    id="flips"
                    type="checkbox"
                    prop:checked=move || flips.get()
                    on:change:target=move |event| flips.set(event.target().checked())
                />
                "Average over mirror images (eight times as long, often a little better)"
            </label>
            <LabelNext />
            <Results />
            <Measure />
            <TakeAway />
        </section>
    }
}

/// The case that it would help most to label, and the slice to begin with.
#[component]
fn LabelNext() -> impl IntoView {
    let state = expect_context::<State>();
    let next = Memo::new(move |_| {
        let cases = state.cases.read();
        let unlabelled = cases.iter().filter(|case| case.is_for(Role::Predict));
        let doubts =
            unlabelled.filter_map(|case| Some((case.info.id.clone(), case.result.done()?.doubt?)));
        doubts.max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean))
    });
    let words = move || {
        next.get()
            .map(|(case, doubt)| format!("{case}, slice {}", doubt.slice))
    };
    let look = move |_| {
        if let Some((case, doubt)) = next.get() {
            state.look_at(&case);
            state.overlay.set(Overlay::Uncertainty);
            state.destination.set(Some((case, doubt.mm)));
        }
    };
    view! {
        <Show when=move || next.read().is_some()>
            <p class="label-next">
                "Most worth labelling next, where the network is least certain: "
                <button id="label-next" class="plain" on:click=look>
                    {words}
                </button>
            </p>
        </Show>
    }
}

/// The segmented cases.
#[component]
fn Results() -> impl IntoView {
    let state = expect_context::<State>();
    let done = Memo::new(move |_| state.case_ids(|case| case.result.done().is_some()));
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
        let files = state.result_files.read();
        files
            .get(&id.get_value())
            .is_some_and(|files| files.logits.is_some())
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

/// The size of each label found in a case, in the label's colour.
#[component]
fn Volumes(id: StoredValue<String>) -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.case(&id.read_value()));
    let chip = move |label: LabelVolume| {
        let place = state
            .labels
            .read()
            .iter()
            .position(|known| known.id == label.id);
        view! {
            <span class="volume" data-label=label.id>
                <i style:background=palette::css(place.unwrap_or_default())></i>
                {label.name}
                <b>{words::millilitres(label.millilitres)}</b>
            </span>
        }
    };
    let chips = move || {
        let volumes = case.read().as_ref().map_or_else(Vec::new, volumes);
        volumes.into_iter().map(chip).collect_view()
    };
    view! { <span class="volumes">{chips}</span> }
}

/// How uncertain the network was about a case, where it was asked to say so.
#[component]
fn HowSure(id: StoredValue<String>) -> impl IntoView {
    let state = expect_context::<State>();
    let case = Memo::new(move |_| state.case(&id.read_value()));
    let doubt = move || {
        case.read()
            .as_ref()
            .and_then(|case| case.result.done()?.doubt)
    };
    let words = move |doubt: Doubt| {
        let most = format!(
            "0 is certain, 1 is a guess; most of it in axial slice {}",
            doubt.slice
        );
        view! { <span class="doubt" title=most>{format!("doubt {:.2}", doubt.mean)}</span> }
    };
    move || doubt().map(words)
}

/// Saves a case's segmentation, or its logits.
fn download(state: State, id: &str, logits: bool) {
    let Some(files) = state.result_files.read().get(id).cloned() else {
        return;
    };
    let saved = match files.logits.filter(|_| logits) {
        Some(logits) => save(&logits_name(id), &logits),
        None => save(&segmentation_name(id), &files.labels),
    };
    if saved.is_err() {
        state.say(format!(
            "{id}: the browser could not save the file; try again."
        ));
    }
}

/// Asks for the surfaces of a case's segmentation; they are saved when they come.
fn surfaces(state: State, link: Link, id: &str) {
    if let Some(files) = state.result_files.read_untracked().get(id) {
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
