//! The convolution.

// Several threads write one output.
#![allow(unsafe_code)]

use pulp::Arch;

use super::super::geometry::Geometry;
use super::super::registers::{MicroKernel, Offsets, block};
use super::padded::{Padded, TAIL};
use crate::nn::kernel::cpu::work::{Shared, copy_row, for_each};

/// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, k, k, k]`.
pub(in super::super) fn forward(g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
    let [depth, height, width] = g.size;
    let x = Padded::new(g, x, g.input);
    let offsets = offsets(g, &x);
    let (oc_block, _) = block();
    let weight = interleave(weight, g.output, g.taps(), oc_block);
    let positions = x.row * height;
    let stride = positions + TAIL;
    let length = g.batch * g.output * g.voxels();
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let scratch = || vec![0.0f32; oc_block * stride];
    for_each(g.batch * depth, scratch, |scratch, index| {
        let (sample, z) = (index / depth, index % depth);
        for (group, weight) in weight.chunks_exact(g.taps() * oc_block).enumerate() {
            Arch::new().dispatch(MicroKernel {
                source: &x.values[sample * x.sample + z * x.plane..],
                offsets: &offsets,
                weight,
                positions,
                sums: scratch,
                stride,
            });
            let outputs = (g.output - group * oc_block).min(oc_block);
            for (c, plane) in scratch.chunks_exact(stride).enumerate().take(outputs) {
                let channel = sample * g.output + group * oc_block + c;
                let to = (channel * depth + z) * height * width;
                for (y, row) in plane.chunks_exact(x.row).take(height).enumerate() {
                    // SAFETY: this row of this plane of this channel lies inside the output, and no other thread writes
                    // it.
                    unsafe { copy_row(&row[..width], whole.at(to + y * width)) };
                }
            }
        }
    });
    // SAFETY: every row of every plane of every channel of every sample has been written.
    unsafe { y.set_len(length) };
    y
}

/// The offset of each tap of each input channel, in the kernel's order.
fn offsets(g: &Geometry, padded: &Padded) -> Offsets {
    let k = g.kernel;
    let taps = (0..k * k * k).map(|tap| (tap / (k * k), tap / k % k, tap % k));
    let taps = taps.map(|(z, y, x)| z * padded.plane + y * padded.row + x);
    let taps: Vec<usize> = taps.collect();
    let channels = (0..g.input).map(|c| c * padded.channel);
    Offsets::new(channels.flat_map(|channel| taps.iter().map(move |tap| channel + tap)))
}

/// `[out, tap]` → `[group of channels, tap, channel of the group]`, zeros for padding channels.
fn interleave(weight: &[f32], outputs: usize, taps: usize, oc_block: usize) -> Vec<f32> {
    let mut interleaved = vec![0.0; outputs.div_ceil(oc_block) * taps * oc_block];
    for (output, weight) in weight.chunks_exact(taps).enumerate() {
        let group = output / oc_block * taps * oc_block;
        let targets = interleaved[group..].iter_mut().skip(output % oc_block);
        for (target, &weight) in targets.step_by(oc_block).zip(weight) {
            *target = weight;
        }
    }
    interleaved
}
