//! Resampling along the axes of a volume: one plane at a time, so that a volume on the new grid only exists if the
//! caller keeps it.

mod rule;
mod spline;

use std::ops::Range;

use ndarray::{Array3, ArrayView3, s};

use crate::loss::IGNORED;

pub use rule::{Resampling, Spacing};
pub(super) use spline::{Edge, MARGIN, coefficients, cubic_weights};

/// How values between voxels are interpolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest voxel.
    Nearest,
    /// Linear between two neighbors.
    Linear,
    /// A cubic B-spline through all voxels; edge voxels are repeated beyond the volume.
    Cubic,
}

/// Neighboring voxels along an axis and their weights.
#[derive(Clone, Copy, Debug)]
struct Taps {
    first: usize,
    count: usize,
    weights: [f64; 4],
}

impl Taps {
    fn one(index: usize) -> Self {
        Self {
            first: index,
            count: 1,
            weights: [1.0, 0.0, 0.0, 0.0],
        }
    }

    /// The taps of one new voxel at `position` of an old axis of `size` voxels. Cubic taps count from
    /// the margin that [`coefficients`] adds.
    fn new(position: f64, size: usize, interpolation: Interpolation) -> Self {
        let last = size.saturating_sub(1) as f64;
        match interpolation {
            Interpolation::Nearest => Self::one(position.clamp(0.0, last) as usize),
            Interpolation::Linear => {
                let position = position.clamp(0.0, last);
                let (first, share) = (position.floor(), position.fract());
                if share == 0.0 {
                    return Self::one(first as usize);
                }
                Self {
                    first: first as usize,
                    count: 2,
                    weights: [1.0 - share, share, 0.0, 0.0],
                }
            }
            Interpolation::Cubic => {
                let position = position.clamp(-0.5, last + 0.5);
                Self {
                    // One voxel before the position, which is at least -1 and so within the margin.
                    first: (position.floor() + MARGIN as f64 - 1.0) as usize,
                    count: 4,
                    weights: cubic_weights(position - position.floor()),
                }
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let weights = self.weights.iter().take(self.count).copied();
        (self.first..).zip(weights)
    }
}

/// Resampling of volumes of one size, axis by axis.
#[derive(Clone, Debug)]
pub struct Resampler {
    taps: [Vec<Taps>; 3],
    cubic: [bool; 3],
}

impl Resampler {
    /// For volumes of `size` voxels: `positions` are those of the new voxels on each old axis, in voxels. Nearest
    /// neighbor expects integer positions; others are truncated.
    pub fn new(size: [usize; 3], positions: &[Vec<f64>; 3], interpolation: [Interpolation; 3]) -> Self {
        let taps = |axis: usize| {
            let taps = |&p: &f64| Taps::new(p, size[axis], interpolation[axis]);
            positions[axis].iter().map(taps).collect()
        };
        Self {
            taps: [taps(0), taps(1), taps(2)],
            cubic: interpolation.map(|kind| kind == Interpolation::Cubic),
        }
    }

    /// Size after resampling.
    pub fn size(&self) -> [usize; 3] {
        [0, 1, 2].map(|axis| self.taps[axis].len())
    }

    /// For each new voxel along an axis, the first old voxel that it depends on.
    pub(super) fn first_taps(&self, axis: usize) -> impl Iterator<Item = usize> + '_ {
        self.taps[axis].iter().map(|taps| taps.first)
    }

    /// The classes of the nearest voxels.
    pub fn nearest(&self, classes: &Array3<u8>) -> Array3<u8> {
        let [d, h, w] = &self.taps;
        Array3::from_shape_fn(self.size(), |(depth, height, width)| {
            classes[[d[depth].first, h[height].first, w[width].first]]
        })
    }

    /// Classes resampled one by one, each as 0 and 1: the last class with at least 0.5 wins, else it is class 0
    /// (nnU-Net 1). Voxels that are [`IGNORED`] are like a class after all others.
    pub fn labels(&self, classes: &Array3<u8>, count: usize) -> Array3<u8> {
        let [_, h, w] = self.size();
        let mut share = vec![0.0f32; h * w];
        let mut resampled = Array3::zeros(self.size());
        let ignored =
            (count <= usize::from(IGNORED) && classes.iter().any(|&class| class == IGNORED)).then_some(IGNORED);
        for (depth, mut plane) in resampled.outer_iter_mut().enumerate() {
            // At most 255, see LabelSet.
            for class in (1..count.min(256)).map(|class| class as u8).chain(ignored) {
                let is = |&value: &u8| f64::from(u8::from(value == class));
                self.plane(classes.view(), 0, depth, is, &mut share);
                for (value, &share) in plane.iter_mut().zip(&share) {
                    if share >= 0.5 {
                        *value = class;
                    }
                }
            }
        }
        resampled
    }

    /// Resamples a whole volume. The old one is dropped early if splines need their own.
    pub fn volume(&self, volume: Array3<f32>) -> Array3<f32> {
        let volume = coefficients(volume, self.cubic, Edge::Repeat);
        let mut resampled = Array3::zeros(self.size());
        for (depth, mut plane) in resampled.outer_iter_mut().enumerate() {
            // A plane of a new array is contiguous.
            if let Some(plane) = plane.as_slice_mut() {
                self.plane(volume.view(), 0, depth, |&value| f64::from(value), plane);
            }
        }
        resampled
    }

    /// The old planes that plane `depth` of the resampled volume depends on.
    pub(super) fn planes(&self, depth: usize) -> Range<usize> {
        let taps = self.taps[0][depth];
        taps.first..taps.first + taps.count
    }

    /// Plane `depth` of the resampled volume, row-major, from the planes of the old one starting at `first`. Values are
    /// passed through `read`. Cubic taps need a volume of coefficients.
    pub fn plane<T>(
        &self,
        volume: ArrayView3<'_, T>,
        first: usize,
        depth: usize,
        read: impl Fn(&T) -> f64,
        plane: &mut [f32],
    ) {
        let [_, heights, widths] = &self.taps;
        let mut row = vec![0.0f64; volume.dim().2];
        for (height, out) in heights.iter().zip(plane.chunks_exact_mut(widths.len())) {
            row.fill(0.0);
            for (d, depth_weight) in self.taps[0][depth].iter() {
                for (h, height_weight) in height.iter() {
                    let weight = depth_weight * height_weight;
                    let values = volume.slice(s![d - first, h, ..]);
                    for (sum, value) in row.iter_mut().zip(values) {
                        *sum += weight * read(value);
                    }
                }
            }
            for (value, width) in out.iter_mut().zip(widths) {
                *value = width.iter().map(|(w, weight)| weight * row[w]).sum::<f64>() as f32;
            }
        }
    }
}
