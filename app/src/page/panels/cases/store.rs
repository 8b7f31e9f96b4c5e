//! The table of cases, and the files beside it.

use leptos::prelude::*;
use medcontext_core::dataset::Role;
use medcontext_core::volume::SliceAxis;

use crate::message::{CaseInfo, ReadingProgress, Unused};
use crate::saved::SavedResult;

/// A row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The worker's facts about it.
    pub info: CaseInfo,
    /// Its role.
    pub role: Role,
    /// Its segmentation.
    pub result: CaseResult,
}

impl Case {
    /// Whether it has this role. An undecided series has none.
    pub fn is_for(&self, role: Role) -> bool {
        self.role == role && self.info.header.undecided_frames.is_none()
    }
}

/// The state of a case's segmentation.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum CaseResult {
    /// Not requested.
    #[default]
    None,
    /// In progress.
    Running,
    /// Done.
    Done(SavedResult),
    /// Failed: one sentence.
    Failed(String),
}

impl CaseResult {
    /// Its name in the `data-state` of a row.
    pub fn name(&self) -> &'static str {
        match self {
            Self::None => "ready",
            Self::Running => "predicting",
            Self::Done(_) => "done",
            Self::Failed(_) => "failed",
        }
    }

    /// The result, if it is done.
    pub fn done(&self) -> Option<&SavedResult> {
        match self {
            Self::Done(result) => Some(result),
            _ => None,
        }
    }
}

/// The page's state of cases and files.
#[derive(Clone, Copy, Default)]
pub struct CasesStore {
    /// The table, sorted by id.
    pub rows: RwSignal<Vec<Case>>,
    /// Files that are not used.
    pub leftovers: RwSignal<Vec<Unused>>,
    /// Whether some of them are label maps of one structure each.
    pub structures: RwSignal<bool>,
    /// Along which axis only the slices with a label count, if so.
    pub labeled_slices: RwSignal<Option<SliceAxis>>,
    /// How far the reading of cases is, while they are being read.
    pub reading: RwSignal<Option<ReadingProgress>>,
}

impl CasesStore {
    /// A row, as it is now.
    pub fn find(&self, id: &str) -> Option<Case> {
        self.rows.read().iter().find(|case| case.info.id() == id).cloned()
    }

    /// Changes a row.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Case)) {
        self.rows.update(|cases| {
            if let Some(case) = cases.iter_mut().find(|case| case.info.id() == id) {
                change(case);
            }
        });
    }

    /// Ids of the cases that `wanted` selects.
    pub fn ids(&self, wanted: impl Fn(&Case) -> bool) -> Vec<String> {
        let cases = self.rows.read();
        cases
            .iter()
            .filter(|case| wanted(case))
            .map(|case| case.info.id().to_owned())
            .collect()
    }

    /// Resets cases that were being segmented.
    pub fn none_is_running(&self) {
        self.rows.update(|cases| {
            for case in cases.iter_mut().filter(|case| case.result == CaseResult::Running) {
                case.result = CaseResult::None;
            }
        });
    }
}
