//! The convolution.

// Loads inside the innermost loops are checked before the loops, and several threads write one output.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;

use pulp::{Arch, Simd, WithSimd};

use super::super::registers::{MicroKernel, Offsets, load, store};
use super::input::{InputTransform, transform_tiles};
use super::plan::{POINTS, Plan, REACH, TAPS, TILE};
use crate::nn::kernel::cpu::work::{Shared, fill, for_each};

/// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, 3, 3, 3]`.
pub(in super::super) fn forward(plan: &Plan, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let g = &plan.g;
    let weight = transform_weight(plan, weight);
    let offsets = Offsets::new((0..g.input).map(|channel| channel * plan.block));
    let blocks = plan.blocks();
    let length = g.batch * g.output * g.voxels();
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let scratch = || Scratch::new(plan);
    for slab in plan.slabs() {
        let x = InputTransform::new(plan, x, &slab);
        for_each(slab.count() * blocks, scratch, |scratch, index| {
            let (plane, first) = (index / blocks, index % blocks * plan.block);
            let (sample, z) = (plane / slab.planes.len(), plane % slab.planes.len());
            Arch::new().dispatch(Block {
                plan,
                source: &x.values[sample * x.sample + TILE * z * x.plane + first..],
                x: &x,
                weight: &weight,
                offsets: &offsets,
                scratch: &mut *scratch,
            });
            let place = Place {
                sample: slab.samples.start + sample,
                z: slab.planes.start + z,
                first,
            };
            // SAFETY: `y` has that shape, and blocks have different tiles.
            unsafe { put(plan, &scratch.outputs, place, whole) };
        });
    }
    // SAFETY: the tiles of all blocks have all voxels of all channels of all samples.
    unsafe { y.set_len(length) };
    y
}

/// `[group of output channels, point, in, channel of the group]` of `[out, in, 3, 3, 3]`.
fn transform_weight(plan: &Plan, weight: &[f32]) -> Vec<f32> {
    let (input, oc_block) = (plan.g.input, plan.oc_block);
    let point = input * oc_block;
    let length = plan.groups() * POINTS * point;
    let kernels = weight.as_chunks::<TAPS>().0.chunks_exact(input);
    let channels: Vec<_> = kernels.collect();
    let (points, _) = fill(length, POINTS * point, |group, target| {
        // Padding channels are zero.
        let mut points = vec![0.0; POINTS * point];
        let channels = channels.chunks(oc_block).nth(group).unwrap_or_default();
        for (channel, kernels) in channels.iter().enumerate() {
            for (input, kernel) in kernels.iter().enumerate() {
                for (index, value) in transform_kernel(kernel).into_iter().enumerate() {
                    points[index * point + input * oc_block + channel] = value;
                }
            }
        }
        target.put(&points);
    });
    points
}

/// The 64 points of a kernel of 27 taps.
fn transform_kernel(kernel: &[f32; TAPS]) -> [f32; POINTS] {
    let line = |[a, b, c]: [f32; 3]| {
        let (outer, inner) = (0.5 * (a + c), 0.5 * b);
        [a, outer + inner, outer - inner, c]
    };
    let along_x: [[f32; REACH]; 9] = std::array::from_fn(|zy| line(std::array::from_fn(|x| kernel[3 * zy + x])));
    let along_y: [[[f32; REACH]; REACH]; 3] =
        std::array::from_fn(|z| std::array::from_fn(|x| line(std::array::from_fn(|y| along_x[3 * z + y][x]))));
    let mut points = [0.0; POINTS];
    for x in 0..REACH {
        for y in 0..REACH {
            let values = line(std::array::from_fn(|z| along_y[z][x][y]));
            for (z, value) in values.into_iter().enumerate() {
                points[(z * REACH + y) * REACH + x] = value;
            }
        }
    }
    points
}

/// The tiles of a block.
#[derive(Clone, Copy)]
struct Place {
    sample: usize,
    /// The plane of tiles.
    z: usize,
    first: usize,
}

/// A thread's intermediate results.
struct Scratch {
    /// `[point, in, tile]`.
    inputs: Vec<f32>,
    /// `[point, out, tile]`, whole groups of output channels.
    products: Vec<f32>,
    /// `[out, z, y, x, tile]`.
    outputs: Vec<f32>,
}

impl Scratch {
    fn new(plan: &Plan) -> Self {
        let outputs = plan.groups() * plan.oc_block;
        Self {
            inputs: vec![0.0; POINTS * plan.g.input * plan.block],
            products: vec![0.0; POINTS * outputs * plan.block],
            outputs: vec![0.0; TILE.pow(3) * plan.g.output * plan.block],
        }
    }
}

/// Some tiles of a plane of tiles.
struct Block<'a> {
    plan: &'a Plan,
    /// The inputs of the first channel, starting at the first tile.
    source: &'a [f32],
    x: &'a InputTransform,
    /// `[group of output channels, point, in, channel of the group]`.
    weight: &'a [f32],
    /// Offsets of the input channels within a point's inputs.
    offsets: &'a Offsets,
    scratch: &'a mut Scratch,
}

impl WithSimd for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Plan { g, block, oc_block, .. } = *self.plan;
        for channel in 0..g.input {
            let source = &self.source[channel * self.x.channel..];
            let inputs = &mut self.scratch.inputs[channel * block..];
            transform_tiles(simd, source, self.x, inputs, [g.input * block, block]);
        }
        let groups = self.plan.groups();
        let products = self.scratch.products.chunks_exact_mut(oc_block * block);
        for (index, sums) in products.enumerate() {
            let (point, group) = (index / groups, index % groups);
            let weight = (group * POINTS + point) * g.input * oc_block;
            let kernel = MicroKernel {
                source: &self.scratch.inputs[point * g.input * block..],
                offsets: self.offsets,
                weight: &self.weight[weight..][..g.input * oc_block],
                positions: block,
                sums,
                stride: block,
            };
            kernel.with_simd(simd);
        }
        for channel in 0..g.output {
            let products = &self.scratch.products[channel * block..];
            let outputs = &mut self.scratch.outputs[channel * TILE.pow(3) * block..];
            inverse_transform_tiles(simd, products, outputs, [groups * oc_block * block, block]);
        }
    }
}

/// A channel's outputs `[z, y, x, tile]` from its products, whose points are `point` apart.
#[inline(always)]
fn inverse_transform_tiles<S: Simd>(simd: S, products: &[f32], outputs: &mut [f32], [point, block]: [usize; 2]) {
    assert!((POINTS - 1) * point + block <= products.len() && block.is_multiple_of(S::F32_LANES));
    assert!(TILE.pow(3) * block <= outputs.len());
    for tile in (0..block).step_by(S::F32_LANES) {
        let along_z: [[[S::f32s; TILE]; REACH]; REACH] = std::array::from_fn(|x| {
            std::array::from_fn(|y| {
                let line = std::array::from_fn(|z| {
                    let at = ((z * REACH + y) * REACH + x) * point + tile;
                    // SAFETY: the last of them was checked above.
                    unsafe { load::<S>(products, at) }
                });
                inverse_transform_line(simd, line)
            })
        });
        // Iterators and `map` over nested arrays would not be inlined, and then not compiled for these vectors.
        #[expect(clippy::needless_range_loop, reason = "see above")]
        for z in 0..TILE {
            let along_y: [[S::f32s; TILE]; REACH] =
                std::array::from_fn(|x| inverse_transform_line(simd, std::array::from_fn(|y| along_z[x][y][z])));
            for y in 0..TILE {
                let along_x = inverse_transform_line(simd, along_y.map(|line| line[y]));
                for (x, value) in along_x.into_iter().enumerate() {
                    let at = ((z * TILE + y) * TILE + x) * block + tile;
                    // SAFETY: the last of them was checked above.
                    unsafe { store::<S>(outputs, at, value) };
                }
            }
        }
    }
}

/// The two values of a line from its four points.
#[inline(always)]
fn inverse_transform_line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; REACH]) -> [S::f32s; TILE] {
    [
        simd.add_f32s(a, simd.add_f32s(b, c)),
        simd.sub_f32s(simd.sub_f32s(b, c), d),
    ]
}

/// Writes the outputs of a block of tiles that lie in the volume.
///
/// # Safety
/// `whole` must be `[batch, out, d, h, w]`, and no other thread may access these tiles' voxels.
unsafe fn put(plan: &Plan, outputs: &[f32], place: Place, whole: Shared) {
    let [depth, height, width] = plan.g.size;
    let [_, down, across] = plan.grid;
    let tiles = plan.block.min(down * across - place.first);
    for (part, pair) in outputs.chunks_exact(TILE * plan.block).enumerate() {
        let (channel, z, y) = (part / (TILE * TILE), part / TILE % TILE, part % TILE);
        let z = TILE * place.z + z;
        let plane = ((place.sample * plan.g.output + channel) * depth + z) * height;
        let (even, odd) = pair.split_at(plan.block);
        let mut tile = 0;
        while tile < tiles && z < depth {
            let (row, column) = ((place.first + tile) / across, (place.first + tile) % across);
            let count = (across - column).min(tiles - tile);
            let y = TILE * row + y;
            if y < height {
                let voxels = (TILE * count).min(width - TILE * column);
                // SAFETY: these voxels lie in a row of the volume, which is the caller's promise.
                let target = unsafe {
                    let start = whole.at((plane + y) * width + TILE * column);
                    std::slice::from_raw_parts_mut(start.cast::<MaybeUninit<f32>>(), voxels)
                };
                interleave_into(target, &even[tile..tile + count], &odd[tile..tile + count]);
            }
            tile += count;
        }
    }
}

/// Interleaves two rows; the last value of `odd` may not fit.
#[inline(always)]
fn interleave_into(target: &mut [MaybeUninit<f32>], even: &[f32], odd: &[f32]) {
    let (pairs, rest) = target.as_chunks_mut::<TILE>();
    for ((pair, &even), &odd) in pairs.iter_mut().zip(even).zip(odd) {
        pair[0].write(even);
        pair[1].write(odd);
    }
    if let ([last], [.., even]) = (rest, even) {
        last.write(*even);
    }
}
