//! The configuration of a training run: the content of `config.toml` and of the page's form.

mod check;

use serde::{Deserialize, Serialize};

use super::{MixedPrecision, NetworkChoice, OptimizerKind, RateSchedule, Warmup};
use crate::backbone::Network;
use crate::infer::{Blend, Inference};
use crate::loss::{Loss, SupervisedLoss};
use crate::medcontext::MedContext;
use crate::pretrain::Pretraining;
use crate::transform::{Augmentation, Center, Preprocessing, SamplerSettings, Sampling};
use crate::{Error, Result};

/// Everything that a run depends on, apart from the cases and the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Which network.
    #[serde(flatten)]
    pub network: NetworkChoice,
    /// Patch size `[depth, height, width]` in voxels; must obey the backbone's patch rule.
    pub patch: [usize; 3],
    /// Optimizer steps.
    pub iterations: usize,
    /// Batch size: patches per batch.
    pub batch_size: usize,
    /// Gradient accumulation: batches whose gradients are averaged for one step; several devices share them.
    pub accumulation: usize,
    /// Learning rate after warmup.
    pub learning_rate: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Steps of linear warmup; by default 50, but at most a tenth of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warmup: Option<usize>,
    /// How the warmup counts its steps, or its epochs with `step_schedule_per_epoch`.
    pub warmup_count: Warmup,
    /// Learning rate schedule after the warmup.
    pub schedule: RateSchedule,
    /// Steps per epoch, where a schedule counts epochs; 0: one pass over the cases.
    pub epoch: usize,
    /// Whether the learning rate changes after each epoch only, as in the released trainers.
    #[serde(alias = "rate_by_epoch")]
    pub step_schedule_per_epoch: bool,
    /// The optimizer.
    pub optimizer: OptimizerKind,
    /// Gradient clipping: the maximum norm of all gradients together; larger ones are scaled down to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The supervised loss.
    pub loss: SupervisedLoss,
    /// Ids of the labels whose mean validation Dice selects the best weights; all learned labels if empty. With labels
    /// learned as regions, it is always the regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reported: Vec<u16>,
    /// Passes the clean and the masked view one after the other: the same gradients in about half the
    /// memory.
    #[serde(alias = "views_in_turn")]
    pub sequential_views: bool,
    /// Computes forward and backward passes in a smaller type.
    pub mixed_precision: MixedPrecision,
    /// Seed of every random choice: initial weights, order, crops, augmentation, masks.
    pub seed: u64,
    /// Steps between checkpoints, with validation if there are validation cases.
    pub checkpoint_every: usize,
    /// What is done to a case before patches are sampled: axis order, spacing, intensities.
    pub preprocessing: Preprocessing,
    /// Overlap of neighboring windows at validation, 0 to below 1.
    pub overlap: f64,
    /// How overlapping windows are blended at validation.
    pub blend: Blend,
    /// Settings of inference that are stored with the weights, as defaults of segmenting with them. Validation does not
    /// use them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inference: Option<Inference>,
    /// The joint self-supervised part; `mask_ratio`, `beta` and the rest.
    pub medcontext: MedContext,
    /// Self-supervised pretraining of the encoder in place of training: labels are not used, and neither is MedContext.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Pretraining>,
    /// How patches are sampled.
    pub sampling: Sampling,
    /// Augmentation of training patches.
    pub augmentation: Augmentation,
    /// Share of the patches that come from cases without labels, 0 to below 1: they teach by MedContext's consistency
    /// alone.
    #[serde(skip_serializing_if = "is_zero")]
    pub unlabeled_share: f64,
    /// Whether the weights to start from may have other labels; their last layer is then replaced.
    pub new_head: bool,
    /// Settings of the first stage of a cascade, which is trained before; the other settings are those of the second,
    /// which sees what the first has found ([`Crop::Labels`](crate::transform::Crop::Labels)). `None` for a single
    /// network.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Box<Self>>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            network: NetworkChoice::default(),
            patch: [32, 48, 32],
            iterations: 600,
            batch_size: 2,
            accumulation: 1,
            learning_rate: 5e-4,
            weight_decay: 1e-5,
            warmup: None,
            warmup_count: Warmup::Next,
            schedule: RateSchedule::Cosine,
            epoch: 0,
            step_schedule_per_epoch: false,
            optimizer: OptimizerKind::Adamw,
            clip_norm: None,
            loss: SupervisedLoss::default(),
            reported: Vec::new(),
            sequential_views: false,
            mixed_precision: MixedPrecision::Off,
            seed: 0,
            checkpoint_every: 100,
            preprocessing: Preprocessing::default(),
            overlap: 0.5,
            blend: Blend::Constant,
            inference: None,
            medcontext: MedContext::default(),
            pretraining: None,
            sampling: Sampling::default(),
            augmentation: Augmentation::default(),
            unlabeled_share: 0.0,
            new_head: false,
            coarse: None,
        }
    }
}

/// Default warmup steps, in a run that is long enough.
const WARMUP: usize = 50;

/// Largest side of a suggested patch in voxels: 96, the paper's.
const LARGEST_SIDE: usize = 96;

impl TrainConfig {
    /// Safe settings for volumes of these sizes in voxels, `[depth, height, width]` as
    /// [`Grid::canonical_dims`](crate::volume::Grid::canonical_dims) gives them: a patch of the median volume rounded
    /// down to a size that the network accepts, and foreground oversampling where volumes are much larger than a patch.
    pub fn suggest(sizes: &[[usize; 3]]) -> Self {
        let mut config = Self::default();
        if sizes.is_empty() {
            return config;
        }
        let median: [usize; 3] = std::array::from_fn(|axis| {
            let mut sides: Vec<usize> = sizes.iter().map(|size| size[axis]).collect();
            sides.sort_unstable();
            sides[sides.len() / 2]
        });
        config.patch = median.map(|side| side.min(LARGEST_SIDE));
        config.fit_patch();
        let volume: usize = median.iter().product();
        if volume > 4 * config.patch.iter().product::<usize>() {
            config.sampling.center = Center::Foreground { share: 0.5 };
        }
        config
    }

    /// Shrinks the patch to the largest size that the network accepts.
    pub fn fit_patch(&mut self) {
        self.patch = self.resolved_network().patch_rule().nearest(self.patch);
    }

    /// The architectural numbers in effect.
    pub fn resolved_network(&self) -> Network {
        self.network.network()
    }

    /// How cases are segmented with the weights: as these are to hold it, else as in validation.
    pub fn inference_settings(&self) -> Inference {
        self.inference.unwrap_or(Inference {
            overlap: self.overlap,
            blend: self.blend,
            ..Inference::default()
        })
    }

    /// The settings of patch sampling.
    pub fn sampler_settings(&self) -> SamplerSettings {
        SamplerSettings {
            patch: self.patch,
            sampling: self.sampling,
            augmentation: self.augmentation,
            slice_axis: self.preprocessing.slice_axis(),
            patches_per_step: self.patches_per_step(),
            ignores: true,
            pairs: self.pretraining.is_some_and(|settings| settings.method.has_pairs()),
        }
    }

    /// Steps of warmup: those given, else 50, but at most a tenth of the run.
    pub fn warmup_steps(&self) -> usize {
        self.warmup.unwrap_or_else(|| WARMUP.min(tenth(self.iterations)))
    }

    /// Changes the length of the run; a first stage keeps its share of the steps. A warmup chosen for the current
    /// length, such as a preset's, keeps its fraction of a shorter run, but takes at least a tenth of it.
    pub fn set_iterations(&mut self, iterations: usize) {
        if let Some(warmup) = &mut self.warmup {
            let share = iterations as f64 / self.iterations.max(1) as f64;
            let scaled = (*warmup as f64 * share).ceil() as usize;
            *warmup = (*warmup).min(scaled.max(tenth(iterations)));
        }
        if let Some(coarse) = &mut self.coarse {
            let share = iterations as f64 / self.iterations.max(1) as f64;
            let scaled = (coarse.iterations as f64 * share).round() as usize;
            coarse.set_iterations(scaled.max(1));
        }
        self.iterations = iterations;
    }

    /// Optimizer steps of all stages.
    pub fn all_iterations(&self) -> usize {
        self.iterations + self.coarse.as_ref().map_or(0, |coarse| coarse.iterations)
    }

    /// The same with everything that depends on the length of the run resolved to numbers: this is what a run's files
    /// hold, and what runs are compared by. Both stages of a cascade have the seed of the run.
    pub fn resolved(self) -> Self {
        Self {
            warmup: Some(self.warmup_steps()),
            medcontext: self.medcontext.resolved(self.iterations),
            pretraining: self.pretraining.map(Pretraining::resolved),
            coarse: self
                .coarse
                .map(|coarse| Box::new(coarse.with_seed(self.seed).resolved())),
            ..self
        }
    }

    fn with_seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Steps per epoch of `cases` training cases: one pass over all of them, with the patches sampled from each.
    pub fn epoch_steps(&self, cases: usize) -> usize {
        match self.epoch {
            0 => (cases * self.sampling.patches_per_case.max(1))
                .div_ceil(self.patches_per_step().max(1))
                .max(1),
            steps => steps,
        }
    }

    /// The same patches a step, each a batch of its own, so that workers can share them
    /// ([`Trainer::share_with`](super::Trainer::share_with)). What the loss takes over a batch (MedContext's distance,
    /// the mean over labeled voxels) is then taken over each patch. Unchanged where the patches of a batch need each
    /// other: with batch norm, or Dice over the batch.
    #[must_use]
    pub fn by_patch(mut self) -> Self {
        let together = self.resolved_network().mixes_samples() || self.loss.pools_batch();
        if !together {
            self.accumulation = self.patches_per_step();
            self.batch_size = 1;
        }
        self.coarse = self.coarse.map(|coarse| Box::new(coarse.by_patch()));
        self
    }

    /// Patches per optimizer step.
    pub fn patches_per_step(&self) -> usize {
        self.batch_size * self.accumulation
    }

    /// Learning rate at `step` (from 0), with epochs of `epoch` steps.
    pub fn rate_at(&self, step: usize, epoch: usize) -> f64 {
        let unit = if self.step_schedule_per_epoch { epoch.max(1) } else { 1 };
        let [step, warmup, total] = [step, self.warmup_steps(), self.iterations].map(|n| n / unit);
        let factor = self.schedule.factor(step, warmup, total, self.warmup_count);
        self.learning_rate * factor
    }

    /// The settings in the form of `config.toml`.
    ///
    /// # Errors
    /// When a number is too large for TOML, such as a seed above 2⁶³.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::Config(format!("the settings cannot be written ({error})")))
    }

    /// Warnings about valid settings, one sentence each.
    pub fn warnings(&self) -> Vec<String> {
        let (warmup, iterations) = (self.warmup_steps(), self.iterations);
        let never = (warmup > iterations).then(|| {
            format!(
                "the warm-up of {warmup} steps is longer than the run of {iterations}: the learning rate never reaches \
                 {}; set a shorter warmup",
                self.learning_rate
            )
        });
        never.into_iter().collect()
    }
}

fn is_zero(share: &f64) -> bool {
    *share == 0.0
}

/// A tenth of a run, at least one step.
fn tenth(iterations: usize) -> usize {
    iterations.div_ceil(10)
}

#[cfg(test)]
mod tests;
