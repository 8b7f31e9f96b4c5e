//! Plans of training runs.

use medcontext_core::dataset::CaseFingerprint;
use medcontext_core::plan::{Budget, Edits, Speed, TrainingPlan};
use medcontext_core::train::TrainConfig;
use serde::{Deserialize, Serialize};

/// What to plan for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanTask {
    /// Ids of the labeled cases to train on.
    pub cases: Vec<String>,
    /// Minutes of training.
    pub minutes: f64,
    /// Speed of the device, where it is known without measuring.
    pub speed: Option<Speed>,
}

/// Requests for a plan.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PlanRequest {
    /// Plan at once, with the speed of the device as far as it is known.
    Plan(PlanTask),
    /// Measure a few steps of the plan, with a person's changes, and plan again with the speed that they show.
    Measure {
        /// What to plan for.
        task: PlanTask,
        /// What was changed by hand.
        edits: Box<Edits>,
    },
}

/// Reports about plans.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum PlanReport {
    /// A plan.
    Planned(Box<Planned>),
    /// There is none: one sentence.
    Impossible(String),
}

/// A setting with the reason for it, as `Decision` in `core`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlannedSetting {
    /// Its name as in the configuration.
    pub setting: String,
    /// Its value in a few words.
    pub value: String,
    /// Why, one sentence.
    pub reason: String,
}

/// A plan, and what it was made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// Settings of the run.
    pub config: TrainConfig,
    /// What was decided, in order.
    pub decisions: Vec<PlannedSetting>,
    /// Minutes of training.
    pub minutes: f64,
    /// How fast the device trains.
    pub speed: Speed,
    /// Memory of a training step in bytes, of all its patches together.
    pub memory: u64,
    /// Patches that are computed at the same time.
    pub at_once: usize,
    /// Whether the speed was measured on this device.
    pub measured: bool,
    /// Channels of the cases.
    pub channels: usize,
    /// Outputs of the network.
    pub outputs: usize,
    /// The cases' facts, without their intensities.
    pub cases: Vec<CaseFingerprint>,
}

impl Planned {
    /// A plan with what it was made from.
    pub fn new(
        plan: TrainingPlan,
        budget: &Budget,
        measured: bool,
        cases: Vec<CaseFingerprint>,
        outputs: usize,
    ) -> Self {
        let setting = |one: medcontext_core::plan::Decision| PlannedSetting {
            setting: one.setting.to_owned(),
            value: one.value,
            reason: one.reason,
        };
        let cases = cases.into_iter().map(|case| CaseFingerprint {
            labeled_hu: None,
            ..case
        });
        let cases: Vec<CaseFingerprint> = cases.collect();
        Self {
            config: plan.config,
            decisions: plan.decisions.into_iter().map(setting).collect(),
            minutes: budget.minutes,
            speed: budget.speed,
            memory: budget.memory,
            at_once: budget.at_once,
            measured,
            channels: cases.first().map_or(1, |case| case.channels),
            outputs,
            cases,
        }
    }

    /// What it was planned for.
    pub fn budget(&self) -> Budget {
        Budget {
            minutes: self.minutes,
            speed: self.speed,
            memory: self.memory,
            at_once: self.at_once,
            ..Budget::DEFAULT
        }
    }
}
