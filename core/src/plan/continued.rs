//! A run that goes on from trained weights.

use super::augmentation::augmentation;
use crate::train::{NetworkChoice, TrainConfig};
use crate::weights::Metadata;

/// Planned settings with those that a run cannot change when it starts from trained weights, or would have to unlearn:
/// network, patch, voxels, intensities and mirroring are the weights', and the augmentation fits these. The learning
/// rate is that of [`TrainConfig::default`], which is lower than that of a planned run from scratch, so that what was
/// learned stays.
pub fn continued(planned: TrainConfig, weights: &Metadata) -> TrainConfig {
    let mut config = TrainConfig {
        network: NetworkChoice::of(weights.network.clone()),
        patch: weights.patch,
        preprocessing: weights.preprocessing,
        learning_rate: TrainConfig::default().learning_rate,
        // That of the weights is taken over.
        coarse: None,
        ..planned
    };
    config.augmentation.mirror_axes = weights.mirror_axes;
    config.augmentation = augmentation(&config).0;
    config
}
