//! Settings of each backbone on each data set.

use super::name::Preset;
use crate::backbone::{Backbone, RecipeFamily, Size};
use crate::dataset::CaseFingerprint;
use crate::infer::Blend;
use crate::loss::SupervisedLoss;
use crate::statistics::{median, per_axis};
use crate::train::{NetworkChoice, OptimizerKind, RateSchedule, TrainConfig, Warmup};
use crate::transform::{Augmentation, Center, Crop, Normalization, Preprocessing, Resampling, Sampling, Spacing};
use crate::volume::AxisOrder;

/// The settings of a preset.
pub(super) fn config(preset: Preset, backbone: Backbone, cases: &[CaseFingerprint]) -> TrainConfig {
    published(preset, backbone, cases.len()).unwrap_or_else(|| decathlon(backbone, cases))
}

/// The settings of a preset for `cases` cases; `None` if they depend on the cases themselves.
pub(super) fn published(preset: Preset, backbone: Backbone, cases: usize) -> Option<TrainConfig> {
    if preset == Preset::Decathlon {
        return None;
    }
    Some(match backbone.recipes() {
        RecipeFamily::NnUnet => nnformer(preset),
        RecipeFamily::Monai => monai(preset, backbone, cases),
    })
}

/// MONAI's pipelines, which the released MedContext code uses for UNETR. SwinUNETR and PCRLv2, whose
/// code was not released, get the same ones.
fn monai(preset: Preset, backbone: Backbone, cases: usize) -> TrainConfig {
    let brain = matches!(preset, Preset::Brats21 | Preset::Brats17);
    // Each step sees one volume: an epoch has as many steps as there are cases.
    let epoch = cases.max(1);
    let epochs = match preset {
        Preset::Synapse => 5000,
        Preset::Acdc => 1000,
        _ => 300,
    };
    let shared = TrainConfig {
        network: NetworkChoice::named(backbone, Size::Paper),
        patch: [96; 3],
        iterations: epochs * epoch,
        learning_rate: 1e-4,
        weight_decay: 1e-5,
        warmup: Some(50 * epoch),
        warmup_count: Warmup::Released,
        epoch,
        step_schedule_per_epoch: true,
        overlap: 0.5,
        blend: Blend::Constant,
        checkpoint_every: 100 * epoch,
        ..TrainConfig::default()
    };
    if brain {
        return TrainConfig {
            batch_size: 1,
            preprocessing: Preprocessing {
                axes: AxisOrder::Xyz,
                // Computed over the whole volume, also in training, where MONAI uses the patch.
                normalization: Normalization::NonZeroZScore,
                spacing: None,
                crop: Crop::NonZero,
            },
            sampling: Sampling::default(),
            augmentation: Augmentation::monai_brats(),
            loss: SupervisedLoss::regions(),
            overlap: 0.6,
            ..shared
        };
    }
    TrainConfig {
        batch_size: 4,
        preprocessing: monai_preprocessing(preset),
        sampling: Sampling::monai(),
        augmentation: Augmentation::monai(),
        ..shared
    }
}

/// 1.5 × 1.5 × 2 mm. Synapse gets the released code's window (the paper writes −1000 to 1000 HU); for ACDC nothing is
/// stated, and z-scores over nonzero voxels are our choice.
fn monai_preprocessing(preset: Preset) -> Preprocessing {
    let synapse = preset == Preset::Synapse;
    let window = Normalization::Window {
        low: -175.0,
        high: 250.0,
    };
    Preprocessing {
        axes: AxisOrder::Xyz,
        normalization: if synapse { window } else { Normalization::NonZeroZScore },
        spacing: Some(Spacing {
            mm: [1.5, 1.5, 2.0],
            rule: Resampling::Monai,
        }),
        crop: if synapse { Crop::Positive } else { Crop::NonZero },
    }
}

/// nnFormer's pipelines in nnU-Net 1, with the numbers of the plans in the released code; spacings are [z, y, x]. 1000
/// epochs of 250 steps each, regardless of the number of cases. The paper's AdamW at 0.01 would diverge; the code's SGD
/// is used.
fn nnformer(preset: Preset) -> TrainConfig {
    let (backbone, patch, batch_size, mm) = match preset {
        Preset::Synapse => (Backbone::Nnformer, [64, 128, 128], 2, [3.0, 0.757_812_44, 0.757_812_44]),
        Preset::Acdc => (Backbone::NnformerAcdc, [14, 160, 160], 4, [6.35, 1.523_44, 1.523_44]),
        _ => (Backbone::NnformerTumor, [128; 3], 2, [1.0; 3]),
    };
    // Statistics of labeled voxels of all 30 cases, test cases included, as in the plans.
    let normalization = match preset {
        Preset::Synapse => Normalization::ClipZScore {
            low: -958.0,
            high: 326.0,
            mean: 82.951_77,
            deviation: 136.948_18,
        },
        Preset::Acdc => Normalization::ZScore,
        _ => Normalization::NonZeroZScore,
    };
    let thick = matches!(preset, Preset::Synapse | Preset::Acdc);
    TrainConfig {
        network: NetworkChoice::named(backbone, Size::Paper),
        patch,
        iterations: 250_000,
        batch_size,
        learning_rate: 0.01,
        weight_decay: 3e-5,
        warmup: Some(0),
        schedule: RateSchedule::Poly,
        epoch: 250,
        step_schedule_per_epoch: true,
        optimizer: OptimizerKind::Sgd {
            momentum: 0.99,
            nesterov: true,
        },
        clip_norm: Some(12.0),
        loss: SupervisedLoss::nnunet(preset == Preset::Synapse),
        checkpoint_every: 12_500,
        preprocessing: Preprocessing {
            axes: AxisOrder::Zyx,
            normalization,
            spacing: Some(Spacing {
                mm,
                rule: Resampling::NnUnet,
            }),
            crop: Crop::NonZero,
        },
        overlap: 0.5,
        blend: Blend::Gaussian,
        sampling: Sampling::nnunet(),
        augmentation: Augmentation::nnunet(thick, !thick),
        ..TrainConfig::default()
    }
}

/// Suggested settings at the median spacing; CT (where air is below −500) is normalized by its
/// labeled voxels as in nnU-Net, other scans by z-scores.
fn decathlon(backbone: Backbone, cases: &[CaseFingerprint]) -> TrainConfig {
    let mut config = TrainConfig::suggest(&CaseFingerprint::sizes(cases));
    config.network = config.network.with_backbone(backbone);
    config.fit_patch();
    config.sampling.center = Center::Foreground { share: 0.5 };
    let spacings: Vec<[f64; 3]> = cases.iter().map(|case| case.spacing).collect();
    config.preprocessing.spacing = per_axis(&spacings, median).map(|mm| Spacing {
        mm,
        rule: Resampling::NnUnet,
    });
    if let Some(normalization) = labeled_hu(cases).and_then(Normalization::of_labeled) {
        config.preprocessing.normalization = normalization;
    }
    config
}

/// Intensities of labeled voxels with their voxel counts, if all cases are CT.
fn labeled_hu(cases: &[CaseFingerprint]) -> Option<Vec<(f32, u64)>> {
    let all: Option<Vec<_>> = cases.iter().map(|case| case.labeled_hu.as_ref()).collect();
    Some(all?.into_iter().flatten().copied().collect())
}
