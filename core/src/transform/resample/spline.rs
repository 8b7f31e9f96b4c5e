//! Cubic B-splines through the voxels of a volume (Unser, IEEE Signal Processing Magazine 16, 1999),
//! as SciPy 1.17's `ndimage` fits them.

use ndarray::{Array3, Axis, Zip};

/// Coefficients kept beyond each end of an axis: a position half a voxel outside needs two.
pub const MARGIN: usize = 2;

/// Voxels that represent the repeated edge while coefficients are computed; farther ones do not matter to the filter
/// (0.27¹² = 1e-7).
const REPEATS: usize = 12;

/// How a volume is extended beyond its last voxel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Repeats that voxel (SciPy's `nearest`).
    Repeat,
    /// Mirrored at that voxel (SciPy's `mirror`, and what its `constant` does within the volume).
    Mirror,
}

/// The coefficients whose spline runs through the volume's values. Along each of `axes` the result is
/// [`MARGIN`] coefficients longer at both ends.
pub fn coefficients(volume: Array3<f32>, axes: [bool; 3], edge: Edge) -> Array3<f32> {
    (0..3)
        .filter(|&axis| axes[axis])
        .fold(volume, |volume, axis| along(&volume, axis, edge))
}

fn along(volume: &Array3<f32>, axis: usize, edge: Edge) -> Array3<f32> {
    let size = volume.len_of(Axis(axis));
    let repeats = match edge {
        Edge::Repeat => REPEATS,
        Edge::Mirror => 0,
    };
    let mut shape = volume.raw_dim();
    shape[axis] = size + 2 * MARGIN;
    let mut result = Array3::zeros(shape);
    let mut line = vec![0.0f64; size + 2 * repeats];
    Zip::from(result.lanes_mut(Axis(axis)))
        .and(volume.lanes(Axis(axis)))
        .for_each(|mut found, values| {
            for (index, value) in line.iter_mut().enumerate() {
                let index = index.saturating_sub(repeats).min(size - 1);
                *value = f64::from(values[index]);
            }
            filter(&mut line);
            for (index, value) in found.iter_mut().enumerate() {
                *value = line[mirrored(index + repeats, MARGIN, line.len())] as f32;
            }
        });
    result
}

/// Index `index - margin` of a line of `size` that is mirrored at its ends.
fn mirrored(index: usize, margin: usize, size: usize) -> usize {
    let period = 2 * (size - 1);
    if period == 0 {
        return 0;
    }
    let place = index.abs_diff(margin) % period;
    place.min(period - place)
}

/// Values to coefficients, in place: the recursive filter 6 / (z + 4 + 1/z) with mirrored ends.
fn filter(line: &mut [f64]) {
    let size = line.len();
    if size < 2 {
        return;
    }
    let pole = 3f64.sqrt() - 2.0;
    line.iter_mut().for_each(|value| *value *= 6.0);
    line[0] = first_coefficient(line, pole);
    for index in 1..size {
        line[index] += pole * line[index - 1];
    }
    line[size - 1] = pole / (pole * pole - 1.0) * (pole * line[size - 2] + line[size - 1]);
    for index in (0..size - 1).rev() {
        line[index] = pole * (line[index + 1] - line[index]);
    }
}

/// Sum over the infinitely mirrored line of value times a power of the pole.
fn first_coefficient(line: &[f64], pole: f64) -> f64 {
    let last = line.len() - 1;
    // One period of the mirrored line has 2·last values.
    let period = pole.powi(i32::try_from(2 * last).unwrap_or(i32::MAX));
    let power = |index: usize| pole.powi(i32::try_from(index).unwrap_or(i32::MAX));
    let mut sum = line[0] + power(last) * line[last];
    for (index, value) in line.iter().enumerate().take(last).skip(1) {
        sum += (power(index) + power(2 * last - index)) * value;
    }
    sum / (1.0 - period)
}

/// Weights of the four coefficients around a position, `share` beyond the second.
pub fn cubic_weights(share: f64) -> [f64; 4] {
    let (t, u) = (share, 1.0 - share);
    [
        u * u * u / 6.0,
        (4.0 - 6.0 * t * t + 3.0 * t * t * t) / 6.0,
        (4.0 - 6.0 * u * u + 3.0 * u * u * u) / 6.0,
        t * t * t / 6.0,
    ]
}
