//! "Same" 3D convolution on a CPU as matrix products over tiles of output rows.
//!
//! A tile gathers the voxels under the kernel of some output rows into a matrix
//! `[in · k³, voxels]` that fits the cache; weights times that matrix are the tile's outputs, and
//! output gradients times its transpose are the tile's share of the weight gradient.

// The matrix product is an unsafe function, and tiles of one output are written by several threads.
#![allow(unsafe_code)]

use burn::backend::flex::FlexTensor;
use burn::tensor::TensorData;

use super::cpu::{Shared, for_each_share, sum_shares, values};
use super::direct_cpu;

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

    fn voxels(&self) -> usize {
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

    /// Fills `matrix` (`[in · k³, tile voxels]`, row-major) with what lies under the kernel.
    fn gather(&self, x: &[f32], tile: Tile, matrix: &mut [f32]) {
        let [depth, height, width] = self.size;
        let (k, half) = (self.kernel, self.kernel / 2);
        let columns = tile.rows * width;
        for tap in 0..self.taps() {
            let (channel, offset) = (tap / k.pow(3), tap % k.pow(3));
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
    let shape = [g.batch, output, g.size[0], g.size[1], g.size[2]];
    let (x, weight) = (values(&x), values(&weight));
    if g.is_direct() {
        return FlexTensor::from_data(TensorData::new(direct_cpu::forward(&g, x, weight), shape));
    }
    let mut y = vec![0.0f32; g.batch * output * g.voxels()];
    let target = Shared(y.as_mut_ptr());
    for_each_share(g.tiles(), |tiles| {
        let mut matrix = vec![0.0; g.taps() * g.tile_rows * g.size[2]];
        for tile in tiles.map(|index| g.tile(index)) {
            g.gather(x, tile, &mut matrix);
            let columns = tile.rows * g.size[2];
            let start = tile.sample * output * g.voxels() + tile.row * g.size[2];
            // SAFETY: `start` and the strides address this tile's voxels of every output channel,
            // all inside `y`; tiles are disjoint, so no two threads write the same voxel.
            unsafe {
                let rows = MatrixMut {
                    data: target.at(start),
                    row: g.voxels(),
                    column: 1,
                };
                product(
                    rows,
                    &weight[..output * g.taps()],
                    &matrix,
                    [output, columns, g.taps()],
                );
            }
        }
    });
    FlexTensor::from_data(TensorData::new(y, shape))
}

/// `[batch, in, d, h, w]` and `[batch, out, d, h, w]` → `[out, in, k, k, k]`.
pub(super) fn weight_gradient(x: FlexTensor, dy: FlexTensor, kernel: usize) -> FlexTensor {
    let (x, dy) = (x.to_contiguous(), dy.to_contiguous());
    let output = dims(&dy)[1];
    let g = Geometry::new(dims(&x), output, kernel);
    let (x, dy) = (values(&x), values(&dy));
    let total = if g.is_direct() {
        direct_cpu::weight_gradient(&g, x, dy)
    } else {
        gathered_gradient(&g, x, dy)
    };
    let total: Vec<f32> = total.into_iter().map(|v| v as f32).collect();
    FlexTensor::from_data(TensorData::new(
        total,
        [output, g.input, kernel, kernel, kernel],
    ))
}

fn gathered_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f64> {
    sum_shares(g.tiles(), g.output * g.taps(), |tiles, sum| {
        let mut matrix = vec![0.0; g.taps() * g.tile_rows * g.size[2]];
        let mut part = vec![0.0f32; sum.len()];
        for tile in tiles.map(|index| g.tile(index)) {
            g.gather(x, tile, &mut matrix);
            tile_gradient(g, tile, dy, &matrix, &mut part);
            sum.iter_mut()
                .zip(&part)
                .for_each(|(sum, &part)| *sum += f64::from(part));
        }
    })
}

/// One tile's `dy · matrixᵀ`, into `part` (`[out, in · k³]`).
fn tile_gradient(g: &Geometry, tile: Tile, dy: &[f32], matrix: &[f32], part: &mut [f32]) {
    let (columns, taps) = (tile.rows * g.size[2], g.taps());
    let start = tile.sample * g.output * g.voxels() + tile.row * g.size[2];
    // SAFETY: `part` is `[out, taps]`, `dy` from `start` with the stride of a volume holds `out` rows
    // of `columns` voxels, and `matrix` is `[taps, columns]`; all lie inside their slices.
    unsafe {
        gemm::gemm(
            g.output,
            taps,
            columns,
            part.as_mut_ptr(),
            1,
            taps as isize,
            false,
            dy.as_ptr().add(start),
            1,
            g.voxels() as isize,
            matrix.as_ptr(),
            columns as isize,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

/// A matrix to be written, by strides.
struct MatrixMut {
    data: *mut f32,
    row: usize,
    column: usize,
}

/// `target = left · right` with row-major `left` `[m, k]` and `right` `[k, n]`.
///
/// # Safety
/// `target` must address `m · n` values that nobody else uses; the slices must hold their matrices.
unsafe fn product(target: MatrixMut, left: &[f32], right: &[f32], [m, n, k]: [usize; 3]) {
    // SAFETY: the caller's promise.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            target.data,
            target.column as isize,
            target.row as isize,
            false,
            left.as_ptr(),
            1,
            k as isize,
            right.as_ptr(),
            1,
            n as isize,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

fn dims(tensor: &FlexTensor) -> [usize; 5] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}
