//! Steps from a case's grid to the network's.

use ndarray::Array3;

use super::crop::shape;
use super::respacing::Respacing;
use super::{Crop, Preprocessing};
use crate::volume::Bounds;

/// Steps applied to a case's grid before padding, in the order of the fields.
pub(super) struct GridSteps {
    /// Size of the image, in the network's axis order.
    pub native: [usize; 3],
    /// Crop before resampling.
    pub outer: Option<Bounds>,
    pub respacing: Option<Respacing>,
    /// Crop after resampling.
    pub inner: Option<Bounds>,
}

impl GridSteps {
    /// The steps for a case of these channels and spacing in mm; with `region`, for this part of it alone.
    pub fn new(
        channels: &[Array3<f32>],
        spacing: [f64; 3],
        region: Option<Bounds>,
        preprocessing: &Preprocessing,
    ) -> Self {
        let native = channels.first().map_or([0; 3], shape);
        let nonzero = || Bounds::around(channels, |value| value != 0.0);
        let outer = region.or_else(|| (preprocessing.crop == Crop::NonZero).then(nonzero));
        let size = outer.map_or(native, |bounds| bounds.size);
        Self {
            native,
            outer,
            respacing: Respacing::new(preprocessing, spacing, size),
            inner: None,
        }
    }

    /// Intensities up to normalization.
    pub fn image(&self, mut volume: Array3<f32>) -> Array3<f32> {
        if let Some(bounds) = &self.outer {
            volume = bounds.cut(volume);
        }
        match &self.respacing {
            Some(respacing) => respacing.image(volume),
            None => volume,
        }
    }

    /// Classes, of which there are `count`.
    pub fn classes(&self, mut classes: Array3<u8>, count: usize) -> Array3<u8> {
        if let Some(bounds) = &self.outer {
            classes = bounds.cut(classes);
        }
        if let Some(respacing) = &self.respacing {
            classes = respacing.classes(&classes, count);
        }
        match &self.inner {
            Some(bounds) => bounds.cut(classes),
            None => classes,
        }
    }
}
