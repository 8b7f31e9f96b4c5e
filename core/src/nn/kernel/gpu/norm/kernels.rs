//! The kernels of instance and group norm: a workgroup takes a chunk of a channel of a sample.

use cubecl::prelude::*;

use crate::nn::kernel::gpu::launch::{SUMMING, SUMS, sum_of_cube};
use crate::nn::kernel::numbers::EPSILON;

/// Voxels of a chunk.
pub(super) const CHUNK: usize = 4096;

/// Sizes of a normalized volume.
#[derive(CubeType, CubeLaunch, Clone, Copy)]
pub(super) struct Shape {
    voxels: usize,
    /// Chunks of a channel.
    chunks: usize,
    channels: usize,
    /// Channels that are normalized together.
    together: usize,
}

/// Where a workgroup's chunk begins and ends.
#[cube]
fn chunk(shape: &Shape) -> (usize, usize) {
    let channel = CUBE_POS / shape.chunks;
    let start = channel * shape.voxels + CUBE_POS % shape.chunks * CHUNK;
    let end = (channel + 1) * shape.voxels;
    (start, select(start + CHUNK < end, start + CHUNK, end))
}

/// Voxels of a chunk by its place in its channel.
#[cube]
fn count_of(place: usize, shape: &Shape) -> usize {
    select(
        place + 1 < shape.chunks,
        CHUNK,
        shape.voxels - (shape.chunks - 1) * CHUNK,
    )
}

/// Mean and sum of squared deviations of each chunk, `[channel of a sample, chunk, 2]`.
#[cube(launch)]
pub(super) fn moments_kernel(x: &[f32], parts: &mut [f32], shape: Shape) {
    if CUBE_POS * 2 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let (start, end) = chunk(&shape);
        let mut sum = 0.0f32;
        let mut index = start + UNIT_POS as usize;
        while index < end {
            sum += x[index];
            index += SUMMING;
        }
        let mean = sum_of_cube(sum, &mut shared) / f32::cast_from(end - start);
        let mut squares = 0.0f32;
        index = start + UNIT_POS as usize;
        while index < end {
            let deviation = x[index] - mean;
            squares += deviation * deviation;
            index += SUMMING;
        }
        let squares = sum_of_cube(squares, &mut shared);
        if UNIT_POS == 0 {
            parts[2 * CUBE_POS] = mean;
            parts[2 * CUBE_POS + 1] = squares;
        }
    }
}

/// The result; and mean and reciprocal deviation of each group, `[group of a sample, 2]`.
#[cube(launch)]
pub(super) fn normalize_kernel(
    x: &[f32],
    parts: &[f32],
    gain: &[f32],
    bias: &[f32],
    y: &mut [f32],
    moments: &mut [f32],
    shape: Shape,
    slope: f32,
    #[comptime] affine: bool,
) {
    if CUBE_POS * 2 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let group = CUBE_POS / shape.chunks / shape.together;
        let first = group * shape.together * shape.chunks;
        let parts_of_group = shape.together * shape.chunks;
        let size = f32::cast_from(shape.voxels * shape.together);

        // The group's mean is the mean of those of its parts; its squares are theirs and those of their means.
        let mut sum = 0.0f32;
        let mut part = UNIT_POS as usize;
        while part < parts_of_group {
            sum += parts[2 * (first + part)] * f32::cast_from(count_of(part % shape.chunks, &shape));
            part += SUMMING;
        }
        let mean = sum_of_cube(sum, &mut shared) / size;
        let mut squares = 0.0f32;
        part = UNIT_POS as usize;
        while part < parts_of_group {
            let deviation = parts[2 * (first + part)] - mean;
            let count = f32::cast_from(count_of(part % shape.chunks, &shape));
            squares += parts[2 * (first + part) + 1] + count * deviation * deviation;
            part += SUMMING;
        }
        let variance = sum_of_cube(squares, &mut shared) / size;
        let scale = 1.0 / (variance + EPSILON as f32).sqrt();
        if UNIT_POS == 0 && CUBE_POS == first {
            moments[2 * group] = mean;
            moments[2 * group + 1] = scale;
        }

        let channel = CUBE_POS / shape.chunks % shape.channels;
        let (start, end) = chunk(&shape);
        let mut index = start + UNIT_POS as usize;
        while index < end {
            let mut value = (x[index] - mean) * scale;
            if affine {
                value = value * gain[channel] + bias[channel];
            }
            y[index] = select(value > 0.0, value, value * slope);
            index += SUMMING;
        }
    }
}

/// A normalized value, and the factor of its gradient: from the value before the norm, or from the result.
#[cube]
fn before(value: f32, mean: f32, scale: f32, gain: f32, bias: f32, slope: f32, #[comptime] affine: bool) -> (f32, f32) {
    if affine {
        let normal = (value - mean) * scale;
        (normal, select(normal * gain + bias > 0.0, 1.0, slope))
    } else {
        (
            select(value > 0.0, value, value / slope),
            select(value > 0.0, 1.0, slope),
        )
    }
}

/// Of each chunk the sums of the gradient after gain and bias, and of it times the normalized value,
/// `[channel of a sample, chunk, 2]`. `x` is the input if there are gain and bias, else the result.
#[cube(launch)]
pub(super) fn gradient_sums_kernel(
    x: &[f32],
    dy: &[f32],
    moments: &[f32],
    gain: &[f32],
    bias: &[f32],
    parts: &mut [f32],
    shape: Shape,
    slope: f32,
    #[comptime] affine: bool,
) {
    if CUBE_POS * 2 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let group = CUBE_POS / shape.chunks / shape.together;
        let channel = CUBE_POS / shape.chunks % shape.channels;
        let (mean, scale) = (moments[2 * group], moments[2 * group + 1]);
        let mut gain_of_channel = 1.0f32;
        let mut bias_of_channel = 0.0f32;
        if affine {
            gain_of_channel = gain[channel];
            bias_of_channel = bias[channel];
        }
        let mut sum = 0.0f32;
        let mut slant = 0.0f32;
        let (start, end) = chunk(&shape);
        let mut index = start + UNIT_POS as usize;
        while index < end {
            let (normal, factor) = before(x[index], mean, scale, gain_of_channel, bias_of_channel, slope, affine);
            let gradient = dy[index] * factor;
            sum += gradient;
            slant += gradient * normal;
            index += SUMMING;
        }
        let sum = sum_of_cube(sum, &mut shared);
        let slant = sum_of_cube(slant, &mut shared);
        if UNIT_POS == 0 {
            parts[2 * CUBE_POS] = sum;
            parts[2 * CUBE_POS + 1] = slant;
        }
    }
}

/// The gradient of the input.
#[cube(launch)]
pub(super) fn gradient_kernel(
    x: &[f32],
    dy: &[f32],
    moments: &[f32],
    gain: &[f32],
    bias: &[f32],
    parts: &[f32],
    dx: &mut [f32],
    shape: Shape,
    slope: f32,
    #[comptime] affine: bool,
) {
    if CUBE_POS * 2 < parts.len() {
        let mut shared = Shared::<[f32]>::new_slice(SUMS);
        let group = CUBE_POS / shape.chunks / shape.together;
        let first = group * shape.together * shape.chunks;
        let channel = CUBE_POS / shape.chunks % shape.channels;
        let (mean, scale) = (moments[2 * group], moments[2 * group + 1]);
        let size = f32::cast_from(shape.voxels * shape.together);
        let mut sum = 0.0f32;
        let mut slant = 0.0f32;
        let mut part = UNIT_POS as usize;
        while part < shape.together * shape.chunks {
            let mut weight = 1.0f32;
            if affine {
                weight = gain[(first + part) / shape.chunks % shape.channels];
            }
            sum += parts[2 * (first + part)] * weight;
            slant += parts[2 * (first + part) + 1] * weight;
            part += SUMMING;
        }
        let sum = sum_of_cube(sum, &mut shared) / size;
        let slant = sum_of_cube(slant, &mut shared) / size;
        let mut gain_of_channel = 1.0f32;
        let mut bias_of_channel = 0.0f32;
        if affine {
            gain_of_channel = gain[channel];
            bias_of_channel = bias[channel];
        }
        let (start, end) = chunk(&shape);
        let mut index = start + UNIT_POS as usize;
        while index < end {
            let (normal, factor) = before(x[index], mean, scale, gain_of_channel, bias_of_channel, slope, affine);
            dx[index] = scale * (dy[index] * factor * gain_of_channel - sum - normal * slant);
            index += SUMMING;
        }
    }
}

/// The gradients of gain and bias, from the sums of the chunks.
#[cube(launch)]
pub(super) fn affine_kernel(parts: &[f32], dgain: &mut [f32], dbias: &mut [f32], chunks: usize, batch: usize) {
    if ABSOLUTE_POS < dgain.len() {
        let mut sum = 0.0f32;
        let mut slant = 0.0f32;
        for sample in 0..batch {
            for part in 0..chunks {
                let place = (sample * dgain.len() + ABSOLUTE_POS) * chunks + part;
                sum += parts[2 * place];
                slant += parts[2 * place + 1];
            }
        }
        dgain[ABSOLUTE_POS] = slant;
        dbias[ABSOLUTE_POS] = sum;
    }
}
