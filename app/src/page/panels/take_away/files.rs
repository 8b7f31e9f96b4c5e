//! Results as files.

use js_sys::{Array, Date};
use leptos::prelude::*;
use medcontext_core::metric::{Evaluation, EvaluationDocument};
use medcontext_core::train::TrainConfig;
use web_sys::Blob;

use crate::message::{Device, Handle, Packed};
use crate::page::format;
use crate::page::panels::measure::evaluation;
use crate::page::panels::worker::Engine;
use crate::page::state::State;
use crate::page::viewer::sentence;
use crate::saved::{SavedStoreFields, names};

/// Makes a file's text, or returns one sentence on why it cannot.
type Make = fn(State, &Evaluation) -> Result<String, String>;

/// A table of an evaluation: what the button says, the file's name, and how it is made.
pub type Table = (&'static str, &'static str, Make);

/// All tables.
pub const TABLES: [Table; 3] = [
    ("Table (.csv)", "evaluation.csv", |_, evaluation| {
        Ok(evaluation.to_csv(None))
    }),
    ("Numbers (.json)", "evaluation.json", |_, evaluation| {
        serde_json::to_string_pretty(evaluation).map_err(|reason| reason.to_string())
    }),
    ("Report (.html)", "report.html", report),
];

/// The message about a file that could not be saved.
pub fn not_saved(name: &str, reason: &str) -> String {
    format!("{name} could not be saved ({reason}); try again.")
}

/// All results as files; one sentence if one of them cannot be made.
pub fn results(state: State) -> Result<Vec<Packed>, String> {
    let mut files: Vec<(String, Blob)> = Vec::new();
    for (case, result) in state.segment.files.read_untracked().iter() {
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
    let weights = state.weights.file.get_value();
    files.extend(weights.map(|weights| (names::WEIGHTS.to_owned(), weights)));
    if let Some(info) = &*state.weights.info.read_untracked() {
        files.push(file("weights.md", Ok(info.card.clone()))?);
    }
    if let Some(config) = state.saved.trained().get_untracked() {
        files.push(file("config.toml", settings(&config))?);
    }
    let packed = files.into_iter().map(|(name, file)| Packed {
        name,
        file: Handle(file),
    });
    Ok(packed.collect())
}

/// Settings in the form of a file.
fn settings(config: &TrainConfig) -> Result<String, String> {
    config.to_toml().map_err(|reason| reason.to_string())
}

/// The printable report.
fn report(state: State, evaluation: &Evaluation) -> Result<String, String> {
    let trained = state.saved.trained().get_untracked();
    let device = match state.worker.engine.get_untracked() {
        Engine::Ready(Device::WebGpu { name, .. }) => format!("WebGPU, {name}"),
        Engine::Ready(Device::Cpu { threads, .. }) => format!("CPU, {}", format::threads(threads)),
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
    if let Some(weights) = state.weights.info.get_untracked() {
        facts.push(("Weights", weights.summary));
        facts.push(("SHA-256 of the weights", weights.sha256));
    }
    facts.extend(trained.iter().map(|config| ("Seed", config.seed.to_string())));
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
    Ok(evaluation.to_html(&EvaluationDocument {
        title: "MedContext evaluation".to_owned(),
        before: state.saved.before().get_untracked(),
        provenance: facts.collect(),
        settings: trained.as_ref().map(settings).transpose()?,
    }))
}

/// A text as a file.
pub fn text(text: &str) -> Result<Blob, String> {
    Blob::new_with_str_sequence(&Array::of1(&text.into())).map_err(sentence)
}
