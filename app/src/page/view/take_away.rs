//! What one takes along: tables, a report, everything as one file.

use js_sys::{Array, Date};
use leptos::prelude::*;
use medcontext_core::metric::{Evaluation, Report};
use web_sys::Blob;

use super::measure::evaluation;
use crate::message::{Device, Handle, Packed, Request};
use crate::page::files::save;
use crate::page::keep::saved;
use crate::page::link::Link;
use crate::page::state::{Engine, State};
use crate::saved::names;

/// A table of an evaluation: what the button says, the file's name, and how it is made.
type Table = (&'static str, &'static str, fn(State, &Evaluation) -> String);

const TABLES: [Table; 3] = [
    ("Table (.csv)", "evaluation.csv", |_, evaluation| {
        evaluation.to_csv(None)
    }),
    ("Numbers (.json)", "evaluation.json", |_, evaluation| {
        // Plain structs of numbers and strings always become JSON.
        serde_json::to_string_pretty(evaluation).unwrap_or_default()
    }),
    ("Report (.html)", "report.html", report),
];

/// The buttons.
#[component]
pub fn TakeAway() -> impl IntoView {
    let state = expect_context::<State>();
    let link = expect_context::<Link>();
    let measured = Memo::new(move |_| evaluation(state).is_some());
    let something = move || !state.result_files.read().is_empty();
    let table = move |(words, name, make): Table| {
        let take = move |_| {
            let file = untrack(|| evaluation(state)).and_then(|now| text(&make(state, &now)));
            let taken = file.is_some_and(|file| save(name, &file).is_ok());
            if !taken {
                state.say("The browser could not save the file; try again.");
            }
        };
        view! {
            <button class="save" data-table=name on:click=take>
                {words}
            </button>
        }
    };
    let pack = move |session: bool| {
        link.send(Request::Pack {
            files: results(state),
            session: session.then(|| Box::new(saved(state))),
        });
    };
    view! {
        <div class="take-away">
            <Show when=move || measured.get()>{TABLES.map(table).collect_view()}</Show>
            <Show when=something>
                <button
                    id="save-results"
                    class="save"
                    title="Segmentations, tables, weights and settings, without the scans"
                    on:click=move |_| pack(false)
                >
                    "All results (.zip)"
                </button>
            </Show>
            <Show when=move || !state.cases.read().is_empty()>
                <button
                    id="save-session"
                    class="save"
                    title="Everything, scans included: drop it here again to go on"
                    on:click=move |_| pack(true)
                >
                    "Session (.zip)"
                </button>
            </Show>
        </div>
    }
}

/// Everything that was found, as files.
fn results(state: State) -> Vec<Packed> {
    let mut files = Vec::new();
    let mut add = |name: String, file: Option<Blob>| {
        files.extend(file.map(|file| Packed {
            name,
            file: Handle(file),
        }));
    };
    for (case, result) in state.result_files.read_untracked().iter() {
        add(names::segmentation(case), Some(result.labels.clone()));
        add(names::uncertainty(case), result.uncertainty.clone());
    }
    if let Some(evaluation) = untrack(|| evaluation(state)) {
        for (_, name, make) in TABLES {
            add(name.to_owned(), text(&make(state, &evaluation)));
        }
    }
    add(names::WEIGHTS.to_owned(), state.weights_file.get_value());
    let card = state.weights.read_untracked();
    let card = card.as_ref().and_then(|info| text(&info.card));
    add("weights.md".to_owned(), card);
    let settings = state.trained.get_untracked();
    let settings = settings.and_then(|config| config.to_toml().ok());
    add(
        "config.toml".to_owned(),
        settings.and_then(|toml| text(&toml)),
    );
    files
}

/// The printable report.
fn report(state: State, evaluation: &Evaluation) -> String {
    let trained = state.trained.get_untracked();
    let device = match state.engine.get_untracked() {
        Engine::Ready(Device::WebGpu { name, .. }) => format!("WebGPU, {name}"),
        Engine::Ready(Device::Cpu { .. }) => "one CPU thread".to_owned(),
        Engine::Starting | Engine::Dead => String::new(),
    };
    let mut facts = vec![
        (
            "Program",
            format!("MedContext {}, in a browser", env!("CARGO_PKG_VERSION")),
        ),
        ("Date", String::from(Date::new_0().to_iso_string())),
        ("Device", device),
    ];
    if let Some(weights) = state.weights.get_untracked() {
        facts.push(("Weights", weights.summary));
        facts.push(("SHA-256 of the weights", weights.sha256));
    }
    facts.extend(
        trained
            .iter()
            .map(|config| ("Seed", config.seed.to_string())),
    );
    let facts = facts
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    evaluation.to_html(&Report {
        title: "MedContext evaluation".to_owned(),
        before: state.before.get_untracked(),
        provenance: facts.collect(),
        settings: trained.and_then(|config| config.to_toml().ok()),
    })
}

/// A text as a file.
fn text(text: &str) -> Option<Blob> {
    Blob::new_with_str_sequence(&Array::of1(&text.into())).ok()
}
