//! The input transform.

// Loads inside the innermost loop are checked before it.
#![allow(unsafe_code)]

use pulp::Simd;

use super::super::registers::{load, store};
use super::plan::{BEYOND, POINTS, Plan, REACH, Slab, TILE};
use crate::nn::kernel::cpu::work::fill;

/// Part of a volume with a margin, transformed along the last axis. A row of tiles has, for each point, its even
/// rows of voxels and then its odd ones.
pub(super) struct InputTransform {
    /// `[sample, channel, plane, point, parity, row, tile]`.
    pub values: Vec<f32>,
    /// Strides between rows, parities, points, planes, channels and samples.
    pub row: usize,
    pub parity: usize,
    pub point: usize,
    pub plane: usize,
    pub channel: usize,
    pub sample: usize,
}

impl InputTransform {
    /// The slab's input from `[batch, in, d, h, w]`.
    pub(super) fn new(plan: &Plan, x: &[f32], slab: &Slab) -> Self {
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

/// Transforms a block of a channel's tiles along the other two axes; points are `point` apart in `inputs`.
#[inline(always)]
pub(super) fn transform_tiles<S: Simd>(
    simd: S,
    source: &[f32],
    x: &InputTransform,
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
                // SAFETY: the furthest of them was checked above.
                let lines = rows.map(|row| unsafe { load::<S>(source, from + row) });
                transform_line(simd, lines)
            });
            for y in 0..REACH {
                let along_z = transform_line(simd, along_y.map(|line| line[y]));
                for (z, value) in along_z.into_iter().enumerate() {
                    let at = ((z * REACH + y) * REACH + along_x) * point + tile;
                    // SAFETY: the last of them was checked above.
                    unsafe { store::<S>(inputs, at, value) };
                }
            }
        }
    }
}

/// The points of four values of a line.
#[inline(always)]
fn transform_line<S: Simd>(simd: S, [a, b, c, d]: [S::f32s; REACH]) -> [S::f32s; REACH] {
    [
        simd.sub_f32s(a, c),
        simd.add_f32s(b, c),
        simd.sub_f32s(c, b),
        simd.sub_f32s(b, d),
    ]
}
