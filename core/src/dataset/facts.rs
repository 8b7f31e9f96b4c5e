//! What is measured in the voxels of a case, so that a data set can be planned for without them.

use std::collections::BTreeMap;

use ndarray::Array3;
use serde::{Deserialize, Serialize};

use super::intensity::{IntensityStats, sorted};
use crate::volume::{Bounds, Component, Components, Grid};

/// Facts of a case's voxels. Indices and sizes are along the canonical axes `[depth, height, width]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// Facts of each channel, in order.
    pub channels: Vec<ChannelFacts>,
    /// Facts of each label that occurs, by its id; background (0) is left out.
    pub labels: BTreeMap<u16, LabelFacts>,
    /// Share of the voxels with a label above 0, from 0 to 1; 0 without a label map.
    pub labeled_share: f64,
    /// The box around the voxels that are not 0 in any of the channels, which nnU-Net crops to; the whole volume
    /// where all are 0.
    pub nonzero: Bounds,
    /// Voxels of that box as a share of the volume's, from 0 to 1 (nnU-Net's relative size after cropping).
    pub nonzero_share: f64,
}

/// Facts of one channel's intensities, in the file's units (HU in CT).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelFacts {
    /// The smallest intensity of the whole image.
    pub min: f32,
    /// The largest intensity of the whole image.
    pub max: f32,
    /// Statistics of the voxels with a label above 0; `None` where there are none.
    pub labeled: Option<IntensityStats>,
}

/// Facts of all voxels of one label.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelFacts {
    /// Number of voxels.
    pub voxels: u64,
    /// Number of connected components (26 neighbors).
    pub components: usize,
    /// Number of voxels of the largest component.
    pub largest_component: u64,
    /// Number of voxels of a typical component: the median of the largest ones that together hold 95 % of the label, so
    /// that stray voxels do not count. `None` in facts that were written before this was measured.
    #[serde(default)]
    pub typical_component: Option<u64>,
    /// The smallest box around the label, all components together.
    pub bounds: Bounds,
    /// Center of mass of all its voxels as indices along the canonical axes; `None` as above.
    #[serde(default)]
    pub center: Option<[f64; 3]>,
    /// The same in mm, RAS+: x to the right, y to the front, z up.
    pub centroid: [f64; 3],
}

/// A channel while its case is looked at.
pub(super) struct ChannelScan {
    /// What is kept of it.
    pub facts: ChannelFacts,
    /// Intensities of labeled voxels in rising order.
    pub labeled: Vec<f32>,
    /// The box around voxels that are not 0.
    nonzero: Option<Bounds>,
}

impl ChannelScan {
    /// Looks at a channel, whose label map has the same shape.
    pub fn of(image: &Array3<f32>, labels: Option<&Array3<u16>>) -> Self {
        let first = image.first().copied().unwrap_or_default();
        let (min, max) = image.iter().fold((first, first), |(min, max), &value| {
            (f32::min(min, value), f32::max(max, value))
        });
        let labeled = labels.map(|labels| {
            let pairs = image.iter().zip(labels);
            sorted(
                pairs
                    .filter(|(_, label)| **label > 0)
                    .map(|(value, _)| *value)
                    .collect(),
            )
        });
        let labeled = labeled.unwrap_or_default();
        Self {
            facts: ChannelFacts {
                min,
                max,
                labeled: IntensityStats::of_sorted(&labeled),
            },
            labeled,
            nonzero: Bounds::of(image, |value| value != 0.0),
        }
    }
}

impl CaseFacts {
    /// The facts of a case on this grid.
    pub(super) fn of(grid: &Grid, channels: &[ChannelScan], labels: Option<&Array3<u16>>) -> Self {
        let labels = labels.map(|labels| label_facts(grid, labels)).unwrap_or_default();
        let labeled: u64 = labels.values().map(|label| label.voxels).sum();
        let size = grid.canonical_dims();
        let boxes = channels.iter().filter_map(|channel| channel.nonzero);
        let nonzero = boxes.reduce(Bounds::union).unwrap_or(Bounds { start: [0; 3], size });
        let share = |voxels: f64| voxels / grid.len().max(1) as f64;
        Self {
            channels: channels.iter().map(|channel| channel.facts).collect(),
            labels,
            labeled_share: share(labeled as f64),
            nonzero_share: share(nonzero.size.iter().product::<usize>() as f64),
            nonzero,
        }
    }
}

/// The share of a label's voxels that its typical component is looked for in.
const TYPICAL_SHARE: f64 = 0.95;

/// The median of the largest components that together hold most of a label; of two in the middle, the smaller.
fn typical(mut sizes: Vec<u64>) -> Option<u64> {
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let enough = TYPICAL_SHARE * sizes.iter().sum::<u64>() as f64;
    let mut held = 0;
    let before = sizes.iter().position(|size| {
        held += size;
        held as f64 >= enough
    })?;
    sizes.get(before.div_ceil(2)).copied()
}

/// The facts of each label of a canonical label map.
fn label_facts(grid: &Grid, labels: &Array3<u16>) -> BTreeMap<u16, LabelFacts> {
    let mut found: BTreeMap<u16, Vec<Component<u16>>> = BTreeMap::new();
    for component in Components::of(labels).components {
        found.entry(component.label).or_default().push(component);
    }
    let facts = |(label, components): (u16, Vec<Component<u16>>)| {
        let whole = components.iter().copied().reduce(Component::joined)?;
        let center = whole.index_sums.map(|sum| sum / whole.voxels as f64);
        let facts = LabelFacts {
            voxels: whole.voxels,
            components: components.len(),
            largest_component: components.iter().map(|component| component.voxels).max()?,
            typical_component: typical(components.iter().map(|component| component.voxels).collect()),
            bounds: whole.bounds,
            center: Some(center),
            centroid: grid.canonical_position(center),
        };
        Some((label, facts))
    };
    found.into_iter().filter_map(facts).collect()
}
