//! The convolution as matrix products over tiles of output rows (im2col and GEMM).
//!
//! A tile gathers the voxels under the kernel of some output rows into a matrix `[in · k³, voxels]` that fits the
//! cache; weights times that matrix are the tile's outputs, and output gradients times its transpose are the tile's
//! contribution to the weight gradient.

// The matrix product is an unsafe function, and tiles of one output are written by several threads.
#![allow(unsafe_code)]

use std::ops::Range;

use super::geometry::Geometry;
use crate::nn::kernel::cpu::matrix::{Matrix, Target, multiply};
use crate::nn::kernel::cpu::work::{Shared, for_each, threads};

/// Voxels in a tile: with 16 channels and a kernel of 3 its matrix takes 0.4 MB.
const TILE_VOXELS: usize = 256;

/// Minimum number of taps gathered together for the weight gradient.
const TAPS: usize = 200;

/// How an output is cut into tiles.
struct Tiling<'a> {
    g: &'a Geometry,
    /// Rows (of `size[2]` voxels) in a tile.
    tile_rows: usize,
}

/// Successive output rows of one sample.
#[derive(Clone, Copy)]
struct Tile {
    sample: usize,
    /// First row, counted over depth and height.
    row: usize,
    rows: usize,
}

impl<'a> Tiling<'a> {
    fn new(g: &'a Geometry) -> Self {
        let [depth, height, width] = g.size;
        Self {
            g,
            tile_rows: (TILE_VOXELS / width.max(1)).clamp(1, (depth * height).max(1)),
        }
    }

    /// Rows of a sample.
    fn rows(&self) -> usize {
        self.g.size[0] * self.g.size[1]
    }

    fn tiles(&self) -> usize {
        self.g.batch * self.rows().div_ceil(self.tile_rows)
    }

    fn tile(&self, index: usize) -> Tile {
        let per_sample = self.rows().div_ceil(self.tile_rows);
        let row = index % per_sample * self.tile_rows;
        Tile {
            sample: index / per_sample,
            row,
            rows: self.tile_rows.min(self.rows() - row),
        }
    }

    /// Where a tile begins in `[batch, channels, d, h, w]`.
    fn start(&self, tile: Tile, channels: usize) -> usize {
        tile.sample * channels * self.g.voxels() + tile.row * self.g.size[2]
    }

    /// The voxels under the kernel in some input channels: `[channels · k³, tile voxels]`. For a 1×1×1 kernel this is a
    /// view of `x`; otherwise it is gathered into `scratch`.
    fn matrix<'b>(&self, x: &'b [f32], tile: Tile, channels: Range<usize>, scratch: &'b mut Vec<f32>) -> Matrix<'b> {
        let g = self.g;
        if g.kernel == 1 {
            let start = self.start(tile, g.input) + channels.start * g.voxels();
            return Matrix::rows(&x[start..], g.voxels());
        }
        let columns = tile.rows * g.size[2];
        scratch.resize(channels.len() * g.kernel.pow(3) * columns, 0.0);
        gather(g, x, tile, channels, scratch);
        Matrix::rows(scratch, columns)
    }

    /// One tile's `dy · matrixᵀ`, into `part` (`[out, taps]`), for a matrix of some taps.
    fn gradient(&self, tile: Tile, dy: &[f32], matrix: Matrix<'_>, part: &mut [f32]) {
        let g = self.g;
        let (columns, taps) = (tile.rows * g.size[2], part.len() / g.output);
        let dy = Matrix::rows(&dy[self.start(tile, g.output)..], g.voxels());
        let target = Target {
            place: part.as_mut_ptr(),
            row: taps,
        };
        let sizes = [g.output, taps, columns];
        // SAFETY: `part` is `[out, taps]`.
        unsafe { multiply(target, dy, matrix.transposed(), sizes, false, false) };
    }
}

/// Fills `matrix` (`[channels · k³, tile voxels]`, row-major) with the voxels under the kernel in some input channels.
fn gather(g: &Geometry, x: &[f32], tile: Tile, channels: Range<usize>, matrix: &mut [f32]) {
    let [depth, height, width] = g.size;
    let (k, half) = (g.kernel, g.kernel / 2);
    let columns = tile.rows * width;
    for tap in 0..channels.len() * k.pow(3) {
        let (channel, offset) = (channels.start + tap / k.pow(3), tap % k.pow(3));
        let [dz, dy, dx] = [offset / (k * k), offset / k % k, offset % k];
        let volume = (tile.sample * g.input + channel) * depth * height * width;
        let target = &mut matrix[tap * columns..][..columns];
        for (row, target) in target.chunks_exact_mut(width).enumerate() {
            let (z, y) = ((tile.row + row) / height + dz, (tile.row + row) % height + dy);
            if z < half || z - half >= depth || y < half || y - half >= height {
                target.fill(0.0);
                continue;
            }
            let start = volume + ((z - half) * height + y - half) * width;
            let shift = dx as isize - half as isize;
            shifted_copy(&x[start..start + width], shift, target);
        }
    }
}

/// `target[i] = source[i + shift]`, zero outside.
fn shifted_copy(source: &[f32], shift: isize, target: &mut [f32]) {
    let width = source.len();
    let gap = shift.unsigned_abs().min(width);
    if shift < 0 {
        target[..gap].fill(0.0);
        target[gap..].copy_from_slice(&source[..width - gap]);
    } else {
        target[..width - gap].copy_from_slice(&source[gap..]);
        target[width - gap..].fill(0.0);
    }
}

/// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, k, k, k]`.
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let tiling = Tiling::new(g);
    let length = g.batch * g.output * g.voxels();
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let weight = Matrix::rows(weight, g.taps());
    for_each(tiling.tiles(), Vec::new, |scratch, index| {
        let tile = tiling.tile(index);
        let matrix = tiling.matrix(x, tile, 0..g.input, scratch);
        let sizes = [g.output, tile.rows * g.size[2], g.taps()];
        // SAFETY: from its start and by its rows the target has this tile's voxels of every output channel,
        // all inside `y`; tiles are disjoint, so no two threads write the same voxel.
        unsafe {
            let target = Target {
                place: whole.at(tiling.start(tile, g.output)),
                row: g.voxels(),
            };
            multiply(target, weight, matrix, sizes, false, false);
        }
    });
    // SAFETY: tiles have all voxels of all samples.
    unsafe { y.set_len(length) };
    y
}

/// `[out, in · k³]`, from `x` `[batch, in, d, h, w]` and the gradient `dy` `[batch, out, d, h, w]`.
///
/// Each thread takes some input channels, so that threads share no sums. Over the tiles, thousands of terms are added:
/// in f32 their sum would lose digits that matter to Adam.
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let tiling = Tiling::new(g);
    let (taps, kernel) = (g.taps(), g.kernel.pow(3));
    let ic_block = TAPS.div_ceil(kernel).min(g.input.div_ceil(threads()));
    let mut whole = vec![0.0f32; g.output * taps];
    let target = Shared(whole.as_mut_ptr());
    let groups = g.input.div_ceil(ic_block.max(1));
    for_each(groups, Vec::new, |scratch, group| {
        let channels = group * ic_block..g.input.min((group + 1) * ic_block);
        let columns = channels.len() * kernel;
        let mut part = vec![0.0f32; g.output * columns];
        let mut sum = vec![0.0f64; g.output * columns];
        for tile in (0..tiling.tiles()).map(|index| tiling.tile(index)) {
            let matrix = tiling.matrix(x, tile, channels.clone(), scratch);
            tiling.gradient(tile, dy, matrix, &mut part);
            for (sum, &part) in sum.iter_mut().zip(&part) {
                *sum += f64::from(part);
            }
        }
        for (output, sums) in sum.chunks_exact(columns).enumerate() {
            let start = output * taps + channels.start * kernel;
            for (index, &sum) in sums.iter().enumerate() {
                // SAFETY: the place is inside, and of this group's channels.
                unsafe { *target.at(start + index) = sum as f32 };
            }
        }
    });
    whole
}
