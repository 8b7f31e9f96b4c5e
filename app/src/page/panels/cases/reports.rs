//! The worker's reports about files and cases.

use leptos::prelude::*;
use medcontext_core::dataset::Role;

use super::store::{Case, CaseResult};
use crate::message::{CaseInfo, CasesReport};
use crate::page::state::State;

/// Updates the page from a report.
pub fn on_report(state: State, report: CasesReport) {
    match report {
        CasesReport::Reading(progress) => state.cases.reading.set(progress),
        CasesReport::Case(info) => take(state, info),
        CasesReport::Read(info) => read(state, info),
        CasesReport::Leftovers { files, structures } => {
            state.cases.leftovers.set(files);
            state.cases.structures.set(structures);
        }
        CasesReport::LabeledSlices(axis) => state.cases.labeled_slices.set(axis),
        CasesReport::Removed { case } => forget(state, &case),
    }
}

/// A new case, or one whose files have changed: it keeps its place, loses its segmentation.
fn take(state: State, info: CaseInfo) {
    let id = info.id().to_owned();
    let mut role = info.role;
    if role == Role::Train && state.cases.find(&id).is_some_and(|case| case.role == Role::Validate) {
        role = Role::Validate;
    }
    let row = Case {
        role,
        info,
        result: CaseResult::None,
    };
    let replaying = state.worker.replaying.get_untracked();
    state
        .cases
        .rows
        .update(|cases| match cases.binary_search_by(|case| case.info.id().cmp(&id)) {
            Ok(_) if replaying => {}
            Ok(place) => cases[place] = row,
            Err(place) => cases.insert(place, row),
        });
    if replaying {
        return;
    }
    state.forget_result(&id);
    let viewed = state.viewer.viewed.get_untracked();
    if viewed.is_none_or(|viewed| viewed == id) {
        state.look_at(&id);
    }
}

/// What a case's voxels tell.
fn read(state: State, info: CaseInfo) {
    let id = info.id().to_owned();
    state.cases.change(&id, |case| {
        if info.labels().is_none() {
            case.role = Role::Predict;
        }
        case.info = info;
    });
}

/// A case that is gone, from the viewer too.
fn forget(state: State, id: &str) {
    state
        .cases
        .rows
        .update(|cases| cases.retain(|case| case.info.id() != id));
    state.forget_result(id);
    if state.viewer.viewed.read_untracked().as_deref() == Some(id) {
        state.viewer.close();
    }
}
