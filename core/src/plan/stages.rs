//! Two stages: coarse voxels find where the labels are, fine ones look there.

use super::resolution::Field;
use super::{Budget, Resolution};
use crate::dataset::CaseFingerprint;
use crate::statistics::{median, per_axis};
use crate::train::TrainConfig;

/// What the second stage sees around the labels, in mm: the first finds them to a few of its voxels.
pub(super) const MARGIN_MM: u32 = 20;

/// Two stages are planned where the smallest structure has fewer voxels than this in the first: a cube of ten, of whose
/// voxels half are at its surface.
const FEW_VOXELS: f64 = 1000.0;

/// The region around the labels is at most this share of a scan, or the second stage would hardly see less.
const REGION_SHARE: f64 = 0.5;

/// The voxels of the second stage are at most this share of the first's.
const FINER: f64 = 0.5;

/// Steps that each stage has time for: with fewer, both minutes and patch are better spent on one network. It is more
/// than the steps that a short run is cut into, at any patch.
const FEWEST_STEPS: usize = 1500;

/// What the two stages of a cascade see.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stages {
    pub first: Resolution,
    pub second: Resolution,
    /// The share of the median scan that the second stage sees.
    pub region_share: f64,
    /// Voxels of the smallest structure in the first stage.
    pub smallest: f64,
}

impl Stages {
    /// The stages for a field at full resolution, if the sizes of the structures, the field of view and the minutes
    /// speak for two; each has half of the minutes.
    pub fn choose(cases: &[CaseFingerprint], field: &Field, config: &TrainConfig, budget: &Budget) -> Option<Self> {
        let half = half(budget);
        let first = Resolution::choose(field, config, &half);
        let region = labeled_region(cases)?;
        // As far as the scans reach.
        let whole = [0, 1, 2].map(|axis| field.size[axis] * field.mm[axis]);
        let region = [0, 1, 2].map(|axis| region[axis].min(whole[axis]));
        let around = Field {
            size: [0, 1, 2].map(|axis| (region[axis] / field.mm[axis]).round().max(1.0)),
            ..*field
        };
        let found = Self {
            first,
            second: Resolution::choose(&around, config, &half),
            region_share: volume(region) / volume(whole),
            smallest: field.smallest / volume(first.mm),
        };
        let steps = |resolution: &Resolution| {
            let config = TrainConfig {
                patch: resolution.patch,
                ..config.clone()
            };
            half.steps_of(half.step_seconds(&config, field.channels, field.outputs))
        };
        let speaks = first.coarser
            && found.smallest < FEW_VOXELS
            && found.region_share <= REGION_SHARE
            && volume(found.second.mm) <= FINER * volume(first.mm)
            && steps(&first).min(steps(&found.second)) >= FEWEST_STEPS;
        speaks.then_some(found)
    }
}

/// Half of the minutes.
pub(super) fn half(budget: &Budget) -> Budget {
    Budget {
        minutes: budget.minutes / 2.0,
        ..*budget
    }
}

/// Median sides in mm over the cases of the box around all labels and the margin, `[depth, height, width]`; `None`
/// where no case has labels.
fn labeled_region(cases: &[CaseFingerprint]) -> Option<[f64; 3]> {
    let sides: Vec<[f64; 3]> = cases.iter().filter_map(|case| region_of(case, MARGIN_MM)).collect();
    per_axis(&sides, median)
}

/// The same of one case, as far as the scan reaches.
pub(super) fn region_of(case: &CaseFingerprint, margin_mm: u32) -> Option<[f64; 3]> {
    let labels = case.facts.as_ref()?.labels.values();
    let all = labels.map(|label| label.bounds).reduce(|a, b| a.union(b))?;
    let side = |axis: usize| {
        let (spacing, margin) = (case.spacing[axis], f64::from(margin_mm));
        let around = all.size[axis] as f64 * spacing + 2.0 * margin;
        around.min(case.size[axis] as f64 * spacing)
    };
    Some([0, 1, 2].map(side))
}

fn volume(sides: [f64; 3]) -> f64 {
    sides.iter().product()
}
