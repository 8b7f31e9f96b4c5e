//! The predictor's settings and events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Uncertainty;
use crate::volume::LabelImage;

/// How overlapping windows are blended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blend {
    /// Every voxel of a window weighs the same (MONAI's default).
    Constant,
    /// Voxels near a window's center weigh more: a Gaussian with σ = 0.125 · window.
    #[default]
    Gaussian,
}

/// Settings of sliding-window inference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PredictConfig {
    /// Overlap of neighboring windows, 0 to below 1.
    pub overlap: f64,
    /// How overlapping windows are blended.
    pub blend: Blend,
    /// Windows per forward pass.
    pub batch_size: usize,
    /// Mirror TTA: averages the logits of a window's eight mirror images, at eight times the work.
    #[serde(alias = "flips")]
    pub mirror: bool,
    /// Whether to keep only the largest connected component of every label.
    pub largest_component: bool,
    /// Whether to keep the blended logits beside the labels.
    pub keep_logits: bool,
    /// Whether to compute the uncertainty of every voxel, and the disagreement of an ensemble; each takes one more byte
    /// per voxel.
    pub uncertainty: bool,
}

impl Default for PredictConfig {
    fn default() -> Self {
        Self {
            overlap: 0.5,
            blend: Blend::Gaussian,
            batch_size: 1,
            mirror: false,
            largest_component: false,
            keep_logits: false,
            uncertainty: false,
        }
    }
}

/// Size of one label in a segmentation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelVolume {
    /// The label's value in the file.
    pub id: u16,
    /// The label's name.
    pub name: String,
    /// Voxels with this label.
    pub voxels: usize,
    /// Volume in milliliters, from the grid's spacing.
    #[serde(alias = "millilitres")]
    pub milliliters: f64,
}

impl LabelVolume {
    /// Size of every label in a label map except background; named by `names`, else by the map itself, else by id.
    pub fn all_of(map: &LabelImage, names: &BTreeMap<u16, String>) -> Vec<Self> {
        let voxel_ml = map.grid().voxel_ml();
        let own = map.names();
        let size = |(id, milliliters): (u16, f64)| Self {
            id,
            name: names
                .get(&id)
                .or_else(|| own.get(&id))
                .cloned()
                .unwrap_or_else(|| format!("label {id}")),
            voxels: (milliliters / voxel_ml).round() as usize,
            milliliters,
        };
        map.volumes_ml().into_iter().map(size).collect()
    }
}

/// A segmented case, on the image's own grid.
#[derive(Clone, Debug)]
pub struct Segmentation {
    /// The labels, ready to be written as NIfTI.
    pub labels: LabelImage,
    /// Size of every label of the network, background left out.
    pub volumes: Vec<LabelVolume>,
    /// Blended logits `[class, depth, height, width]`, where asked for: on the image's grid in the
    /// network's order of axes, or on the network's own grid where it resamples or crops. Of an ensemble, those of its
    /// members' mean probabilities.
    pub logits: Option<ndarray::Array4<f32>>,
    /// How uncertain the network is, where asked for: the entropy of the same logits, brought to the
    /// image's grid as those that decide the labels.
    pub uncertainty: Option<Uncertainty>,
    /// How much the members of an ensemble disagree, where the uncertainty is asked for and there are several: the part
    /// of it that more training cases would lower. Scored like the uncertainty.
    pub disagreement: Option<Uncertainty>,
}

/// One event of a segmentation, in the order in which they happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// The image is prepared.
    Started {
        /// Number of windows.
        windows: usize,
    },
    /// Some windows are done.
    Window {
        /// Windows done so far.
        done: usize,
        /// Windows in all.
        windows: usize,
        /// Estimated wall time until the case is done.
        remaining_seconds: f64,
    },
    /// The case is done.
    Finished {
        /// The result.
        segmentation: Box<Segmentation>,
        /// Wall time of the case.
        seconds: f64,
    },
}
