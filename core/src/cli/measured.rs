//! A plan from measured steps, which Ctrl-C interrupts.

use std::sync::atomic::Ordering;

use burn::tensor::Device;
use futures::executor::block_on;

use super::Failure;
use super::console::interrupt_flag;
use crate::dataset::{CaseFingerprint, LabelSet};
use crate::plan::{Budget, TrainingPlan};
use crate::train::TrainConfig;

/// The plan from steps that are measured on a device, with what `adjust` puts over a plan's settings; Ctrl-C ends it.
pub(super) fn measured(
    cases: &[CaseFingerprint],
    labels: &LabelSet,
    budget: Budget,
    device: &Device,
    adjust: impl Fn(&TrainConfig) -> Result<TrainConfig, Failure>,
) -> Result<TrainingPlan, Failure> {
    let interrupted = interrupt_flag();
    let go_on = async || !interrupted.load(Ordering::SeqCst);
    let measured = block_on(TrainingPlan::measured(
        cases,
        labels,
        budget,
        device,
        &[],
        adjust,
        go_on,
    ))?;
    measured.map(|measured| measured.plan).ok_or(Failure::Interrupted)
}
