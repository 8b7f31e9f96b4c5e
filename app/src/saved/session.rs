//! The saved state of a session besides its files: enough to restore the page.

use std::collections::{BTreeMap, BTreeSet};

use medcontext_core::dataset::{Library, Role};
use medcontext_core::infer::{self, LabelVolume};
use medcontext_core::metric::{CaseScore, Evaluation};
use medcontext_core::train::{LabelDice, Losses, TrainConfig};
#[cfg(target_arch = "wasm32")]
use reactive_stores::Store;
use serde::{Deserialize, Serialize};

use crate::platform::{Blob, Handle};

/// All files of a session. The worker uses nothing else, and reports every change to the page, so that it can be handed
/// to a new worker.
pub type FileLibrary = Library<Handle<Blob>>;

/// A segmented case. Its label map is a separate file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedResult {
    /// Size of each label.
    pub volumes: Vec<LabelVolume>,
    /// Wall time in seconds.
    pub seconds: f64,
    /// How it compares with the case's own labels, if there are any.
    pub score: Option<CaseScore>,
    /// The network's uncertainty.
    #[serde(default, alias = "doubt")]
    pub uncertainty: Option<Uncertainty>,
    /// Whether the weights had seen the case in training, by its name; `None` if they do not say.
    #[serde(default)]
    pub seen: Option<bool>,
}

/// How uncertain the network was about a case, and where it was most uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Uncertainty {
    /// `Uncertainty::mean`: 0 is certain, 1 is a guess.
    pub mean: f64,
    /// The axial slice to look at first, counted from 1 at the feet.
    pub slice: usize,
    /// The position in it, in mm, RAS+.
    pub mm: [f64; 3],
}

impl Uncertainty {
    /// Where to look first in a case; `None` where nothing is uncertain.
    pub fn of(found: &infer::Uncertainty) -> Option<Self> {
        let spot = found.most()?;
        let affine = &found.map.grid().affine;
        Some(Self {
            mean: found.mean,
            slice: spot.slice_number(),
            mm: affine.apply(spot.voxel.map(|index| index as f64)),
        })
    }
}

/// Dice on the held-out cases at one point of a training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// Steps done.
    pub iteration: usize,
    /// Mean over labels and cases.
    pub dice: f64,
    /// By label.
    pub labels: Vec<LabelDice>,
}

/// A training run that was interrupted, or is in progress.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Steps done in its saved state.
    pub iteration: usize,
    /// Planned steps.
    pub iterations: usize,
    /// Held-out cases.
    pub validation: Vec<String>,
}

/// The page's saved state. It is a store: the page reads and changes its fields in place, and all of them are saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(target_arch = "wasm32", derive(Store))]
#[serde(default)]
pub struct Saved {
    /// Version of the program.
    pub version: String,
    /// Version of the form of its files; 0 had drawings among the files that were dropped.
    pub format: u32,
    /// When, in milliseconds since 1970.
    pub time: f64,
    /// The role of each case.
    pub roles: BTreeMap<String, Role>,
    /// Settings of the next training run.
    pub config: TrainConfig,
    /// Names of those that were changed by hand; plans leave them as they are.
    pub edited: BTreeSet<String>,
    /// Of a session that was saved before there were plans: whether any were changed by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub config_touched: bool,
    /// Minutes of training to plan for, where they were chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// Losses of the last training run, step by step.
    pub losses: Vec<Losses>,
    /// Its validations.
    pub validations: Vec<Validation>,
    /// Its planned iterations.
    pub planned: usize,
    /// Its settings.
    pub trained: Option<TrainConfig>,
    /// SHA-256 of the weights that segmented last.
    pub segmented_with: Option<String>,
    /// Segmented cases.
    pub results: BTreeMap<String, SavedResult>,
    /// The evaluation of the previous weights.
    pub before: Option<Evaluation>,
    /// A training run that can be resumed.
    pub unfinished: Option<Unfinished>,
}
