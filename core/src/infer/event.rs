//! The predictor's settings and events.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Inference, Uncertainty};
use crate::volume::LabelImage;

/// Settings of sliding-window inference.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PredictConfig {
    /// How the network's output becomes labels.
    #[serde(flatten)]
    pub inference: Inference,
    /// Windows per forward pass.
    pub batch_size: usize,
    /// Whether to keep the blended logits beside the labels.
    pub keep_logits: bool,
    /// Whether to compute the uncertainty of every voxel, and the disagreement of an ensemble; each takes one more byte
    /// per voxel.
    pub uncertainty: bool,
}

impl Default for PredictConfig {
    fn default() -> Self {
        Self {
            inference: Inference::default(),
            batch_size: 1,
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

#[cfg(test)]
mod tests {
    use super::{Inference, PredictConfig};

    /// Settings as versions without post-processing wrote them, under the old name of mirroring.
    #[test]
    fn settings_of_earlier_versions_are_known() {
        let earlier = r#"{"overlap": 0.25, "blend": "constant", "batch_size": 2, "flips": true,
            "largest_component": true, "keep_logits": false, "uncertainty": true}"#;
        let found: PredictConfig = serde_json::from_str(earlier).expect("read");
        assert_eq!(
            (found.batch_size, found.uncertainty, found.inference.mirror),
            (2, true, true)
        );
        assert!(found.inference.post_processing.largest_component);
        let expected = "overlap 0.25, constant blending, averaged over mirror images, largest component of each label";
        assert_eq!(found.inference.describe(), expected);
        let text = serde_json::to_string(&found).expect("written");
        assert_eq!(serde_json::from_str::<PredictConfig>(&text).expect("read again"), found);
        let unknown = serde_json::from_str::<PredictConfig>(r#"{"largest": true}"#);
        assert!(unknown.is_err());
        let empty: PredictConfig = serde_json::from_str("{}").expect("defaults");
        assert_eq!(empty.inference, Inference::default());
    }
}
