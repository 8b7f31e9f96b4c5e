//! What a step still lacks before the next one makes sense.

use leptos::prelude::*;
use medcontext_core::dataset::Role;

use super::step::Step;
use crate::page::state::State;

/// One sentence; `None` when nothing is missing. The tabs lead everywhere all the same.
pub fn missing(state: State, step: Step) -> Option<&'static str> {
    let cases = state.cases.rows.read();
    let training = || cases.iter().any(|case| case.is_for(Role::Train));
    let scored = || {
        let mut done = cases.iter().filter_map(|case| case.result.done());
        done.any(|result| result.score.is_some())
    };
    let sentence = match step {
        Step::Cases if cases.is_empty() => "Add scans first.",
        Step::Cases if !training() => "No case to train on: add a label map. Weights alone segment too, in step 3.",
        Step::Train if state.weights.info.read().is_none() => "No weights yet: train, or take some in step 3.",
        Step::Segment if !scored() => "Nothing to measure yet: segment a case that has labels of its own.",
        Step::Measure if cases.is_empty() => "Add scans first.",
        _ => return None,
    };
    Some(sentence)
}
