//! The deterministic part: axis order, spacing, intensities, cropping, padding.

use std::mem::take;

use ndarray::{Array3, Array4, Axis};

use super::crop::{pad, padding, place, shape};
use super::grid_steps::GridSteps;
use super::inverse::InverseTransform;
use super::{Crop, Preprocessing};
use crate::dataset::LabelSet;
use crate::volume::{Bounds, Image, LabelImage};

/// A case ready for patch sampling. Axes are [depth, height, width].
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Normalized intensities `[channel, depth, height, width]`.
    pub image: Array4<f32>,
    /// Class indices, for a labeled case; [`IGNORED`](crate::loss::IGNORED) where a voxel is not labeled.
    pub classes: Option<Array3<u8>>,
    /// Where the voxels of the image's own grid lie on this one.
    pub native: InverseTransform,
}

impl Prepared {
    /// Prepares a case for the network: `images` are its channels and `label` its label map with the labels to learn,
    /// all on one grid, as a [`Case`](crate::dataset::Case) holds them. Volumes smaller than `patch` voxels are padded
    /// with zeros.
    pub fn new(
        images: &[&Image],
        label: Option<(&LabelImage, &LabelSet)>,
        preprocessing: &Preprocessing,
        patch: [usize; 3],
    ) -> Self {
        Self::within(None, images, label, preprocessing, patch)
    }

    /// Prepares a part of a case alone, `region` on the images' grid with the network's order of axes; without one, the
    /// part that [`Preprocessing::crop`] keeps.
    pub fn within(
        region: Option<Bounds>,
        images: &[&Image],
        label: Option<(&LabelImage, &LabelSet)>,
        preprocessing: &Preprocessing,
        patch: [usize; 3],
    ) -> Self {
        let axes = preprocessing.axes;
        let canonical = images.iter().map(|image| axes.arrange(image.canonical()));
        let mut channels: Vec<Array3<f32>> = canonical.collect();
        let spacing = images.first().map(|image| image.grid().canonical_spacing());
        let spacing = axes.arrange_sides(spacing.unwrap_or([1.0; 3]));
        let classes = label.map(|(label, set)| (axes.arrange(set.encode_map(label)), set));
        let around_labels = || {
            let (classes, _) = classes.as_ref()?;
            preprocessing.crop.around_labels(classes, spacing)
        };
        let region = region.or_else(around_labels);
        let mut steps = GridSteps::new(&channels, spacing, region, preprocessing);
        for channel in &mut channels {
            *channel = steps.image(take(channel));
            preprocessing.normalization.apply(channel);
        }
        if preprocessing.crop == Crop::Positive {
            let inner = Bounds::around(&channels, |value| value > 0.0);
            for channel in &mut channels {
                *channel = inner.cut(take(channel));
            }
            steps.inner = Some(inner);
        }
        let classes = classes.map(|(classes, set)| pad(steps.classes(classes, set.classes()), patch));
        Self {
            native: InverseTransform::new(&steps, patch),
            image: stack(channels, patch),
            classes,
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.image.len_of(Axis(0))
    }

    /// Size after padding, [depth, height, width].
    pub fn size(&self) -> [usize; 3] {
        let (_, d, h, w) = self.image.dim();
        [d, h, w]
    }
}

/// One array of all channels, each padded; a single channel that needs no padding is not copied.
fn stack(mut channels: Vec<Array3<f32>>, patch: [usize; 3]) -> Array4<f32> {
    if channels.len() == 1
        && let Some(channel) = channels.pop()
    {
        return pad(channel, patch).insert_axis(Axis(0));
    }
    let size = channels.first().map_or([0; 3], shape);
    let [d, h, w] = [0, 1, 2].map(|axis| size[axis].max(patch[axis]));
    let mut stacked = Array4::zeros((channels.len(), d, h, w));
    for (index, channel) in channels.into_iter().enumerate() {
        let into = stacked.index_axis_mut(Axis(0), index);
        place(into, channel.view(), padding(size, patch));
    }
    stacked
}
