//! The evaluation of the current segmentations.

use leptos::prelude::*;
use medcontext_core::metric::{CaseScore, Evaluation, Protocol, Targets};

use crate::page::panels::cases::Case;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Dice and HD95 of every segmented case that has its own labels. Cases that the weights have seen in training only
/// count if there are no others.
pub fn evaluation(state: State) -> Option<Evaluation> {
    let cases = state.cases.rows.read();
    let score = |case: &Case| case.result.done()?.score.clone();
    let unseen = cases.iter().filter(|case| seen(case) != Some(true));
    let mut scores: Vec<CaseScore> = unseen.filter_map(score).collect();
    if scores.is_empty() {
        scores = cases.iter().filter_map(score).collect();
    }
    if scores.is_empty() {
        return None;
    }
    let labels = state.labels.read();
    let names = labels.iter().map(|label| (label.id, label.name.clone()));
    let set = Targets::default().label_set(&scores, &names.collect());
    Some(Evaluation::new(scores, &set.ok()?, Protocol::default()))
}

/// Whether the weights that segmented a case had seen it in training. The weights' file tells, since the case's role
/// here says nothing about weights trained elsewhere.
pub fn seen(case: &Case) -> Option<bool> {
    case.result.done()?.seen
}

/// Other weights are about to segment: the last ones' results become "before".
pub fn remember_before(state: State) {
    let weights = state.weights.info.read_untracked();
    let weights = weights.as_ref().map(|info| info.sha256.clone());
    let last = state.saved.segmented_with().get_untracked();
    if last.is_some() && last != weights {
        let before = untrack(|| evaluation(state));
        if before.is_some() {
            state.saved.before().set(before);
        }
    }
    state.saved.segmented_with().set(weights);
}
