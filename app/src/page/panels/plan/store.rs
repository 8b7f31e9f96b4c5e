//! The current plan.

use leptos::prelude::*;
use medcontext_core::train::TrainConfig;

use crate::message::Planned;

/// A change that cannot work, with the nearest that can.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// What does not work, one sentence.
    pub sentence: String,
    /// The nearest settings that do.
    pub nearest: TrainConfig,
    /// Names of the settings that differ in them.
    pub settings: Vec<String>,
}

/// The page's state of it.
#[derive(Clone, Copy, Default)]
pub struct PlanStore {
    /// The plan for the training cases.
    pub plan: RwSignal<Option<Planned>>,
    /// Whether one was asked for and has not come yet.
    pub pending: RwSignal<bool>,
    /// Why there is none.
    pub failure: RwSignal<Option<String>>,
    /// The last change, if it was refused.
    pub refused: RwSignal<Option<Refused>>,
    /// Whether the current device was measured, or the attempt was stopped or failed.
    pub tried: RwSignal<bool>,
}
