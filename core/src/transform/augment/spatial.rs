//! Rotation and zoom of a patch about its center, while it is cut from its case.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4, Axis, s};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::chance::{balanced, happens, uniform};
use crate::transform::crop::shape;
use crate::transform::resample::{Edge, MARGIN, coefficients, cubic_weights};

/// Rotation and zoom (batchgenerators 0.21, `SpatialTransform` without elastic deformation: intensities by cubic
/// splines, classes one by one and linearly; outside the case it is 0).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spatial {
    /// Probability of a rotation.
    pub rotate: f64,
    /// Largest angle about each axis, either way.
    pub degrees: f64,
    /// Probability of a zoom.
    pub zoom: f64,
    /// Smallest and largest step between the voxels taken; below and above 1 equally often.
    pub zoom_range: [f64; 2],
    /// Whether rotation and zoom stay within slices.
    pub in_plane: bool,
}

/// Margin of voxels around a patch's source region for fitting splines: voxels farther away contribute less than 0.27⁸
/// = 3e-5.
const AROUND: isize = 8;

impl Spatial {
    /// Draws the next patch's warp, if any.
    pub fn draw(&self, slice_axis: usize, rng: &mut impl Rng) -> Option<Warp> {
        let mut angle = || uniform([-self.degrees, self.degrees], rng).to_radians();
        let angles = [angle(), angle(), angle()];
        let rotates = happens(self.rotate, rng);
        let zooms = happens(self.zoom, rng);
        let zoom = balanced(self.zoom_range, rng);
        if !rotates && !zooms {
            return None;
        }
        let angles = match (rotates, self.in_plane) {
            (false, _) => [0.0; 3],
            (true, false) => angles,
            (true, true) => [0, 1, 2].map(|axis| if axis == slice_axis { angles[axis] } else { 0.0 }),
        };
        let kept = self.in_plane.then_some(slice_axis);
        Some(Warp::new(angles, if zooms { zoom } else { 1.0 }, kept))
    }
}

/// A rotation and zoom about the center of a patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    /// Maps a voxel's offset from the patch's center to the offset of its source.
    matrix: [[f64; 3]; 3],
    /// The axis that is not changed.
    kept: Option<usize>,
}

impl Warp {
    /// Rotations about depth, height and width (radians, in this order) and a zoom of every axis but
    /// `kept`: a value is taken at `zoom · (R_d R_h R_w)ᵀ · offset`.
    pub fn new(angles: [f64; 3], zoom: f64, kept: Option<usize>) -> Self {
        let mut rotation = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        for (axis, angle) in angles.into_iter().enumerate() {
            rotation = product(rotation, about(axis, angle));
        }
        let scale = |axis| if kept == Some(axis) { 1.0 } else { zoom };
        Self {
            matrix: [0, 1, 2].map(|row| [0, 1, 2].map(|column| scale(row) * rotation[column][row])),
            kept,
        }
    }

    /// Cuts the patch whose first voxel would be `corner` without the warp: intensities
    /// `[channel, depth, height, width]` and classes.
    pub fn cut(
        &self,
        image: ArrayView4<'_, f32>,
        classes: ArrayView3<'_, u8>,
        corner: [usize; 3],
        patch: [usize; 3],
    ) -> (Array4<f32>, Array3<u8>) {
        let (start, size) = self.reach(corner, patch);
        let cubic = [0, 1, 2].map(|axis| self.kept != Some(axis));
        let fit = |channel| coefficients(excerpt(channel, start, size), cubic, Edge::Mirror);
        let channels: Vec<Array3<f32>> = image.outer_iter().map(fit).collect();
        // New arrays are row-major.
        let sides = channels.first().map_or([1; 3], shape);
        let channels: Vec<Vec<f32>> = channels
            .into_iter()
            .map(|channel| channel.into_raw_vec_and_offset().0)
            .collect();
        let classes = excerpt(classes, start, size);
        let [d, h, w] = patch;
        let mut found = Array4::zeros((channels.len(), d, h, w));
        let mut found_classes = Array3::zeros(patch);
        for ((depth, height, width), class) in found_classes.indexed_iter_mut() {
            let place = self.source([depth, height, width], corner, patch);
            // Relative to the excerpt.
            let place = [0, 1, 2].map(|axis| place[axis] - start[axis] as f64);
            let taps = [0, 1, 2].map(|axis| Taps::cubic(place[axis], cubic[axis]));
            for (channel, mut into) in channels.iter().zip(found.outer_iter_mut()) {
                into[[depth, height, width]] = value(channel, sides, &taps);
            }
            *class = majority(&classes, place);
        }
        (found, found_classes)
    }

    /// Source position of a patch's voxel, in voxels of the case.
    fn source(&self, voxel: [usize; 3], corner: [usize; 3], patch: [usize; 3]) -> [f64; 3] {
        let half = patch.map(|side| (side as f64 - 1.0) / 2.0);
        let offset = [0, 1, 2].map(|axis| voxel[axis] as f64 - half[axis]);
        [0, 1, 2].map(|axis| match self.kept == Some(axis) {
            true => (corner[axis] + voxel[axis]) as f64,
            false => {
                let moved: f64 = (0..3).map(|i| self.matrix[axis][i] * offset[i]).sum();
                corner[axis] as f64 + half[axis] + moved
            }
        })
    }

    /// First voxel and size of a patch's source region in the case (possibly beyond its ends).
    fn reach(&self, corner: [usize; 3], patch: [usize; 3]) -> ([isize; 3], [usize; 3]) {
        let half = patch.map(|side| (side as f64 - 1.0) / 2.0);
        let (mut start, mut size) = ([0; 3], [0; 3]);
        for axis in 0..3 {
            let center = corner[axis] as f64 + half[axis];
            let reach: f64 = (0..3).map(|i| self.matrix[axis][i].abs() * half[i]).sum();
            let around = if self.kept == Some(axis) { 1 } else { AROUND };
            start[axis] = (center - reach).floor() as isize - around;
            let end = (center + reach).ceil() as isize + 1 + around;
            size[axis] = (end - start[axis]).unsigned_abs();
        }
        (start, size)
    }
}

/// An excerpt of a volume, zeros beyond its ends.
fn excerpt<T: Clone + Default>(volume: ArrayView3<'_, T>, start: [isize; 3], size: [usize; 3]) -> Array3<T> {
    let mut part = Array3::from_elem(size, T::default());
    // Along each axis: start of the overlap in the volume and in the excerpt, and its length.
    let overlap = [0, 1, 2].map(|axis| {
        let length = volume.len_of(Axis(axis)) as isize;
        let low = start[axis].clamp(0, length);
        let high = (start[axis] + size[axis] as isize).clamp(low, length);
        (low, low - start[axis], high - low)
    });
    let [(d, pd, nd), (h, ph, nh), (w, pw, nw)] = overlap;
    if overlap.iter().all(|&(_, _, length)| length > 0) {
        part.slice_mut(s![pd..pd + nd, ph..ph + nh, pw..pw + nw])
            .assign(&volume.slice(s![d..d + nd, h..h + nh, w..w + nw]));
    }
    part
}

/// Up to four neighbors along an axis.
struct Taps {
    first: usize,
    count: usize,
    weights: [f64; 4],
}

impl Taps {
    fn cubic(place: f64, cubic: bool) -> Self {
        if !cubic {
            return Self {
                first: place as usize,
                count: 1,
                weights: [1.0, 0.0, 0.0, 0.0],
            };
        }
        Self {
            // The second of the four lies at or before the position.
            first: place as usize + MARGIN - 1,
            count: 4,
            weights: cubic_weights(place.fract()),
        }
    }
}

/// The spline at a position; `coefficients` are row-major with these sides.
fn value(coefficients: &[f32], [_, rows, columns]: [usize; 3], [d, h, w]: &[Taps; 3]) -> f32 {
    let mut sum = 0.0;
    for i in 0..d.count {
        for j in 0..h.count {
            let start = ((d.first + i) * rows + h.first + j) * columns + w.first;
            let line = &coefficients[start..start + w.count];
            let along: f64 = line
                .iter()
                .zip(w.weights)
                .map(|(&value, weight)| f64::from(value) * weight)
                .sum();
            sum += d.weights[i] * h.weights[j] * along;
        }
    }
    sum as f32
}

/// The last class with at least half of the weight of the eight voxels around a position; 0 if there is none.
fn majority(classes: &Array3<u8>, place: [f64; 3]) -> u8 {
    let corners: [(u8, f64); 8] = std::array::from_fn(|corner| {
        let mut weight = 1.0;
        let index = [0, 1, 2].map(|axis| {
            let upper = corner >> axis & 1;
            let share = place[axis].fract();
            weight *= if upper == 1 { share } else { 1.0 - share };
            place[axis] as usize + upper
        });
        (classes[index], weight)
    });
    if corners.iter().all(|(class, _)| *class == corners[0].0) {
        return corners[0].0;
    }
    let total = |class: u8| -> f64 {
        let same = corners.iter().filter(|(other, _)| *other == class);
        same.map(|(_, weight)| weight).sum()
    };
    let candidates = corners.iter().map(|&(class, _)| class);
    candidates.filter(|&class| total(class) >= 0.5).max().unwrap_or(0)
}

fn about(axis: usize, angle: f64) -> [[f64; 3]; 3] {
    let (sin, cos) = angle.sin_cos();
    match axis {
        0 => [[1.0, 0.0, 0.0], [0.0, cos, -sin], [0.0, sin, cos]],
        1 => [[cos, 0.0, sin], [0.0, 1.0, 0.0], [-sin, 0.0, cos]],
        _ => [[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]],
    }
}

fn product(a: [[f64; 3]; 3], b: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
    a.map(|row| [0, 1, 2].map(|column| (0..3).map(|i| row[i] * b[i][column]).sum()))
}
