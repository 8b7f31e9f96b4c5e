//! Thumbnails of volumes, for lists.

use serde::{Deserialize, Serialize};

use super::Image;
use super::voxels::with_values;

/// Fraction of the darkest and of the brightest pixels that is clipped.
const CLIPPED: f64 = 0.02;

/// The middle axial slice in grays: the patient's front is up, the patient's right is on the right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Grays from 0 (black) to 255, row by row from the top.
    pub pixels: Vec<u8>,
}

impl Image {
    /// A picture whose longer side has `side` pixels, square in mm. A pixel shows the nearest voxel; grays span all but
    /// the extreme 2 % of the pixels at either end. Only displayed voxels are read.
    pub fn thumbnail(&self, side: usize) -> Thumbnail {
        let grid = self.grid();
        let ([depth, rows, columns], [_, row_mm, column_mm]) = (grid.canonical_dims(), grid.canonical_spacing());
        let extent = [rows as f64 * row_mm, columns as f64 * column_mm];
        let pixel_mm = extent[0].max(extent[1]) / side.max(1) as f64;
        let [height, width] = extent.map(|mm| ((mm / pixel_mm).round() as usize).max(1));
        let orientation = grid.array_orientation();
        let place = |row: usize, column: usize| {
            // Canonical rows run from the patient's back to the front.
            let row = nearest(height - 1 - row, height, rows);
            let column = nearest(column, width, columns);
            orientation.place_in_file([depth / 2, row, column], grid.dims)
        };
        let places = (0..height).flat_map(|row| (0..width).map(move |column| place(row, column)));
        let (slope, inter) = self.scaling();
        let values: Vec<f64> = with_values!(self.voxels(), voxels => places
            .map(|place| voxels[place] as f64 * slope + inter)
            .map(|value| if value.is_finite() { value } else { 0.0 })
            .collect());
        let (dark, bright) = window(&values);
        let grey = |value: f64| (255.0 * (value - dark) / (bright - dark)).clamp(0.0, 255.0).round();
        Thumbnail {
            width,
            height,
            pixels: values.into_iter().map(|value| grey(value) as u8).collect(),
        }
    }
}

/// The voxel under the center of a pixel.
fn nearest(pixel: usize, pixels: usize, voxels: usize) -> usize {
    ((2 * pixel + 1) * voxels / (2 * pixels)).min(voxels - 1)
}

/// The values that are shown as black and white.
fn window(values: &[f64]) -> (f64, f64) {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1) as f64;
    let at = |share: f64| values.get((share * last).round() as usize).copied();
    let (dark, bright) = (at(CLIPPED).unwrap_or(0.0), at(1.0 - CLIPPED).unwrap_or(0.0));
    // A constant slice is black.
    (dark, if bright > dark { bright } else { dark + 1.0 })
}
