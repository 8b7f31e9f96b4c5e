//! The gradient of the weights: each tap's is the product of the gradient's planes with the shifted input's.

// Loads inside the innermost loops are checked before the loops.
#![allow(unsafe_code)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::super::geometry::Geometry;
use super::super::registers::{NARROW, WIDE, is_wide, load};
use super::padded::{HALF, LINE, Padded};
use crate::nn::kernel::cpu::work::sum_shares;

/// Products that a vector lane accumulates in f32 before its sum is added in f64.
const PRODUCTS: usize = 1024;

/// Lanes of the widest vectors.
const LANES: usize = 16;

/// Positions processed for all input channels and taps before the next ones: few enough to fit the L1 cache for all
/// output channels that are computed together.
const BLOCK: usize = 512;

/// Sums of the products of `N` output channels with the taps of a line, as vectors.
type Line<S, const N: usize> = [[<S as Simd>::f32s; LINE]; N];

/// `[out, in · k³]`, from `x` `[batch, in, d, h, w]` and the gradient `dy` `[batch, out, d, h, w]`.
pub(in super::super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let (x, dy) = (Padded::new(g, x, g.input), Padded::new(g, dy, g.output));
    // The zeros between two rows of `dy` keep the margin out of the sums.
    let length = x.row * g.size[1];
    let lanes = length.div_ceil(LANES);
    let planes = (PRODUCTS / lanes).max(1);
    let sums = sum_shares(g.batch * g.size[0], g.output * g.taps(), |share, sum| {
        for first in share.clone().step_by(planes) {
            Arch::new().dispatch(Correlate {
                g,
                x: &x,
                dy: &dy,
                planes: first..share.end.min(first + planes),
                length,
                sum: &mut *sum,
            });
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The contribution of a few planes to the weight gradient.
struct Correlate<'a> {
    g: &'a Geometry,
    x: &'a Padded,
    dy: &'a Padded,
    /// Planes, counted over samples and depth.
    planes: Range<usize>,
    /// Positions of a plane.
    length: usize,
    /// `[out, in · k³]`.
    sum: &'a mut [f64],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if is_wide::<S>() {
            correlate::<S, WIDE>(simd, self);
        } else {
            correlate::<S, NARROW>(simd, self);
        }
    }
}

#[inline(always)]
fn correlate<S: Simd, const N: usize>(simd: S, c: Correlate<'_>) {
    let (depth, lines) = (c.g.size[0], c.g.input * LINE * LINE);
    // From a padded volume's first position to its first voxel.
    let inside = HALF * (c.dy.plane + c.dy.row + 1);
    let mut sums: Vec<Line<S, N>> = Vec::new();
    let mut dy_block = [0.0; WIDE * BLOCK];
    for first in (0..c.g.output).step_by(N) {
        let outputs = N.min(c.g.output - first);
        sums.clear();
        sums.resize(lines, [[simd.splat_f32s(0.0); LINE]; N]);
        for index in c.planes.clone() {
            let (sample, z) = (index / depth, index % depth);
            let x = &c.x.values[sample * c.x.sample + z * c.x.plane..];
            let dy = &c.dy.values[sample * c.dy.sample + z * c.dy.plane + inside..];
            for start in (0..c.length).step_by(BLOCK) {
                let vectors = (c.length - start).min(BLOCK).div_ceil(S::F32_LANES);
                let (block, _) = S::as_mut_simd_f32s(&mut dy_block);
                let block = &mut block[..vectors * N];
                // Padding channels keep their old values; their sums are not used.
                for n in 0..outputs {
                    let (dy, _) = S::as_simd_f32s(&dy[(first + n) * c.dy.channel + start..]);
                    let targets = block.iter_mut().skip(n).step_by(N);
                    targets.zip(dy).for_each(|(target, &dy)| *target = dy);
                }
                let dy = block.as_chunks::<N>().0;
                for (line, sums) in sums.iter_mut().enumerate() {
                    let (input, line) = (line / (LINE * LINE), line % (LINE * LINE));
                    let (z, y) = (line / LINE, line % LINE);
                    let from = input * c.x.channel + z * c.x.plane + y * c.x.row + start;
                    *sums = add_line::<S, N>(simd, &x[from..], dy, *sums);
                }
            }
        }
        for (line, sums) in sums.iter().enumerate() {
            for (n, sums) in sums.iter().enumerate().take(outputs) {
                let target = ((first + n) * lines + line) * LINE;
                for (sum, total) in sums.iter().zip(&mut c.sum[target..target + LINE]) {
                    *total += f64::from(simd.reduce_sum_f32s(*sum));
                }
            }
        }
    }
}

/// Adds the products of `dy`, a vector of each channel for every position, with `x` shifted by each tap of a line.
#[inline(always)]
fn add_line<S: Simd, const N: usize>(simd: S, x: &[f32], dy: &[[S::f32s; N]], mut sums: Line<S, N>) -> Line<S, N> {
    assert!(dy.len() * S::F32_LANES + LINE <= x.len());
    for (index, dy) in dy.iter().enumerate() {
        // SAFETY: the largest position was checked above.
        let taps: [S::f32s; LINE] = std::array::from_fn(|tap| unsafe { load::<S>(x, index * S::F32_LANES + tap) });
        for (sums, &dy) in sums.iter_mut().zip(dy) {
            for (sum, x) in sums.iter_mut().zip(taps) {
                *sum = simd.mul_add_e_f32s(dy, x, *sum);
            }
        }
    }
    sums
}
