//! The gradient of the weights: the outputs' gradient is transformed to the same points, where every weight's is one
//! matrix product over all tiles.

// Loads inside the innermost loops are checked before the loops; matrix products are unsafe functions.
#![allow(unsafe_code)]

use pulp::{Arch, Simd, WithSimd};

use super::super::registers::{load, store};
use super::input::{InputTransform, transform_tiles};
use super::plan::{BEYOND, POINTS, Plan, REACH, Slab, TAPS, TILE};
use crate::nn::kernel::cpu::matrix::{Matrix, Target, multiply};
use crate::nn::kernel::cpu::work::{fill, sum_shares};

/// Maximum number of tiles in a matrix product: a multiple of every processor's vector width.
const GEMM_TILES: usize = BEYOND;

/// Blocks of tiles accumulated in f32 before their sum is added in f64.
const BLOCKS: usize = 4;

/// Values of the widest vector.
const VECTOR: usize = 16;

/// The outputs' gradient, with voxels sorted by their position in a tile.
struct Sorted {
    /// `[sample, out, plane, parity of the row, parity of the column, tile]`, zeros beyond the volume.
    values: Vec<f32>,
    /// Tiles of a plane.
    tiles: usize,
    /// Stride between planes and channels.
    plane: usize,
    channel: usize,
}

impl Sorted {
    /// The slab's part of `[batch, out, d, h, w]`.
    fn new(plan: &Plan, dy: &[f32], slab: &Slab) -> Self {
        let [depth, height, width] = plan.g.size;
        let [_, tiles_h, tiles_w] = plan.grid;
        let dy = &dy[slab.samples.start * plan.g.output * plan.g.voxels()..];
        let (tiles, planes) = (tiles_h * tiles_w, TILE * slab.planes.len());
        let plane = TILE * TILE * tiles;
        let count = slab.samples.len() * plan.g.output * planes;
        let (values, _) = fill(count * plane + BEYOND, plane, |index, target| {
            let z = TILE * slab.planes.start + index % planes;
            if z >= depth || index >= count {
                return target.put_zeros(target.len());
            }
            let source = &dy[(index / planes * depth + z) * height * width..][..height * width];
            let mut sorted = vec![0.0; plane];
            for (y, row) in source.chunks_exact(width).enumerate() {
                let from = y % TILE * TILE * tiles + y / TILE * tiles_w;
                for parity in 0..TILE {
                    let targets = sorted[from + parity * tiles..].iter_mut();
                    let values = row.iter().skip(parity).step_by(TILE);
                    targets.zip(values).for_each(|(target, &value)| *target = value);
                }
            }
            target.put(&sorted);
        });
        Self {
            values,
            tiles,
            plane,
            channel: planes * plane,
        }
    }
}

/// `[out, in · 27]`, from `x` `[batch, in, d, h, w]` and the gradient `dy` `[batch, out, d, h, w]`.
pub(in super::super) fn weight_gradient(plan: &Plan, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let pairs = plan.g.output * plan.g.input;
    let mut points = vec![0.0; POINTS * pairs];
    for slab in plan.slabs() {
        let sums = slab_sums(plan, x, dy, &slab);
        for (point, sum) in points.iter_mut().zip(sums) {
            *point += sum;
        }
    }
    let (gradient, _) = fill(pairs * TAPS, TAPS, |pair, target| {
        let points: [f64; POINTS] = std::array::from_fn(|point| points[point * pairs + pair]);
        target.put(&inverse_transform_kernel(&points));
    });
    gradient
}

/// `[point, out, in]`: the products of a slab's tiles.
fn slab_sums(plan: &Plan, x: &[f32], dy: &[f32], slab: &Slab) -> Vec<f64> {
    let (x, dy) = (InputTransform::new(plan, x, slab), Sorted::new(plan, dy, slab));
    let length = POINTS * plan.g.output * plan.g.input;
    let block = GEMM_TILES.min(dy.tiles.next_multiple_of(VECTOR));
    let blocks = dy.tiles.div_ceil(block);
    sum_shares(slab.count() * blocks, length, |share, sums| {
        let mut scratch = Scratch::new(plan, block);
        let mut products = vec![0.0; length];
        for first in share.clone().step_by(BLOCKS) {
            let group = first..share.end.min(first + BLOCKS);
            for index in group.clone() {
                let (plane, first) = (index / blocks, index % blocks * block);
                let (sample, z) = (plane / slab.planes.len(), plane % slab.planes.len());
                Arch::new().dispatch(Fill {
                    plan,
                    x: &x,
                    dy: &dy,
                    place: [sample, z, first],
                    scratch: &mut scratch,
                });
                let tiles = block.min(dy.tiles - first);
                scratch.multiply(plan, tiles, &mut products, index > group.start);
            }
            for (sum, &product) in sums.iter_mut().zip(&products) {
                *sum += f64::from(product);
            }
        }
    })
}

/// A thread's intermediate results: `[point, channel, tile]` of inputs and of the outputs' gradient.
struct Scratch {
    inputs: Vec<f32>,
    outputs: Vec<f32>,
    block: usize,
}

impl Scratch {
    fn new(plan: &Plan, block: usize) -> Self {
        Self {
            inputs: vec![0.0; POINTS * plan.g.input * block],
            outputs: vec![0.0; POINTS * plan.g.output * block],
            block,
        }
    }

    /// Writes the sums over some tiles to `[point, out, in]`, or adds them.
    fn multiply(&self, plan: &Plan, tiles: usize, sums: &mut [f32], add: bool) {
        let (input, output) = (plan.g.input, plan.g.output);
        let inputs = self.inputs.chunks_exact(input * self.block);
        let outputs = self.outputs.chunks_exact(output * self.block);
        for ((x, dy), sums) in inputs.zip(outputs).zip(sums.chunks_exact_mut(output * input)) {
            let target = Target {
                place: sums.as_mut_ptr(),
                row: input,
            };
            let (dy, x) = (Matrix::rows(dy, self.block), Matrix::rows(x, self.block));
            // SAFETY: there is room for `[out, in]`, and it holds values.
            unsafe { multiply(target, dy, x.transposed(), [output, input, tiles], add, false) };
        }
    }
}

/// Transforms a block of tiles, in all channels.
struct Fill<'a> {
    plan: &'a Plan,
    x: &'a InputTransform,
    dy: &'a Sorted,
    /// Sample, plane of tiles, first tile.
    place: [usize; 3],
    scratch: &'a mut Scratch,
}

impl WithSimd for Fill<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (input, output) = (self.plan.g.input, self.plan.g.output);
        let ([sample, z, first], block) = (self.place, self.scratch.block);
        let from = sample * self.x.sample + TILE * z * self.x.plane + first;
        for channel in 0..input {
            let source = &self.x.values[from + channel * self.x.channel..];
            let inputs = &mut self.scratch.inputs[channel * block..];
            transform_tiles(simd, source, self.x, inputs, [input * block, block]);
        }
        for channel in 0..output {
            let from = (sample * output + channel) * self.dy.channel + TILE * z * self.dy.plane;
            let source = &self.dy.values[from + first..];
            let outputs = &mut self.scratch.outputs[channel * block..];
            transform_gradient_tiles(simd, source, self.dy, outputs, [output * block, block]);
        }
    }
}

/// The outputs' gradient at the points of a block of a channel's tiles; points are `point` apart.
#[inline(always)]
fn transform_gradient_tiles<S: Simd>(
    simd: S,
    source: &[f32],
    dy: &Sorted,
    outputs: &mut [f32],
    [point, block]: [usize; 2],
) {
    assert!(dy.plane + (TILE * TILE - 1) * dy.tiles + block <= source.len());
    assert!((POINTS - 1) * point + block <= outputs.len() && block.is_multiple_of(S::F32_LANES));
    for tile in (0..block).step_by(S::F32_LANES) {
        let along_x: [[[S::f32s; REACH]; TILE]; TILE] = std::array::from_fn(|z| {
            std::array::from_fn(|y| {
                let from = z * dy.plane + y * TILE * dy.tiles + tile;
                // SAFETY: the furthest of them was checked above.
                let pair = [0, dy.tiles].map(|x| unsafe { load::<S>(source, from + x) });
                transform_gradient_line(simd, pair)
            })
        });
        for x in 0..REACH {
            let along_y: [[S::f32s; REACH]; TILE] =
                std::array::from_fn(|z| transform_gradient_line(simd, along_x[z].map(|line| line[x])));
            for y in 0..REACH {
                let along_z = transform_gradient_line(simd, along_y.map(|line| line[y]));
                for (z, value) in along_z.into_iter().enumerate() {
                    let at = ((z * REACH + y) * REACH + x) * point + tile;
                    // SAFETY: the last of them was checked above.
                    unsafe { store::<S>(outputs, at, value) };
                }
            }
        }
    }
}

/// The four points of the two values of a line.
#[inline(always)]
fn transform_gradient_line<S: Simd>(simd: S, [a, b]: [S::f32s; TILE]) -> [S::f32s; REACH] {
    [a, simd.add_f32s(a, b), simd.sub_f32s(a, b), simd.neg_f32s(b)]
}

/// The 27 taps of a kernel from its 64 points.
fn inverse_transform_kernel(points: &[f64; POINTS]) -> [f32; TAPS] {
    let line = |[a, b, c, d]: [f64; REACH]| {
        let (sum, difference) = (0.5 * (b + c), 0.5 * (b - c));
        [a + sum, difference, sum + d]
    };
    let along_x: [[f64; 3]; REACH * REACH] =
        std::array::from_fn(|zy| line(std::array::from_fn(|x| points[REACH * zy + x])));
    let along_y: [[[f64; 3]; 3]; REACH] =
        std::array::from_fn(|z| std::array::from_fn(|x| line(std::array::from_fn(|y| along_x[REACH * z + y][x]))));
    let mut taps = [0.0; TAPS];
    for x in 0..3 {
        for y in 0..3 {
            let values = line(std::array::from_fn(|z| along_y[z][x][y]));
            for (z, value) in values.into_iter().enumerate() {
                taps[(z * 3 + y) * 3 + x] = value as f32;
            }
        }
    }
    taps
}
