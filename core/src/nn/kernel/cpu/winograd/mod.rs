//! The 3×3×3 convolution with fewer products: Winograd's F(2×2×2, 3×3×3), see Lavin and Gray,
//! "Fast Algorithms for Convolutional Neural Networks" (arXiv 1509.09308), along three axes.
//!
//! A tile of 2×2×2 outputs sees 4×4×4 inputs. Both are spread over 64 points, by sums and differences along
//! each axis; there a convolution is one product per input channel instead of 27 for each of eight outputs.
//! Tiles of a plane are one run of positions, so that vectors go over tiles.
//!
//! `forward` has the convolution, `gradient` the gradient of the weights.

// Loads inside the innermost loops are checked before the loops.
#![allow(unsafe_code)]

mod forward;
mod gradient;

use std::ops::Range;

use pulp::Simd;

use super::direct::{block, load};
use super::tiles::Geometry;
use super::work::fill;

pub(super) use forward::forward;
pub(super) use gradient::weight_gradient;

/// Outputs of a tile along an axis, and the inputs and points that they take.
const TILE: usize = 2;
const REACH: usize = 4;

/// Taps of a kernel and points of a tile.
const TAPS: usize = 27;
const POINTS: usize = REACH * REACH * REACH;

/// Most tiles that go through all steps together.
const TOGETHER: usize = 48;

/// Values after the last one, for vectors that reach beyond the last tile: what they make of them is thrown away.
const BEYOND: usize = 192;

/// Fewest channels for which the sums before and after cost less than the products they save.
const CHANNELS: usize = 8;

/// Least part of the tiles in blocks that lies in the volume.
const FILLED: f64 = 0.6;

/// Planes of tiles that are spread at a time: a whole volume spread takes twice its memory and more.
const PLANES: usize = 8;

/// How a convolution is cut into blocks of tiles.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    g: Geometry,
    /// Tiles along each axis.
    grid: [usize; 3],
    /// Tiles of a block: whole groups of vectors.
    block: usize,
    /// Output channels computed together.
    together: usize,
}

impl Plan {
    /// `None` where fewer products are not worth the sums they take.
    pub(super) fn new(g: &Geometry) -> Option<Self> {
        let grid = g.size.map(|side| side.div_ceil(TILE));
        let tiles = grid[1] * grid[2];
        let (together, step) = block();
        let block = tiles.min(TOGETHER).next_multiple_of(step);
        let filled = tiles as f64 / tiles.next_multiple_of(block) as f64;
        let worth = g.kernel == 3 && g.input.min(g.output) >= CHANNELS && filled >= FILLED;
        worth.then_some(Self {
            g: *g,
            grid,
            block,
            together,
        })
    }

    /// Blocks of a plane of tiles.
    fn blocks(&self) -> usize {
        (self.grid[1] * self.grid[2]).div_ceil(self.block)
    }

    /// Groups of output channels.
    fn groups(&self) -> usize {
        self.g.output.div_ceil(self.together)
    }

    /// Everything at once where that is little, so that all threads have work; otherwise a part of a sample at
    /// a time.
    fn slabs(&self) -> Vec<Slab> {
        let (depth, batch) = (self.grid[0], self.g.batch);
        let parts = depth.div_ceil(PLANES).max(1);
        let planes = depth.div_ceil(parts);
        let samples = if parts == 1 { batch } else { 1 };
        let cut = |part: usize| part * planes..depth.min((part + 1) * planes);
        let slabs = (0..batch).step_by(samples.max(1)).flat_map(|first| {
            (0..parts).map(move |part| Slab {
                samples: first..first + samples,
                planes: cut(part),
            })
        });
        slabs.collect()
    }
}

/// Part of a batch.
struct Slab {
    samples: Range<usize>,
    /// Planes of tiles.
    planes: Range<usize>,
}

impl Slab {
    /// Planes of tiles in all samples.
    fn count(&self) -> usize {
        self.samples.len() * self.planes.len()
    }
}

/// Part of a volume with a margin, spread over the points of the last axis. A row of tiles has, for each point,
/// a run of its even rows and one of its odd rows.
struct Spread {
    /// `[sample, channel, plane, point, parity, row, tile]`.
    values: Vec<f32>,
    /// From one row, parity, point, plane, channel and sample to the next.
    row: usize,
    parity: usize,
    point: usize,
    plane: usize,
    channel: usize,
    sample: usize,
}

impl Spread {
    /// What a slab sees of `[batch, in, d, h, w]`.
    fn new(plan: &Plan, x: &[f32], slab: &Slab) -> Self {
        let channels = plan.g.input;
        let [depth, height, width] = plan.g.size;
        let [_, tiles_h, tiles_w] = plan.grid;
        let x = &x[slab.samples.start * channels * plan.g.voxels()..];
        let planes = TILE * slab.planes.len() + TILE;
        let parity = (tiles_h + 1) * tiles_w;
        let plane = REACH * TILE * parity;
        let count = slab.samples.len() * channels * planes;
        let (values, _) = fill(count * plane + BEYOND, plane, |index, target| {
            let z = (TILE * slab.planes.start + index % planes).checked_sub(1);
            let Some(z) = z.filter(|&z| z < depth && index < count) else {
                return target.put_zeros(target.len());
            };
            let source = &x[(index / planes * depth + z) * height * width..][..height * width];
            let mut row = vec![0.0; TILE * tiles_w + TILE];
            let mut points = vec![0.0; plane];
            for (y, source) in source.chunks_exact(width).enumerate() {
                row[1..=width].copy_from_slice(source);
                let padded = y + 1;
                let from = padded % TILE * parity + padded / TILE * tiles_w;
                for tile in 0..tiles_w {
                    let d: [f32; REACH] = std::array::from_fn(|i| row[TILE * tile + i]);
                    let values = [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]];
                    for (point, value) in values.into_iter().enumerate() {
                        points[point * TILE * parity + from + tile] = value;
                    }
                }
            }
            target.put(&points);
        });
        Self {
            values,
            row: tiles_w,
            parity,
            point: TILE * parity,
            plane,
            channel: planes * plane,
            sample: channels * planes * plane,
        }
    }
}

/// Spreads a block of a channel's tiles along the other two axes; points are `point` apart in `inputs`.
#[inline(always)]
fn spread_tiles<S: Simd>(
    simd: S,
    source: &[f32],
    x: &Spread,
    inputs: &mut [f32],
    [point, block]: [usize; 2],
) {
    let row = x.row;
    let rows = [0, x.parity, row, x.parity + row];
    let furthest = (REACH - 1) * (x.plane + x.point) + rows[REACH - 1];
    assert!(furthest + block <= source.len() && block.is_multiple_of(S::F32_LANES));
    assert!((POINTS - 1) * point + block <= inputs.len());
    for along_x in 0..REACH {
        for tile in (0..block).step_by(S::F32_LANES) {
            let along_y: [[S::f32s; REACH]; REACH] = std::array::from_fn(|z| {
                let from = z * x.plane + along_x * x.point + tile;
                // SAFETY: the furthest of them was looked at above.
                let lines = rows.map(|row| unsafe { load::<S>(source, from + row) });
                spread_line(simd, lines)
            });
            for y in 0..REACH {
                let along_z = spread_line(simd, along_y.map(|line| line[y]));
                for (z, value) in along_z.into_iter().enumerate() {
                    let at = ((z * REACH + y) * REACH + along_x) * point + tile;
                    // SAFETY: the last of them was looked at above.
                    unsafe { store::<S>(inputs, at, value) };
                }
            }
        }
    }
}

/// The points of four values of a line.
#[inline(always)]
fn spread_line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; REACH]) -> [S::f32s; REACH] {
    [
        simd.sub_f32s(a, c),
        simd.add_f32s(b, c),
        simd.sub_f32s(c, b),
        simd.sub_f32s(b, d),
    ]
}

/// Writes one vector.
///
/// # Safety
/// `at` and the values after it, as many as a vector has, must lie inside the slice.
#[inline(always)]
unsafe fn store<S: Simd>(values: &mut [f32], at: usize, value: S::f32s) {
    // SAFETY: the caller's promise.
    let place = unsafe { values.get_unchecked_mut(at..at + S::F32_LANES) };
    S::as_mut_simd_f32s(place).0[0] = value;
}
