//! Segmentation: which cases, and the results.

use leptos::prelude::*;
use medcontext_core::dataset::Role;

use super::options::{Options, Switches};
use super::results::Results;
use crate::message::SegmentationRequest;
use crate::page::address::asked;
use crate::page::format;
use crate::page::link::Link;
use crate::page::panels;
use crate::page::panels::cases::Case;
use crate::page::panels::measure::remember_before;
use crate::page::panels::progress::{Task, Work};
use crate::page::panels::viewer::Overlay;
use crate::page::state::State;

/// The panel.
#[component]
pub fn Segment() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let scope = RwSignal::new("unlabeled".to_owned());
    let options = Options::new(state);
    // For comparison with another program.
    let keep_logits = asked("logits").is_some();
    let wanted = move |case: &Case| match scope.read().as_str() {
        "all" => case.info.header.undecided_frames.is_none(),
        "held-out" => case.is_for(Role::Validate),
        _ => case.is_for(Role::Predict),
    };
    let chosen = Memo::new(move |_| state.cases.ids(wanted));
    let ready = move || {
        state.worker.is_ready()
            && state.weights.info.read().is_some()
            && !chosen.read().is_empty()
            && !state.progress.work.read().busy()
    };
    let start = move |_| {
        remember_before(state);
        state.progress.work.set(Work::begin(Task::Predict));
        link.send(SegmentationRequest {
            cases: chosen.get(),
            inference: options.inference.get(),
            keep_logits,
        });
    };
    let label = move || match chosen.read().len() {
        0 => "Segment".to_owned(),
        number => format!("Segment {}", format::count(number, "case", "cases")),
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
                    <option value="unlabeled">"cases marked “segment”"</option>
                    <option value="held-out">"cases held out"</option>
                    <option value="all">"all cases"</option>
                </select>
                <button id="predict" class="primary" disabled=move || !ready() on:click=start>
                    {label}
                </button>
            </div>
            <Switches options=options />
            <LabelNext />
            <Results />
            <panels::measure::Measure />
            <panels::take_away::TakeAway />
        </section>
    }
}

/// The case that would help most if labeled, and the slice to begin with.
#[component]
fn LabelNext() -> impl IntoView {
    let state = expect_context::<State>();
    let next = Memo::new(move |_| {
        let cases = state.cases.rows.read();
        let unlabeled = cases.iter().filter(|case| case.is_for(Role::Predict));
        let uncertain =
            unlabeled.filter_map(|case| Some((case.info.id().to_owned(), case.result.done()?.uncertainty?)));
        uncertain.max_by(|(_, a), (_, b)| a.mean.total_cmp(&b.mean))
    });
    let label = move || {
        next.get()
            .map(|(case, uncertainty)| format!("{case}, slice {}", uncertainty.slice))
    };
    let look = move |_| {
        if let Some((case, uncertainty)) = next.get() {
            state.look_at(&case);
            state.viewer.overlay.set(Overlay::Uncertainty);
            state.viewer.destination.set(Some((case, uncertainty.mm)));
        }
    };
    view! {
        <Show when=move || next.read().is_some()>
            <p class="label-next">
                "Most worth labeling next, where the network is least certain: "
                <button id="label-next" class="plain" on:click=look>
                    {label}
                </button>
            </p>
        </Show>
    }
}
