//! The same convolution without gathering, for planes that are long enough to fill vectors.
//!
//! The volume is copied once with zeros around it. In that layout a plane is one run of positions,
//! and what lies under a tap of the kernel is the same run moved by a fixed offset: a few vectors of
//! positions times a few output channels stay in registers while all taps pass by. Positions in the
//! border are computed too and thrown away.

// Loads inside the innermost loops are checked before the loops, and several threads write one output.
#![allow(unsafe_code)]

use std::hint::black_box;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::tiles::Geometry;
use super::work::{Shared, copy_row, fill, for_each, sum_shares};

/// Output channels computed together, for 32 and for 16 vector registers.
const WIDE: usize = 8;
const NARROW: usize = 4;

/// Vectors of positions kept in registers at a time: with their sums, a weight and what is read, no more
/// than there are registers. A sum that has to wait in memory halves the speed.
const WIDE_VECTORS: usize = 3;
const NARROW_VECTORS: usize = 2;

/// Taps of all positions before the next ones: those of 16 channels, whose rows the fastest cache holds.
const TAPS: usize = 16 * LINE * LINE * LINE;

/// Zeros after the last plane, for vectors that reach past its end.
const TAIL: usize = 64;

/// Shortest plane, in positions, for which this way is the faster one.
const SHORTEST: usize = 256;

/// Taps of one line of the kernel, and zeros on each side of a volume.
const LINE: usize = 3;
const HALF: usize = LINE / 2;

/// A volume with a margin of zeros.
pub(super) struct Padded {
    values: Vec<f32>,
    /// Positions from one row, plane, channel and sample to the next.
    row: usize,
    plane: usize,
    channel: usize,
    sample: usize,
}

impl Geometry {
    /// Whether the kernel is one that the direct way knows, and planes are long enough for it.
    pub(super) fn is_direct(&self) -> bool {
        self.kernel == LINE && (self.size[2] + self.kernel - 1) * self.size[1] >= SHORTEST
    }

    /// Copies `[batch, channels, d, h, w]` with half a kernel's zeros around every volume.
    pub(super) fn padded(&self, x: &[f32], channels: usize) -> Padded {
        let [depth, height, width] = self.size;
        let row = width + 2 * HALF;
        let plane = row * (height + 2 * HALF);
        let planes = depth + 2 * HALF;
        let (values, _) = fill(
            self.batch * channels * planes * plane + TAIL,
            plane,
            |index, target| {
                // The tail stands where another volume's margin would begin.
                let inside = (index % planes).checked_sub(HALF).filter(|&z| z < depth);
                let Some(z) = inside else {
                    return target.put_zeros(target.len());
                };
                let source = &x[(index / planes * depth + z) * height * width..][..height * width];
                target.put_zeros(HALF * row);
                for source in source.chunks_exact(width) {
                    target.put_zeros(HALF);
                    target.put_row(source);
                    target.put_zeros(HALF);
                }
                target.put_zeros(HALF * row);
            },
        );
        Padded {
            values,
            row,
            plane,
            channel: planes * plane,
            sample: channels * planes * plane,
        }
    }

    /// How far each tap of each input channel moves a position, in the kernel's order.
    fn offsets(&self, padded: &Padded) -> Offsets {
        let k = self.kernel;
        let taps = (0..k * k * k).map(|tap| (tap / (k * k), tap / k % k, tap % k));
        let taps = taps.map(|(z, y, x)| z * padded.plane + y * padded.row + x);
        let taps: Vec<usize> = taps.collect();
        let channels = (0..self.input).map(|c| c * padded.channel);
        Offsets::new(channels.flat_map(|channel| taps.iter().map(move |tap| channel + tap)))
    }
}

/// Where the values lie that make one output, from its position on.
pub(super) struct Offsets {
    offsets: Vec<usize>,
    furthest: usize,
}

impl Offsets {
    pub(super) fn new(offsets: impl Iterator<Item = usize>) -> Self {
        let offsets: Vec<usize> = offsets.collect();
        Self {
            furthest: offsets.iter().max().copied().unwrap_or(0),
            offsets,
        }
    }
}

/// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, k, k, k]`.
pub(super) fn forward(g: &Geometry, x: &Padded, weight: &[f32]) -> Vec<f32> {
    let [depth, height, width] = g.size;
    let offsets = g.offsets(x);
    let together = together();
    let weight = interleave(weight, g.output, g.taps(), together);
    let positions = x.row * height;
    let stride = positions + TAIL;
    let length = g.batch * g.output * g.voxels();
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let room = || vec![0.0f32; together * stride];
    for_each(g.batch * depth, room, |run, index| {
        let (sample, z) = (index / depth, index % depth);
        for (group, weight) in weight.chunks_exact(g.taps() * together).enumerate() {
            Arch::new().dispatch(Plane {
                source: &x.values[sample * x.sample + z * x.plane..],
                offsets: &offsets,
                weight,
                positions,
                run,
                stride,
            });
            let outputs = (g.output - group * together).min(together);
            for (c, run) in run.chunks_exact(stride).enumerate().take(outputs) {
                let channel = sample * g.output + group * together + c;
                let to = (channel * depth + z) * height * width;
                for (y, row) in run.chunks_exact(x.row).take(height).enumerate() {
                    // SAFETY: this row of this plane of this channel lies inside the output, and nobody
                    // else writes it.
                    unsafe { copy_row(&row[..width], whole.at(to + y * width)) };
                }
            }
        }
    });
    // SAFETY: every row of every plane of every channel of every sample has been written.
    unsafe { y.set_len(length) };
    y
}

/// How many output channels this processor computes together.
fn together() -> usize {
    block().0
}

/// How many output channels and positions this processor keeps in its registers.
pub(super) fn block() -> (usize, usize) {
    struct Block;
    impl WithSimd for Block {
        type Output = (usize, usize);
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> (usize, usize) {
            if is_wide::<S>() {
                (WIDE, WIDE_VECTORS * S::F32_LANES)
            } else {
                (NARROW, NARROW_VECTORS * S::F32_LANES)
            }
        }
    }
    Arch::new().dispatch(Block)
}

/// A browser has the registers of its processor, whatever WebAssembly says: on most, 16.
fn is_wide<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32 && !cfg!(target_arch = "wasm32")
}

/// `[out, tap]` → `[group of channels, tap, channel of the group]`, zeros for channels that there are not.
fn interleave(weight: &[f32], outputs: usize, taps: usize, together: usize) -> Vec<f32> {
    let mut interleaved = vec![0.0; outputs.div_ceil(together) * taps * together];
    for (output, weight) in weight.chunks_exact(taps).enumerate() {
        let group = output / together * taps * together;
        let targets = interleaved[group..].iter_mut().skip(output % together);
        for (target, &weight) in targets.step_by(together).zip(weight) {
            *target = weight;
        }
    }
    interleaved
}

/// One plane of as many output channels as are computed together.
pub(super) struct Plane<'a> {
    /// The padded volume from this plane's first position on.
    pub source: &'a [f32],
    /// For every input channel and tap.
    pub offsets: &'a Offsets,
    /// `[in · k³, channel]`.
    pub weight: &'a [f32],
    pub positions: usize,
    /// `[channel, stride]`.
    pub run: &'a mut [f32],
    /// From one channel's results to the next one's.
    pub stride: usize,
}

impl WithSimd for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if is_wide::<S>() {
            plane::<S, WIDE, WIDE_VECTORS>(simd, self);
        } else {
            plane::<S, NARROW, NARROW_VECTORS>(simd, self);
        }
    }
}

#[inline(always)]
fn plane<S: Simd, const N: usize, const V: usize>(simd: S, p: Plane<'_>) {
    let step = V * S::F32_LANES;
    let reach = p.offsets.furthest + p.positions.next_multiple_of(step);
    assert!(reach <= p.source.len());
    let parts = p
        .offsets
        .offsets
        .chunks(TAPS)
        .zip(p.weight.chunks(TAPS * N));
    for (part, (offsets, weight)) in parts.enumerate() {
        for position in (0..p.positions).step_by(step) {
            let mut sums = [[simd.splat_f32s(0.0); V]; N];
            if part > 0 {
                for (c, sums) in sums.iter_mut().enumerate() {
                    let (before, _) = S::as_simd_f32s(&p.run[c * p.stride + position..][..step]);
                    sums.copy_from_slice(before);
                }
            }
            for (&offset, weight) in offsets.iter().zip(weight.as_chunks::<N>().0) {
                let x: [S::f32s; V] = std::array::from_fn(|v| {
                    // SAFETY: the largest position and the largest offset were looked at above.
                    unsafe { load::<S>(p.source, position + offset + v * S::F32_LANES) }
                });
                for (sums, &weight) in sums.iter_mut().zip(weight) {
                    let weight = simd.splat_f32s(weight);
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = simd.mul_add_e_f32s(weight, x, *sum);
                    }
                }
            }
            // A copy, so that the sums themselves are never indexed and stay in registers.
            let sums = black_box(sums);
            for (c, sums) in sums.iter().enumerate() {
                let (target, _) =
                    S::as_mut_simd_f32s(&mut p.run[c * p.stride + position..][..step]);
                target.copy_from_slice(sums);
            }
        }
    }
}

/// One vector.
///
/// # Safety
/// `at` and the values after it, as many as a vector has, must lie inside the slice.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(values: &[f32], at: usize) -> S::f32s {
    // SAFETY: the caller's promise.
    S::as_simd_f32s(unsafe { values.get_unchecked(at..at + S::F32_LANES) }).0[0]
}

/// Products that a lane of a vector adds up in f32 before its sum goes on in f64.
const PRODUCTS: usize = 1024;

/// `[out, in · k³]`, from `x` `[batch, in, d, h, w]` and the gradient `dy` `[batch, out, d, h, w]`.
pub(super) fn weight_gradient(g: &Geometry, x: &Padded, dy: &Padded) -> Vec<f32> {
    // The zeros between two rows of `dy` keep the margin out of the sums.
    let length = x.row * g.size[1];
    let lanes = length.div_ceil(LANES);
    let planes = (PRODUCTS / lanes).max(1);
    let sums = sum_shares(g.batch * g.size[0], g.output * g.taps(), |share, sum| {
        for first in share.clone().step_by(planes) {
            Arch::new().dispatch(Correlate {
                g,
                x,
                dy,
                planes: first..share.end.min(first + planes),
                length,
                sum: &mut *sum,
            });
        }
    });
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// Lanes of the widest vectors.
const LANES: usize = 16;

/// The share of a few planes in the weight gradient.
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

/// Positions that are gone through for all input channels and taps before the next ones: few enough for the
/// fastest cache to hold them of all output channels that are computed together.
const BLOCK: usize = 512;

/// Sums of the products of `N` output channels with the taps of a line, as vectors.
type Line<S, const N: usize> = [[<S as Simd>::f32s; LINE]; N];

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
                // Channels that there are not keep what stands there; their sums are not used.
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

/// Adds the products of `dy`, a vector of each channel for every position, with `x` moved by each tap of a
/// line.
#[inline(always)]
fn add_line<S: Simd, const N: usize>(
    simd: S,
    x: &[f32],
    dy: &[[S::f32s; N]],
    mut sums: Line<S, N>,
) -> Line<S, N> {
    assert!(dy.len() * S::F32_LANES + LINE <= x.len());
    for (index, dy) in dy.iter().enumerate() {
        // SAFETY: the largest position was looked at above.
        let taps: [S::f32s; LINE] =
            std::array::from_fn(|tap| unsafe { load::<S>(x, index * S::F32_LANES + tap) });
        for (sums, &dy) in sums.iter_mut().zip(dy) {
            for (sum, x) in sums.iter_mut().zip(taps) {
                *sum = simd.mul_add_e_f32s(dy, x, *sum);
            }
        }
    }
    sums
}
