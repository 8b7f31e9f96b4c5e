//! The inverse transform: from the network's grid to the image's own, plane by plane.

use std::ops::Range;

use ndarray::{Array3, Array4, ArrayView4, Axis, s};

use super::crop::padding;
use super::grid_steps::GridSteps;
use super::resample::{Interpolation, Resampler};
use super::respacing::Respacing;
use crate::volume::Bounds;

/// Where the voxels of an image's own grid lie on the network's. Axes in the network's order.
#[derive(Clone, Debug)]
pub struct InverseTransform {
    size: [usize; 3],
    /// Voxels of the image that the network saw, without those cropped away.
    seen: [Range<usize>; 3],
    /// Where each seen voxel lies on the network's grid, padding included.
    positions: [Vec<f64>; 3],
    interpolation: [Interpolation; 3],
    /// The network's grid without padding, on the one with it.
    content: Bounds,
}

impl InverseTransform {
    pub(super) fn new(steps: &GridSteps, patch: [usize; 3]) -> Self {
        let whole = |size| Bounds { start: [0; 3], size };
        let outer = steps.outer.unwrap_or(whole(steps.native));
        let resampled = steps.respacing.as_ref().map_or(outer.size, Respacing::size);
        let inner = steps.inner.unwrap_or(whole(resampled));
        let before = padding(inner.size, patch);
        let (mut positions, interpolation) = match &steps.respacing {
            Some(respacing) => respacing.back(),
            None => (outer.size.map(identity), [Interpolation::Linear; 3]),
        };
        let mut seen = [0..0, 0..0, 0..0];
        for axis in 0..3 {
            let kept = inner.start[axis]..inner.start[axis] + inner.size[axis];
            let (range, found) = within(&positions[axis], kept, resampled[axis], before[axis]);
            positions[axis] = found;
            seen[axis] = range.start + outer.start[axis]..range.end + outer.start[axis];
        }
        Self {
            size: steps.native,
            seen,
            positions,
            interpolation,
            content: Bounds {
                start: before,
                size: inner.size,
            },
        }
    }

    /// Size of the image's own grid.
    pub fn size(&self) -> [usize; 3] {
        self.size
    }

    /// The class of every voxel of the image from logits `[class, depth, height, width]` on the network's (padded)
    /// grid; see [`NativeClasses::take`].
    pub fn classes(&self, logits: &Array4<f32>, decide: impl FnMut(&Array3<f32>, &mut [u8])) -> Array3<u8> {
        let (count, d, h, w) = logits.dim();
        let mut classes = NativeClasses::new(self, count, [d, h, w]);
        classes.take(logits.view(), 0, d, decide);
        classes.finish()
    }

    /// Logits without the padding around the image. They lie on the image's own grid if nothing was resampled or
    /// cropped.
    pub fn without_padding(&self, logits: &Array4<f32>) -> Array4<f32> {
        let ([d, h, w], [nd, nh, nw]) = (self.content.start, self.content.size);
        logits.slice(s![.., d..d + nd, h..h + nh, w..w + nw]).to_owned()
    }
}

/// The classes of an image's voxels, decided while the network's logits arrive plane by plane, so that these never
/// exist as a whole on any grid.
#[derive(Clone, Debug)]
pub struct NativeClasses {
    seen: [Range<usize>; 3],
    resampler: Resampler,
    /// Seen planes that are decided.
    done: usize,
    /// Logits of one plane on the image's grid, `[class, height, width]`.
    plane: Array3<f32>,
    decided: Vec<u8>,
    classes: Array3<u8>,
}

impl NativeClasses {
    /// For `count` classes on the network's grid of `size` voxels.
    pub fn new(inverse: &InverseTransform, count: usize, size: [usize; 3]) -> Self {
        let [_, height, width] = &inverse.seen;
        Self {
            seen: inverse.seen.clone(),
            resampler: Resampler::new(size, &inverse.positions, inverse.interpolation),
            done: 0,
            plane: Array3::zeros((count, height.len(), width.len())),
            decided: vec![0; height.len() * width.len()],
            classes: Array3::zeros(inverse.size),
        }
    }

    /// The first plane of the network's grid that is still needed, if any.
    pub fn needs(&self) -> Option<usize> {
        (self.done < self.seen[0].len()).then(|| self.resampler.planes(self.done).start)
    }

    /// Decides the planes of the image that lie before plane `end` of the network's grid; `logits` hold its planes
    /// starting at `first`. `decide` takes the logits of one plane, `[class, height, width]`, and writes its classes,
    /// `[height, width]` row-major. Cropped voxels are class 0.
    pub fn take(
        &mut self,
        logits: ArrayView4<f32>,
        first: usize,
        end: usize,
        mut decide: impl FnMut(&Array3<f32>, &mut [u8]),
    ) {
        let [depth, height, width] = self.seen.clone();
        while self.done < depth.len() && self.resampler.planes(self.done).end <= end {
            for (class, mut values) in logits.outer_iter().zip(self.plane.outer_iter_mut()) {
                // A plane of a new array is contiguous.
                if let Some(values) = values.as_slice_mut() {
                    let read = |&value: &f32| f64::from(value);
                    self.resampler.plane(class, first, self.done, read, values);
                }
            }
            decide(&self.plane, &mut self.decided);
            let mut into = self.classes.index_axis_mut(Axis(0), depth.start + self.done);
            let rows = self.decided.chunks_exact(width.len().max(1));
            for (row, values) in height.clone().zip(rows) {
                let mut into = into.index_axis_mut(Axis(0), row);
                for (column, value) in width.clone().zip(values) {
                    into[column] = *value;
                }
            }
            self.done += 1;
        }
    }

    /// The decided classes, on the image's own grid.
    pub fn finish(self) -> Array3<u8> {
        self.classes
    }
}

fn identity(size: usize) -> Vec<f64> {
    (0..size).map(|index| index as f64).collect()
}

/// Which of the voxels at `positions` lie within `kept` on an axis of `size`, and their positions on the cropped axis
/// with `before` voxels of padding before it. A voxel extends half its length beyond its center; the axis's own ends do
/// not cut.
fn within(positions: &[f64], kept: Range<usize>, size: usize, before: usize) -> (Range<usize>, Vec<f64>) {
    let low = match kept.start {
        0 => f64::NEG_INFINITY,
        start => start as f64 - 0.5,
    };
    let high = match kept.end {
        end if end == size => f64::INFINITY,
        end => end as f64 - 0.5,
    };
    let first = positions.partition_point(|&p| p < low);
    let end = positions.partition_point(|&p| p < high);
    let last = kept.len().saturating_sub(1) as f64;
    let moved = positions[first..end]
        .iter()
        .map(|p| (p - kept.start as f64).clamp(0.0, last) + before as f64);
    (first..end, moved.collect())
}

/// Argmax over classes, the first of equals.
pub fn largest(plane: &Array3<f32>, classes: &mut [u8]) {
    let mut planes = plane.outer_iter();
    let Some(first) = planes.next() else { return };
    let mut best: Vec<f32> = first.iter().copied().collect();
    classes.fill(0);
    for (class, values) in planes.enumerate() {
        for ((value, best), chosen) in values.iter().zip(&mut best).zip(classes.iter_mut()) {
            if *value > *best {
                (*best, *chosen) = (*value, class as u8 + 1);
            }
        }
    }
}
