//! What one takes along: tables, a report, everything as one file.

use js_sys::{Array, Date};
use leptos::prelude::*;
use medcontext_core::metric::{Evaluation, Report};
use medcontext_core::train::TrainConfig;
use web_sys::Blob;

use super::measure::evaluation;
use crate::message::{Device, ExportRequest, Handle, Packed};
use crate::page::files::save;
use crate::page::keep::saved;
use crate::page::link::Link;
use crate::page::state::{Engine, State};
use crate::page::viewer::sentence;
use crate::saved::names;

/// Makes a file's text, or says in one sentence why it cannot.
type Make = fn(State, &Evaluation) -> Result<String, String>;

/// A table of an evaluation: what the button says, the file's name, and how it is made.
type Table = (&'static str, &'static str, Make);

const TABLES: [Table; 3] = [
    ("Table (.csv)", "evaluation.csv", |_, evaluation| {
        Ok(evaluation.to_csv(None))
    }),
    ("Numbers (.json)", "evaluation.json", |_, evaluation| {
        serde_json::to_string_pretty(evaluation).map_err(|reason| reason.to_string())
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
            let Some(now) = untrack(|| evaluation(state)) else {
                return;
            };
            let taken = make(state, &now)
                .and_then(|content| text(&content))
                .and_then(|file| save(name, &file).map_err(sentence));
            if let Err(reason) = taken {
                state.say(not_saved(name, &reason));
            }
        };
        view! {
            <button class="save" data-table=name on:click=take>
                {words}
            </button>
        }
    };
    let pack = move |session: bool| match results(state) {
        Ok(files) => link.send(ExportRequest::Archive {
            files,
            session: session.then(|| Box::new(saved(state))),
        }),
        Err(sentence) => state.say(sentence),
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

/// What is said of a file that could not be saved.
fn not_saved(name: &str, reason: &str) -> String {
    format!("{name} could not be saved ({reason}); try again.")
}

/// Everything that was found, as files; one sentence where one of them cannot be made.
fn results(state: State) -> Result<Vec<Packed>, String> {
    let mut files: Vec<(String, Blob)> = Vec::new();
    for (case, result) in state.result_files.read_untracked().iter() {
        files.push((names::segmentation(case), result.labels.clone()));
        let uncertainty = result.uncertainty.clone();
        files.extend(uncertainty.map(|map| (names::uncertainty(case), map)));
    }
    let file = |name: &str, content: Result<String, String>| {
        let made = content.and_then(|content| text(&content));
        made.map(|made| (name.to_owned(), made))
            .map_err(|reason| not_saved(name, &reason))
    };
    if let Some(evaluation) = untrack(|| evaluation(state)) {
        for (_, name, make) in TABLES {
            files.push(file(name, make(state, &evaluation))?);
        }
    }
    let weights = state.weights_file.get_value();
    files.extend(weights.map(|weights| (names::WEIGHTS.to_owned(), weights)));
    if let Some(info) = &*state.weights.read_untracked() {
        files.push(file("weights.md", Ok(info.card.clone()))?);
    }
    if let Some(config) = state.trained.get_untracked() {
        files.push(file("config.toml", settings(&config))?);
    }
    let packed = files.into_iter().map(|(name, file)| Packed {
        name,
        file: Handle(file),
    });
    Ok(packed.collect())
}

/// Settings as they are written to a file.
fn settings(config: &TrainConfig) -> Result<String, String> {
    config.to_toml().map_err(|reason| reason.to_string())
}

/// The printable report.
fn report(state: State, evaluation: &Evaluation) -> Result<String, String> {
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
    Ok(evaluation.to_html(&Report {
        title: "MedContext evaluation".to_owned(),
        before: state.before.get_untracked(),
        provenance: facts.collect(),
        settings: trained.as_ref().map(settings).transpose()?,
    }))
}

/// A text as a file.
fn text(text: &str) -> Result<Blob, String> {
    Blob::new_with_str_sequence(&Array::of1(&text.into())).map_err(sentence)
}
