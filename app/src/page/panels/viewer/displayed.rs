//! The network's results for the case in view, in the form that the viewer takes: the worker makes them from the saved
//! files, so that the page needs no geometry.

use leptos::prelude::*;
use web_sys::Blob;

use super::store::Displayed;
use crate::message::{DisplayRequest, Handle};
use crate::page::link::Link;
use crate::page::state::State;

/// Requests them whenever there is something new.
pub fn follow(state: State, link: Link) {
    Effect::new(move |before: Option<Option<Displayed>>| {
        let case = state.viewer.picture.read().as_ref().map(|shown| shown.case.clone());
        let files = case.and_then(|case| files(state, case));
        if before.is_some_and(|before| before == files) {
            return files;
        }
        state.viewer.number.update_value(|number| *number += 1);
        match &files {
            Some(files) => link.send(DisplayRequest::Segmentation {
                case: files.case.clone(),
                number: state.viewer.number.get_value(),
                labels: files.labels.clone().map(Handle),
                uncertainty: files.uncertainty.clone().map(Handle),
            }),
            None => state.viewer.displayed.set(None),
        }
        files
    });
}

/// The results for a case: from the current run if there is one, else from the last segmentation.
fn files(state: State, case: String) -> Option<Displayed> {
    let preview = state.train.preview.read();
    let preview = preview.as_ref().filter(|one| one.case == case);
    let files = state.segment.files.read();
    let files = files.get(&case);
    let labels = preview.map(|one| one.labels.clone());
    let found = Displayed {
        labels: labels.or(files.map(|files| files.labels.clone())),
        uncertainty: files.and_then(|files| files.uncertainty.clone()),
        case,
    };
    (found.labels.is_some() || found.uncertainty.is_some()).then_some(found)
}

/// The predicted label map of a case, for the viewer.
pub fn labels(state: State, case: &str) -> Option<Blob> {
    of(state, case)?.labels
}

/// The uncertainty map of a case, for the viewer.
pub fn uncertainty(state: State, case: &str) -> Option<Blob> {
    of(state, case)?.uncertainty
}

/// Whether there is a result for a case, displayed or not.
pub fn is_expected(state: State, case: &str) -> bool {
    files(state, case.to_owned()).is_some()
}

fn of(state: State, case: &str) -> Option<Displayed> {
    state.viewer.displayed.get().filter(|shown| shown.case == case)
}
