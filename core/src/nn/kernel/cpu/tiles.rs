//! "Same" 3D convolution on a CPU as matrix products over tiles of output rows.
//!
//! A tile gathers the voxels under the kernel of some output rows into a matrix
//! `[in · k³, voxels]` that fits the cache; weights times that matrix are the tile's outputs, and
//! output gradients times its transpose are the tile's share of the weight gradient.

// The matrix product is an unsafe function, and tiles of one output are written by several threads.
#![allow(unsafe_code)]

use std::ops::Range;

use burn::backend::flex::FlexTensor;
use burn::tensor::Shape;

use super::direct;
use super::matrix::{Matrix, Target, multiply};
use super::winograd;
use super::work::{Shared, fill, for_each, tensor, threads, values};

/// Voxels in a tile: with 16 channels and a kernel of 3 its matrix takes 0.4 MB.
const TILE_VOXELS: usize = 256;

/// Sizes of a convolution, and how its output is cut into tiles.
#[derive(Clone, Copy)]
pub(super) struct Geometry {
    pub batch: usize,
    pub input: usize,
    pub output: usize,
    pub kernel: usize,
    /// Depth, height, width in voxels.
    pub size: [usize; 3],
    /// Rows (of `size[2]` voxels) in a tile.
    tile_rows: usize,
}

/// A run of output rows of one sample.
#[derive(Clone, Copy)]
struct Tile {
    sample: usize,
    /// First row, counted over depth and height.
    row: usize,
    rows: usize,
}

impl Geometry {
    fn new(x: [usize; 5], output: usize, kernel: usize) -> Self {
        let [batch, input, depth, height, width] = x;
        let rows = (TILE_VOXELS / width.max(1)).clamp(1, (depth * height).max(1));
        Self {
            batch,
            input,
            output,
            kernel,
            size: [depth, height, width],
            tile_rows: rows,
        }
    }

    pub(super) fn voxels(&self) -> usize {
        self.size.iter().product()
    }

    fn rows(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Rows of the gathered matrix.
    pub(super) fn taps(&self) -> usize {
        self.input * self.kernel.pow(3)
    }

    fn tiles(&self) -> usize {
        self.batch * self.rows().div_ceil(self.tile_rows)
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
        tile.sample * channels * self.voxels() + tile.row * self.size[2]
    }

    /// What lies under the kernel in some of the input channels: `[channels · k³, tile voxels]`. A kernel of one
    /// voxel finds it in `x`; otherwise it is gathered in `room`.
    fn matrix<'a>(
        &self,
        x: &'a [f32],
        tile: Tile,
        channels: Range<usize>,
        room: &'a mut Vec<f32>,
    ) -> Matrix<'a> {
        if self.kernel == 1 {
            let start = self.start(tile, self.input) + channels.start * self.voxels();
            return Matrix::rows(&x[start..], self.voxels());
        }
        let columns = tile.rows * self.size[2];
        room.resize(channels.len() * self.kernel.pow(3) * columns, 0.0);
        self.gather(x, tile, channels, room);
        Matrix::rows(room, columns)
    }

    /// Fills `matrix` (`[channels · k³, tile voxels]`, row-major) with what lies under the kernel in some of
    /// the input channels.
    fn gather(&self, x: &[f32], tile: Tile, channels: Range<usize>, matrix: &mut [f32]) {
        let [depth, height, width] = self.size;
        let (k, half) = (self.kernel, self.kernel / 2);
        let columns = tile.rows * width;
        for tap in 0..channels.len() * k.pow(3) {
            let (channel, offset) = (channels.start + tap / k.pow(3), tap % k.pow(3));
            let [dz, dy, dx] = [offset / (k * k), offset / k % k, offset % k];
            let volume = (tile.sample * self.input + channel) * depth * height * width;
            let target = &mut matrix[tap * columns..][..columns];
            for (row, target) in target.chunks_exact_mut(width).enumerate() {
                let (z, y) = (
                    (tile.row + row) / height + dz,
                    (tile.row + row) % height + dy,
                );
                if z < half || z - half >= depth || y < half || y - half >= height {
                    target.fill(0.0);
                    continue;
                }
                let start = volume + ((z - half) * height + y - half) * width;
                shifted_copy(
                    &x[start..start + width],
                    dx as isize - half as isize,
                    target,
                );
            }
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

/// `[batch, in, d, h, w]` and `[out, in, k, k, k]` → `[batch, out, d, h, w]`.
pub(super) fn forward(x: FlexTensor, weight: FlexTensor) -> FlexTensor {
    let (x, weight) = (x.to_contiguous(), weight.to_contiguous());
    let [output, _, _, _, kernel] = dims(&weight);
    let g = Geometry::new(dims(&x), output, kernel);
    let (x, weight) = (values(&x), values(&weight));
    let y = if let Some(plan) = winograd::Plan::new(&g) {
        winograd::forward(&plan, x, weight)
    } else if g.is_direct() {
        direct::forward(&g, &g.padded(x, g.input), weight)
    } else {
        gathered(&g, x, weight)
    };
    g.tensor(y, output)
}

/// The gradients of `x` `[batch, in, d, h, w]` and of `weight` `[out, in, k, k, k]`, as far as they are wanted,
/// from the result's gradient `dy` `[batch, out, d, h, w]`.
pub(super) fn gradients(
    x: FlexTensor,
    weight: FlexTensor,
    dy: FlexTensor,
    [of_x, of_weight]: [bool; 2],
) -> (Option<FlexTensor>, Option<FlexTensor>) {
    let (x, weight, dy) = (
        x.to_contiguous(),
        weight.to_contiguous(),
        dy.to_contiguous(),
    );
    let [output, _, _, _, kernel] = dims(&weight);
    let g = Geometry::new(dims(&x), output, kernel);
    // The transpose of a "same" convolution is one with the kernel mirrored and its channel axes exchanged.
    let transposed = Geometry::new(dims(&dy), g.input, kernel);
    let shape = weight.layout().shape().clone();
    let (x, dy) = (values(&x), values(&dy));
    let dx = of_x.then(|| {
        let weight = g.mirrored(values(&weight));
        if let Some(plan) = winograd::Plan::new(&transposed) {
            winograd::forward(&plan, dy, &weight)
        } else if g.is_direct() {
            direct::forward(&transposed, &transposed.padded(dy, output), &weight)
        } else {
            gathered(&transposed, dy, &weight)
        }
    });
    let dw = of_weight.then(|| {
        if let Some(plan) = winograd::Plan::new(&g) {
            winograd::weight_gradient(&plan, x, dy)
        } else if g.is_direct() {
            direct::weight_gradient(&g, &g.padded(x, g.input), &g.padded(dy, output))
        } else {
            gathered_gradient(&g, x, dy)
        }
    });
    (
        dx.map(|dx| g.tensor(dx, g.input)),
        dw.map(|dw| tensor(dw, shape)),
    )
}

impl Geometry {
    /// `[batch, channels, d, h, w]`.
    fn tensor(&self, values: Vec<f32>, channels: usize) -> FlexTensor {
        let [d, h, w] = self.size;
        tensor(values, Shape::from([self.batch, channels, d, h, w]))
    }

    /// `[out, in, k, k, k]` → `[in, out, k, k, k]`, every kernel mirrored.
    fn mirrored(&self, weight: &[f32]) -> Vec<f32> {
        let taps = self.kernel.pow(3);
        let (mirrored, _) = fill(weight.len(), self.output * taps, |input, target| {
            for output in 0..self.output {
                let kernel = &weight[(output * self.input + input) * taps..][..taps];
                for &value in kernel.iter().rev() {
                    target.put(&[value]);
                }
            }
        });
        mirrored
    }
}

fn gathered(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let length = g.batch * g.output * g.voxels();
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let weight = Matrix::rows(weight, g.taps());
    for_each(g.tiles(), Vec::new, |room, index| {
        let tile = g.tile(index);
        let matrix = g.matrix(x, tile, 0..g.input, room);
        let sizes = [g.output, tile.rows * g.size[2], g.taps()];
        // SAFETY: from its start and by its rows the target has this tile's voxels of every output channel,
        // all inside `y`; tiles are disjoint, so no two threads write the same voxel.
        unsafe {
            let target = Target {
                place: whole.at(g.start(tile, g.output)),
                row: g.voxels(),
            };
            multiply(target, weight, matrix, sizes, false, false);
        }
    });
    // SAFETY: tiles have all voxels of all samples.
    unsafe { y.set_len(length) };
    y
}

/// Taps that are gathered together for the weight gradient, at least.
const TAPS: usize = 200;

/// `[out, in · k³]`. Every thread takes some input channels, so that no sums meet. Thousands of terms do over the
/// tiles: in f32 their sum would lose the digits that Adam looks at.
fn gathered_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (taps, kernel) = (g.taps(), g.kernel.pow(3));
    let together = TAPS.div_ceil(kernel).min(g.input.div_ceil(threads()));
    let mut whole = vec![0.0f32; g.output * taps];
    let target = Shared(whole.as_mut_ptr());
    let groups = g.input.div_ceil(together.max(1));
    for_each(groups, Vec::new, |room, group| {
        let channels = group * together..g.input.min((group + 1) * together);
        let columns = channels.len() * kernel;
        let mut part = vec![0.0f32; g.output * columns];
        let mut sum = vec![0.0f64; g.output * columns];
        for tile in (0..g.tiles()).map(|index| g.tile(index)) {
            let matrix = g.matrix(x, tile, channels.clone(), room);
            tile_gradient(g, tile, dy, matrix, &mut part);
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

/// One tile's `dy · matrixᵀ`, into `part` (`[out, taps]`), for a matrix of some taps.
fn tile_gradient(g: &Geometry, tile: Tile, dy: &[f32], matrix: Matrix<'_>, part: &mut [f32]) {
    let (columns, taps) = (tile.rows * g.size[2], part.len() / g.output);
    let dy = Matrix::rows(&dy[g.start(tile, g.output)..], g.voxels());
    let target = Target {
        place: part.as_mut_ptr(),
        row: taps,
    };
    let sizes = [g.output, taps, columns];
    // SAFETY: `part` is `[out, taps]`.
    unsafe { multiply(target, dy, matrix.transposed(), sizes, false, false) };
}

fn dims(tensor: &FlexTensor) -> [usize; 5] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}
