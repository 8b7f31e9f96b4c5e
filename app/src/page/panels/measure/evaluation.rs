//! The evaluation of the segmentations at hand.

use leptos::prelude::*;
use medcontext_core::metric::{CaseScore, Evaluation, Protocol, Targets};

use crate::page::panels::cases::Case;
use crate::page::state::State;
use crate::saved::SavedStoreFields;

/// Dice and HD95 of every segmented case that has labels of its own. Cases that the weights have seen in training
/// count only where there are no others.
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

/// Whether the weights that segmented a case had seen it in training. That is in the weights' file: what the case
/// is for here says nothing about weights that came from elsewhere.
pub fn seen(case: &Case) -> Option<bool> {
    case.result.done()?.seen
}

/// Other weights are about to segment: what the last ones gave becomes "before".
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
