//! Positions of windows and the weights of their voxels, as in MONAI 1.5's sliding-window inferer.

use ndarray::Array3;

use super::Blend;

/// The windows that cover a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// First voxel `[depth, height, width]` of each window.
    pub starts: Vec<[usize; 3]>,
}

impl Windows {
    /// Windows of `window` voxels over a volume of `size` voxels (at least as large), neighbors overlapping by the
    /// fraction `overlap`. The last window along an axis is shifted back to end with the volume.
    pub fn new(size: [usize; 3], window: [usize; 3], overlap: f64) -> Self {
        let axis = |a: usize| -> Vec<usize> {
            let last = size[a].saturating_sub(window[a]);
            let step = if last == 0 {
                window[a]
            } else {
                ((window[a] as f64 * (1.0 - overlap)) as usize).max(1)
            };
            let count = last.div_ceil(step) + 1;
            (0..count).map(|i| (i * step).min(last)).collect()
        };
        let (depth, height, width) = (axis(0), axis(1), axis(2));
        let mut starts = Vec::with_capacity(depth.len() * height.len() * width.len());
        for &d in &depth {
            for &h in &height {
                starts.extend(width.iter().map(|&w| [d, h, w]));
            }
        }
        Self { starts }
    }
}

/// Weight of each voxel of a window when windows are blended.
///
/// Gaussian: the product over axes of exp(−x²/2σ²) around the window's center, σ = `sigma_scale` of
/// the side; no voxel weighs less than 0.001, so that corners of a volume are covered.
pub fn importance(window: [usize; 3], blend: Blend, sigma_scale: f64) -> Array3<f32> {
    if blend == Blend::Constant {
        return Array3::ones(window);
    }
    let profile = window.map(|side| {
        let (center, sigma) = ((side as f64 - 1.0) / 2.0, sigma_scale * side as f64);
        let weight = |i: usize| (-(i as f64 - center).powi(2) / (2.0 * sigma * sigma)).exp();
        (0..side).map(weight).collect::<Vec<f64>>()
    });
    Array3::from_shape_fn(window, |(d, h, w)| {
        (profile[0][d] * profile[1][h] * profile[2][w]).max(1e-3) as f32
    })
}
