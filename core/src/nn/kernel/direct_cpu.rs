//! The same convolution without gathering, for planes that are long enough to fill vectors.
//!
//! The volume is copied once with zeros around it. In that layout a plane is one run of positions,
//! and what lies under a tap of the kernel is the same run moved by a fixed offset: a few vectors of
//! positions times a few output channels stay in registers while all taps pass by. Positions in the
//! border are computed too and thrown away.

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

use super::conv_cpu::Geometry;
use super::cpu::{map_chunks, sum_shares};

/// Output channels computed together, for 32 and for 16 vector registers.
const WIDE: usize = 8;
const NARROW: usize = 4;

/// Zeros after the last plane, for vectors that reach past its end.
const TAIL: usize = 64;

/// Shortest plane, in positions, for which this way is the faster one.
const SHORTEST: usize = 256;

/// A volume with zeros around it.
struct Padded {
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

    /// Copies `[batch, channels, d, h, w]` with `before` zeros before each axis; every axis grows by
    /// the kernel's reach on both sides.
    fn padded(&self, x: &[f32], channels: usize, before: [usize; 3]) -> Padded {
        let [depth, height, width] = self.size;
        let reach = self.kernel - 1;
        let row = width + reach;
        let plane = row * (height + reach);
        let channel = plane * (depth + reach);
        let mut values = vec![0.0; self.batch * channels * channel + TAIL];
        let start = before[0] * plane + before[1] * row + before[2];
        for (index, source) in x.chunks_exact(width).enumerate() {
            let (y, z, c) = (
                index % height,
                index / height % depth,
                index / (height * depth),
            );
            let target = c * channel + z * plane + y * row + start;
            values[target..target + width].copy_from_slice(source);
        }
        Padded {
            values,
            row,
            plane,
            channel,
            sample: channels * channel,
        }
    }

    /// How far each tap of one input channel moves a position, in the kernel's order.
    fn offsets(&self, padded: &Padded) -> Vec<usize> {
        let k = self.kernel;
        let taps = (0..k * k * k).map(|tap| (tap / (k * k), tap / k % k, tap % k));
        taps.map(|(z, y, x)| z * padded.plane + y * padded.row + x)
            .collect()
    }
}

/// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, k, k, k]`.
pub(super) fn forward(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let [depth, height, width] = g.size;
    let x = g.padded(x, g.input, [g.kernel / 2; 3]);
    let taps = g.offsets(&x);
    let channels = (0..g.input).map(|c| c * x.channel);
    let offsets: Vec<usize> = channels
        .flat_map(|channel| taps.iter().map(move |tap| channel + tap))
        .collect();
    // One chunk for each plane of the output, ordered [sample, depth, out, height, width].
    let mut planes = vec![0.0f32; g.batch * depth * g.output * height * width];
    map_chunks(&mut planes, g.output * height * width, |index, target| {
        let start = index / depth * x.sample + index % depth * x.plane;
        let positions = x.row * height;
        let mut run = vec![0.0f32; WIDE * (positions + TAIL)];
        for first in (0..g.output).step_by(WIDE) {
            let outputs = WIDE.min(g.output - first);
            let weight = &weight[first * g.taps()..][..outputs * g.taps()];
            let source = &x.values[start..];
            Arch::new().dispatch(Plane {
                source,
                offsets: &offsets,
                weight,
                positions,
                run: &mut run,
            });
            for c in 0..outputs {
                for y in 0..height {
                    let from = c * (positions + TAIL) + y * x.row;
                    let to = ((first + c) * height + y) * width;
                    target[to..to + width].copy_from_slice(&run[from..from + width]);
                }
            }
        }
    });
    exchange_planes(g, &planes)
}

/// From [sample, depth, out, height, width] to [sample, out, depth, height, width].
fn exchange_planes(g: &Geometry, planes: &[f32]) -> Vec<f32> {
    let [depth, height, width] = g.size;
    let area = height * width;
    let mut y = vec![0.0f32; planes.len()];
    map_chunks(&mut y, area, |index, target| {
        let (z, c, sample) = (
            index % depth,
            index / depth % g.output,
            index / (depth * g.output),
        );
        let source = ((sample * depth + z) * g.output + c) * area;
        target.copy_from_slice(&planes[source..source + area]);
    });
    y
}

/// One plane of up to [`WIDE`] output channels.
struct Plane<'a> {
    /// The padded volume from this plane's first position on.
    source: &'a [f32],
    /// For every input channel and tap.
    offsets: &'a [usize],
    /// `[out, in · k³]`.
    weight: &'a [f32],
    positions: usize,
    /// `[WIDE, positions + TAIL]`.
    run: &'a mut [f32],
}

impl WithSimd for Plane<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let outputs = self.weight.len() / self.offsets.len();
        let stride = self.positions + TAIL;
        if S::REGISTER_COUNT >= 32 {
            let weight = interleave::<WIDE>(self.weight, outputs, self.offsets.len());
            plane::<S, WIDE>(
                simd,
                self.source,
                self.offsets,
                &weight,
                self.positions,
                stride,
                self.run,
            );
            return;
        }
        for first in (0..outputs).step_by(NARROW) {
            let count = NARROW.min(outputs - first);
            let part = &self.weight[first * self.offsets.len()..];
            let weight = interleave::<NARROW>(part, count, self.offsets.len());
            let run = &mut self.run[first * stride..];
            plane::<S, NARROW>(
                simd,
                self.source,
                self.offsets,
                &weight,
                self.positions,
                stride,
                run,
            );
        }
    }
}

/// `[out, tap]` → `[tap][out]`, zeros for channels that there are not.
fn interleave<const N: usize>(weight: &[f32], outputs: usize, taps: usize) -> Vec<[f32; N]> {
    let at = |tap: usize, c: usize| {
        if c < outputs {
            weight[c * taps + tap]
        } else {
            0.0
        }
    };
    (0..taps)
        .map(|tap| std::array::from_fn(|c| at(tap, c)))
        .collect()
}

/// Vectors of positions kept in registers at a time.
const VECTORS: usize = 2;

#[inline(always)]
fn plane<S: Simd, const N: usize>(
    simd: S,
    source: &[f32],
    offsets: &[usize],
    weight: &[[f32; N]],
    positions: usize,
    stride: usize,
    run: &mut [f32],
) {
    let step = VECTORS * S::F32_LANES;
    for position in (0..positions).step_by(step) {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; N];
        for (&offset, weight) in offsets.iter().zip(weight) {
            let x = &source[position + offset..][..step];
            let (x, _) = S::as_simd_f32s(x);
            let (x0, x1) = (x[0], x[1]);
            for (sums, &weight) in sums.iter_mut().zip(weight) {
                let weight = simd.splat_f32s(weight);
                sums[0] = simd.mul_add_e_f32s(weight, x0, sums[0]);
                sums[1] = simd.mul_add_e_f32s(weight, x1, sums[1]);
            }
        }
        // A copy, so that the sums themselves are never indexed and stay in registers.
        let sums = black_box(sums);
        for (c, sums) in sums.iter().enumerate() {
            let (target, _) = S::as_mut_simd_f32s(&mut run[c * stride + position..][..step]);
            target.copy_from_slice(sums);
        }
    }
}

/// `[out, in · k³]`, from `x` `[batch, in, d, h, w]` and `dy` `[batch, out, d, h, w]`.
pub(super) fn weight_gradient(g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f64> {
    let depth = g.size[0];
    let x = g.padded(x, g.input, [g.kernel / 2; 3]);
    // The border's zeros in `dy` keep border positions out of the sums.
    let dy = g.padded(dy, g.output, [0; 3]);
    let planes = g.batch * depth;
    sum_shares(planes, g.output * g.taps(), |share, sum| {
        for index in share {
            let source = index / depth * x.sample + index % depth * x.plane;
            let target = index / depth * dy.sample + index % depth * dy.plane;
            let (x_plane, dy_plane) = (&x.values[source..], &dy.values[target..]);
            let strides = (x.channel, dy.channel, x.row, x.plane);
            let length = x.row * g.size[1];
            Arch::new().dispatch(Correlate {
                g,
                x: x_plane,
                dy: dy_plane,
                strides,
                length,
                sum: &mut *sum,
            });
        }
    })
}

/// One plane's share of the weight gradient.
struct Correlate<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    dy: &'a [f32],
    /// Channel of `x`, channel of `dy`, row and plane of `x`.
    strides: (usize, usize, usize, usize),
    /// Positions in a plane.
    length: usize,
    sum: &'a mut [f64],
}

impl WithSimd for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let wide = S::REGISTER_COUNT >= 32;
        let step = if wide { WIDE } else { NARROW };
        for first in (0..self.g.output).step_by(step) {
            for input in 0..self.g.input {
                for line in 0..self.g.kernel.pow(2) {
                    if wide {
                        correlate::<S, WIDE>(simd, &mut self, first, input, line);
                    } else {
                        correlate::<S, NARROW>(simd, &mut self, first, input, line);
                    }
                }
            }
        }
    }
}

/// Taps of one line of the kernel.
const LINE: usize = 3;

/// Adds, for `N` output channels from `first` on and one input channel, the products of `dy` with
/// `x` moved by each tap of one line of the kernel.
#[inline(always)]
fn correlate<S: Simd, const N: usize>(
    simd: S,
    c: &mut Correlate<'_>,
    first: usize,
    input: usize,
    line: usize,
) {
    let (x_channel, dy_channel, row, plane) = c.strides;
    let outputs = N.min(c.g.output - first);
    let x = &c.x[input * x_channel + line / LINE * plane + line % LINE * row..];
    // Channels that there are not repeat the last one; their sums are not used.
    let dy: [&[f32]; N] =
        std::array::from_fn(|n| &c.dy[(first + n.min(outputs - 1)) * dy_channel..]);
    let mut sums = [[simd.splat_f32s(0.0); LINE]; N];
    for position in (0..c.length).step_by(S::F32_LANES) {
        let load = |values: &[f32]| S::as_simd_f32s(&values[position..][..S::F32_LANES]).0[0];
        let taps: [S::f32s; LINE] = std::array::from_fn(|tap| load(&x[tap..]));
        for (sums, dy) in sums.iter_mut().zip(&dy) {
            let dy = load(dy);
            for (sum, &x) in sums.iter_mut().zip(&taps) {
                *sum = simd.mul_add_e_f32s(dy, x, *sum);
            }
        }
    }
    // As in `plane`.
    let sums = black_box(sums);
    let taps = c.g.taps();
    for (n, sums) in sums.iter().enumerate().take(outputs) {
        let target = (first + n) * taps + (input * LINE * LINE + line) * LINE;
        for (sum, total) in sums.iter().zip(&mut c.sum[target..target + LINE]) {
            *total += f64::from(simd.reduce_sum_f32s(*sum));
        }
    }
}
