//! A change of spacing for intensities and classes, and its inverse.

use ndarray::{Array3, Axis};

use super::Preprocessing;
use super::resample::{Interpolation, Resampler, Resampling};

/// A change of spacing.
pub(super) struct Respacing {
    rule: Resampling,
    from: [f64; 3],
    to: [f64; 3],
    old: [usize; 3],
    new: [usize; 3],
}

impl Respacing {
    /// `None` if the volume already has that spacing.
    pub(super) fn new(preprocessing: &Preprocessing, from: [f64; 3], old: [usize; 3]) -> Option<Self> {
        let spacing = preprocessing.spacing?;
        let (rule, to) = (spacing.rule, spacing.mm);
        let new = [0, 1, 2].map(|axis| rule.size(old[axis], from[axis], to[axis]));
        // Within MONAI's tolerance of an affine.
        let same = |axis: usize| (to[axis] / from[axis] - 1.0).abs() < 1e-3;
        let respacing = Self {
            rule,
            from,
            to,
            old,
            new,
        };
        (new != old || !(0..3).all(same)).then_some(respacing)
    }

    /// Size after the change.
    pub(super) fn size(&self) -> [usize; 3] {
        self.new
    }

    /// Where new voxels lie on the old grid, for one kind of interpolation along each axis.
    fn resampler(&self, kinds: [Interpolation; 3]) -> Resampler {
        let positions = [0, 1, 2].map(|axis| {
            let (old, new) = (self.old[axis], self.new[axis]);
            let scale = self.to[axis] / self.from[axis];
            snapped(self.rule, kinds[axis], self.rule.positions(old, new, scale))
        });
        Resampler::new(self.old, &positions, kinds)
    }

    /// The inverse: where old voxels lie on the new grid, and how logits are interpolated there.
    pub(super) fn back(&self) -> ([Vec<f64>; 3], [Interpolation; 3]) {
        let kinds = self.rule.of_classes(self.from, self.to);
        let positions = [0, 1, 2].map(|axis| {
            let (old, new) = (self.old[axis], self.new[axis]);
            let scale = self.from[axis] / self.to[axis];
            snapped(self.rule, kinds[axis], self.rule.positions(new, old, scale))
        });
        (positions, kinds)
    }

    /// Intensities at the new spacing. Splines are clipped to the range of the values that they interpolate.
    pub(super) fn image(&self, volume: Array3<f32>) -> Array3<f32> {
        let kinds = self.rule.of_images(self.from, self.to);
        let resampler = self.resampler(kinds);
        if self.rule == Resampling::Monai {
            return resampler.volume(volume);
        }
        match self.rule.axis_apart(self.from, self.to) {
            None => {
                let range = range(volume.iter());
                let mut resampled = resampler.volume(volume);
                resampled.mapv_inplace(|value| value.clamp(range[0], range[1]));
                resampled
            }
            // Planes across the coarse axis are resampled one by one, each clipped to its own range.
            Some(axis) => {
                let planes = volume.axis_iter(Axis(axis));
                let ranges: Vec<_> = planes.map(|plane| range(plane.iter())).collect();
                let mut resampled = resampler.volume(volume);
                let planes = resampled.axis_iter_mut(Axis(axis));
                for (mut plane, source) in planes.zip(resampler.first_taps(axis)) {
                    let [low, high] = ranges[source];
                    plane.mapv_inplace(|value| value.clamp(low, high));
                }
                resampled
            }
        }
    }

    /// Classes at the new spacing.
    pub(super) fn classes(&self, classes: &Array3<u8>, count: usize) -> Array3<u8> {
        if self.rule == Resampling::Monai {
            let nearest = self.resampler([Interpolation::Nearest; 3]);
            return nearest.nearest(classes);
        }
        self.resampler(self.rule.of_classes(self.from, self.to))
            .labels(classes, count)
    }
}

/// Integer positions for nearest neighbor.
fn snapped(rule: Resampling, kind: Interpolation, positions: Vec<f64>) -> Vec<f64> {
    if kind != Interpolation::Nearest {
        return positions;
    }
    positions.into_iter().map(|p| rule.nearest(p)).collect()
}

fn range<'a>(values: impl Iterator<Item = &'a f32>) -> [f32; 2] {
    values.fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &value| {
        [low.min(value), high.max(value)]
    })
}
