//! Repairs, on request, of label maps that do not fit: on another grid, or with values that are not labels.

use super::grid::format_dims;
use super::label::labels_of;
use super::{Image, LabelImage, Result, VolumeError};

impl LabelImage {
    /// This map on the grid of `image`: nearest-neighbor resampling in millimeters; voxels outside are background.
    /// Names are kept.
    ///
    /// # Errors
    /// When the map's affine cannot be inverted.
    pub fn onto(&self, image: &Image) -> Result<LabelImage> {
        let (from, to) = (self.grid(), image.grid());
        let inverse = from
            .affine
            .inverse()
            .ok_or_else(|| VolumeError::DamagedHeader("the axes of the label map do not span space".to_owned()))?;
        let nearest = |[i, j, k]: [usize; 3]| {
            let place = to.affine.apply([i, j, k].map(|index| index as f64));
            let index = inverse.apply(place).map(f64::round);
            let inside = (0..3).all(|axis| (0.0..from.dims[axis] as f64).contains(&index[axis]));
            let [i, j, k] = index.map(|index| index as usize);
            if inside {
                self.labels()[(k * from.dims[1] + j) * from.dims[0] + i]
            } else {
                0
            }
        };
        let [width, height, depth] = to.dims;
        let voxels = (0..depth).flat_map(|k| (0..height).flat_map(move |j| (0..width).map(move |i| [i, j, k])));
        self.moved(voxels.map(nearest).collect(), image)
    }

    /// Takes an image's values (after slope and intercept) as labels, each rounded to the nearest integer, however far
    /// away. NaN and infinities are background.
    ///
    /// # Errors
    /// When a value is negative or above 65535.
    pub fn rounded(image: &Image) -> Result<LabelImage> {
        let labels = labels_of(image, f64::INFINITY)?;
        LabelImage::in_file_order(labels, image)
    }

    /// Labels in the file's order (i fastest) on the grid of `like`, with its header.
    ///
    /// # Errors
    /// When there are more or fewer than the grid has voxels.
    pub(super) fn in_file_order(labels: Vec<u16>, like: &Image) -> Result<LabelImage> {
        let grid = like.grid().clone();
        if labels.len() != grid.len() {
            return Err(VolumeError::ShapeMismatch {
                array: labels.len().to_string(),
                grid: format_dims(&grid.dims),
            });
        }
        Ok(Self::from_parts(like.header().clone(), grid, labels))
    }
}
