//! A training run that suits a data set and a budget, each setting with its reason.

use serde::Serialize;

use super::augmentation::augmentation;
use super::decision::{millimeters, voxels};
use super::mirroring::Mirroring;
use super::modality::{Modality, Told, window};
use super::normalization::MASKED_BELOW;
use super::resolution::{FEWEST_VOXELS, Field};
use super::stages::{MARGIN_MM, Stages, half};
use super::structures::{has_rare_label, one_piece, smallest_structure};
use super::{Budget, DatasetFacts, Decision, PlanError, Resolution, Result, TargetSpacing};
use crate::backbone::{Backbone, Size};
use crate::dataset::{CaseFingerprint, LabelSet, common_channels};
use crate::infer::{Blend, Inference};
use crate::medcontext::MedContext;
use crate::train::{NetworkChoice, TrainConfig};
use crate::transform::{Center, Crop, Normalization, Preprocessing, Resampling, Sampling, Spacing};
use crate::volume::AxisOrder;

/// The learning rate of a planned run from scratch. That of the CNN was found on five scans of abdomen-mr, one seed
/// (AdamW, cosine). Mean Dice in 160 steps: 0.26 with 0.002, 0.37 with 0.005, 0.46 with 0.01; in 316 steps: 0.31 with
/// 0.0005, 0.47 with 0.002, 0.58 with 0.005. With the other networks none was tried.
pub fn learning_rate(backbone: Backbone) -> f64 {
    match backbone {
        Backbone::Pcrlv2 => 0.01,
        _ => TrainConfig::default().learning_rate,
    }
}

/// Sets the learning rate of a run, in both stages of a cascade.
pub fn set_learning_rate(config: &mut TrainConfig, rate: f64) {
    config.learning_rate = rate;
    if let Some(first) = &mut config.coarse {
        first.learning_rate = rate;
    }
}

/// Settings of a training run, and of inference with its weights.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrainingPlan {
    /// Settings of the training run.
    pub config: TrainConfig,
    /// Each decision with its reason, in the order in which they follow from each other.
    pub decisions: Vec<Decision>,
}

impl TrainingPlan {
    /// Plans a run on labeled cases that are to learn `labels`.
    ///
    /// # Errors
    /// When there is no case, one without facts of its voxels or with another number of channels, or no budget.
    pub fn new(cases: &[CaseFingerprint], labels: &LabelSet, budget: &Budget) -> Result<Self> {
        budget.check()?;
        let first = cases.first().ok_or(PlanError::NoCase)?;
        let counts = cases.iter().map(|case| (case.id.as_str(), case.channels));
        let channels = vec![String::new(); common_channels(counts)?];
        // nnU-Net counts the label of ignored voxels.
        let entries = labels.classes() + usize::from(labels.ignore().is_some());
        let facts = DatasetFacts::of(cases, channels, entries)?;
        facts.check()?;
        let mut plan = Self {
            config: TrainConfig {
                network: NetworkChoice::named(Backbone::Pcrlv2, Size::Tiny),
                learning_rate: learning_rate(Backbone::Pcrlv2),
                batch_size: budget.at_once.max(1),
                // Fitted to the run, should it be switched on.
                medcontext: MedContext {
                    enabled: false,
                    ..MedContext::default()
                },
                blend: Blend::Gaussian,
                ..TrainConfig::default()
            },
            decisions: Vec::new(),
        };
        plan.normalization(cases, &facts);
        let field = field(cases, labels, &facts)?;
        plan.resolution(&field, Resolution::choose(&field, &plan.config, budget));
        plan.sampling(cases);
        plan.mirroring(cases, labels);
        plan.components(cases, labels);
        plan.method();
        plan.patches(budget.at_once);
        let stages = (!budget.single_stage).then(|| Stages::choose(cases, &field, &plan.config, budget));
        if let Some(stages) = stages.flatten() {
            plan.cascade(&field, stages, &half(budget));
        }
        let seconds = budget.step_seconds(&plan.config, first.channels, labels.outputs());
        plan.set_length(budget, seconds, first.channels, labels.outputs());
        Ok(plan)
    }

    /// Notes a decision, in place of an earlier one on the same setting.
    fn decide(&mut self, setting: &'static str, value: impl Into<String>, reason: impl Into<String>) {
        self.note(Decision::new(setting, value, reason));
    }

    fn note(&mut self, decision: Decision) {
        let same = |earlier: &&mut Decision| earlier.setting == decision.setting;
        match self.decisions.iter_mut().find(same) {
            Some(earlier) => *earlier = decision,
            None => self.decisions.push(decision),
        }
    }

    /// Intensities: of CT by the labeled voxels of all cases, else by each volume's own.
    fn normalization(&mut self, cases: &[CaseFingerprint], facts: &DatasetFacts) {
        let told = Told::of(cases);
        let ct = (told.modality == Modality::Ct).then(|| window(cases)).flatten();
        let masked = facts.median_relative_size < MASKED_BELOW;
        let kind = match told.modality {
            Modality::Ct => "the scans are CT",
            Modality::Mr => "the scans are MR",
            Modality::Unknown => "the scans are MR or of an unknown kind",
        };
        let (normalization, value, rule) = match ct {
            Some(rule @ Normalization::ClipZScore { low, high, .. }) => (
                rule,
                format!("CT window, {low:.0} to {high:.0} HU"),
                "intensities are clipped to those of the labels and scaled by their mean and deviation",
            ),
            _ if masked => (
                Normalization::NonZeroZScore,
                "z-score of what is not 0".to_owned(),
                "much of them is 0, which surrounds the body and does not count",
            ),
            _ => (
                Normalization::ZScore,
                "z-score of each scan".to_owned(),
                match told.modality {
                    Modality::Ct => {
                        "all labeled voxels have one intensity, so each scan is scaled by its own mean and deviation"
                    }
                    _ => "each scan is scaled by its own mean and deviation",
                },
            ),
        };
        let reason = format!("{kind}, {}: {rule}", told.by);
        self.config.preprocessing = Preprocessing {
            axes: AxisOrder::Zyx,
            normalization,
            spacing: None,
            crop: Crop::NonZero,
        };
        self.decide("preprocessing.normalization", value, reason);
    }

    /// Voxel size and patch.
    fn resolution(&mut self, field: &Field, chosen: Resolution) {
        let Resolution {
            mm,
            patch,
            coverage,
            coarser,
            at_limit,
        } = chosen;
        self.config.preprocessing.spacing = Some(Spacing {
            mm,
            rule: Resampling::NnUnet,
        });
        self.config.patch = patch;
        let percent = match 100.0 * coverage {
            percent if percent < 1.0 => "less than 1 %".to_owned(),
            percent => format!("{percent:.0} %"),
        };
        let reason = match (coarser, at_limit) {
            (false, false) => "the median of the scans".to_owned(),
            (false, true) => {
                "the median of the scans: of larger voxels the smallest structure would have too few".to_owned()
            }
            (true, false) => format!(
                "larger than the scans' {}, so that a patch covers {percent} of a scan in the minutes there are",
                millimeters(field.mm)
            ),
            (true, true) => format!(
                "larger than the scans' {}, as far as the smallest structure keeps {FEWEST_VOXELS} voxels",
                millimeters(field.mm)
            ),
        };
        self.decide("preprocessing.spacing", millimeters(mm), reason);
        self.decide(
            "patch",
            voxels(patch),
            format!("{percent} of the median scan, for steps that are short enough to take many"),
        );
    }

    /// Two stages: the settings so far become those of the second, after a first one with half of the minutes.
    fn cascade(&mut self, field: &Field, stages: Stages, half: &Budget) {
        let mut first = self.clone();
        first.resolution(field, stages.first);
        let seconds = half.step_seconds(&first.config, field.channels, field.outputs);
        first.set_length(half, seconds, field.channels, field.outputs);
        self.resolution(field, stages.second);
        self.config.preprocessing.crop = Crop::Labels { margin_mm: MARGIN_MM };
        self.decide(
            "coarse",
            format!(
                "two stages: voxels of {}, then of {}",
                millimeters(stages.first.mm),
                millimeters(stages.second.mm)
            ),
            format!(
                "the smallest structure has {:.0} voxels of the first; the second looks where the first finds \
                 something, {MARGIN_MM} mm around it, which is {:.0} % of a scan",
                stages.smallest,
                100.0 * stages.region_share
            ),
        );
        self.config.coarse = Some(Box::new(first.config));
    }

    /// The plan's first stage alone, for those who want one network; its own settings where it has one stage.
    pub fn single_stage(config: TrainConfig) -> TrainConfig {
        match config.coarse {
            Some(first) => *first,
            None => config,
        }
    }

    /// How patches are drawn.
    fn sampling(&mut self, cases: &[CaseFingerprint]) {
        let (center, value, reason) = match has_rare_label(cases) {
            true => (
                Center::EachLabel { share: 0.5 },
                "half of the patches on a label, on each as often",
                "labels differ much in size, and the network has to see the smallest too",
            ),
            false => (
                Center::Foreground { share: 0.5 },
                "half of the patches on a label",
                "labels are a small part of few scans, and the network has to see them",
            ),
        };
        self.config.sampling = Sampling {
            replacement: true,
            center,
            ..Sampling::default()
        };
        self.decide("sampling.center", value, reason);
    }

    /// Axes along which the network may see mirror images.
    fn mirroring(&mut self, cases: &[CaseFingerprint], labels: &LabelSet) {
        let Mirroring { axes, value, reason } = Mirroring::of(cases, labels);
        self.config.augmentation.mirror_axes = axes;
        self.decide("augmentation.mirror_axes", value, reason);
    }

    /// Whether only the largest component of each label is kept.
    fn components(&mut self, cases: &[CaseFingerprint], labels: &LabelSet) {
        let (keep, decision) = one_piece(cases, labels);
        let mut inference = Inference::default();
        inference.post_processing.largest_component = keep;
        self.config.inference = Some(inference);
        self.note(decision);
    }

    /// The network, and whether MedContext joins.
    fn method(&mut self) {
        self.decide(
            "backbone",
            self.config.network.backbone().title(),
            "of the networks here it learned most from five scans in ten minutes",
        );
        self.decide(
            "learning_rate",
            self.config.learning_rate.to_string(),
            "few steps have to go far: with this network 0.01 learned more in them than 0.005, 0.002 and 0.0005",
        );
        self.decide(
            "medcontext.enabled",
            "off",
            "its step takes 2.4 times as long, which a short run does not earn back",
        );
    }

    /// Patches of a step.
    fn patches(&mut self, at_once: usize) {
        if at_once > 1 {
            self.decide(
                "batch_size",
                format!("{at_once} patches a step"),
                "so many threads each compute one of them at the same time",
            );
        }
    }

    /// As many iterations as the minutes allow, in steps of `seconds`, and what hangs on them.
    pub(super) fn set_length(&mut self, budget: &Budget, seconds: f64, channels: usize, outputs: usize) {
        let iterations = budget.steps_left(&self.config, seconds, channels, outputs);
        self.config.iterations = iterations;
        let (changes, decision) = augmentation(&self.config);
        self.config.augmentation = changes;
        self.note(decision);
        self.config.checkpoint_every = checkpoint_every(iterations);
        self.decide(
            "iterations",
            iterations.to_string(),
            match &self.config.coarse {
                None => format!("{} minutes of steps of {}", budget.minutes, duration(seconds)),
                Some(first) => format!(
                    "what {} steps of the first stage leave of {} minutes, in steps of {}",
                    first.iterations,
                    budget.minutes,
                    duration(seconds)
                ),
            },
        );
    }
}

/// What the planned network is to see.
fn field(cases: &[CaseFingerprint], labels: &LabelSet, facts: &DatasetFacts) -> Result<Field> {
    let target = TargetSpacing::of(facts)?;
    let backward = target.transpose_backward();
    let size = target.median_size(facts)?;
    Ok(Field {
        mm: target.mm,
        size: backward.map(|axis| size[axis]),
        smallest: smallest_structure(cases),
        channels: facts.channels.len(),
        outputs: labels.outputs(),
    })
}

/// Steps between two checkpoints of a planned run.
pub(super) fn checkpoint_every(iterations: usize) -> usize {
    (iterations / 5).clamp(25.min(iterations), 1000)
}

/// Seconds of a step in words, with two digits that count.
fn duration(seconds: f64) -> String {
    if seconds < 0.1 {
        return format!("{:.0} ms", (1000.0 * seconds).max(1.0));
    }
    format!("{seconds:.2} s")
}
