//! What all kernels share: buffers, launches, sums within a workgroup.

use std::ops::Range;

use burn::backend::TensorMetadata;
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Invocations of a workgroup whose invocations work on their own.
pub(super) const UNITS: usize = 256;

/// Invocations of a workgroup that adds up values: few, since all of them wait for each other.
pub(super) const SUMMING: usize = 64;

/// Sums that one invocation of such a workgroup adds up.
const RUN: usize = 8;

/// Shared memory of such a workgroup: a value of each invocation, then the sums of runs of them.
pub(super) const SUMS: usize = SUMMING + SUMMING / RUN;

/// Workgroups along one axis: WebGPU's limit.
const LONGEST: usize = 65_535;

/// A tensor whose values lie in a row.
pub(super) fn row(tensor: CubeTensor) -> CubeTensor {
    into_contiguous(tensor)
}

/// A tensor of undefined values on the device of another.
pub(super) fn empty(like: &CubeTensor, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    let handle = like.client.empty(shape.num_elements() * size_of::<f32>());
    CubeTensor::new_contiguous(like.client.clone(), like.device.clone(), shape, handle, DType::F32)
}

/// The sizes of a tensor's axes.
pub(super) fn dims<const D: usize>(tensor: &CubeTensor) -> [usize; D] {
    let shape = tensor.shape();
    std::array::from_fn(|axis| shape[axis])
}

/// A kernel's argument: a buffer.
pub(super) fn arg(tensor: &CubeTensor) -> BufferArg {
    tensor.clone().into_buffer_arg()
}

/// At least so many workgroups; those beyond have nothing to do.
pub(super) fn cubes(count: usize) -> CubeCount {
    let width = count.clamp(1, LONGEST);
    CubeCount::Static(width as u32, count.div_ceil(width) as u32, 1)
}

/// Floating-point operations of a launch at most: some 40 ms on a slow adapter (500 GFLOP/s). One that takes seconds
/// may be ended by a watchdog, and freezes the screen. In tests a launch is small, so that they split theirs.
const LARGEST: f64 = if cfg!(test) { 1e6 } else { 2e10 };

/// Workgroups that take so many operations each, in ranges for one launch each.
pub(super) fn launches(count: usize, operations: f64) -> impl Iterator<Item = Range<usize>> {
    let most = ((LARGEST / operations) as usize).max(1);
    (0..count)
        .step_by(most)
        .map(move |first| first..(first + most).min(count))
}

/// Workgroups with at least so many invocations in all.
pub(super) fn units(count: usize) -> (CubeCount, CubeDim) {
    (cubes(count.div_ceil(UNITS)), CubeDim::new_1d(UNITS as u32))
}

/// The sum over a workgroup of [`SUMMING`] invocations, in shared memory of [`SUMS`] values. All of them have to call
/// it. It may follow another: what that one reads last is written only once all have begun with this one.
#[cube]
pub(super) fn sum_of_cube(value: f32, shared: &mut Shared<[f32]>) -> f32 {
    let unit = UNIT_POS as usize;
    shared[unit] = value;
    sync_cube();
    if unit < comptime!(SUMMING / RUN) {
        let mut sum = 0.0f32;
        #[unroll]
        for index in 0..RUN {
            sum += shared[unit * RUN + index];
        }
        shared[unit + SUMMING] = sum;
    }
    sync_cube();
    let mut total = 0.0f32;
    #[unroll]
    for index in 0..comptime!(SUMMING / RUN) {
        total += shared[index + SUMMING];
    }
    total
}

#[cube(launch)]
fn sum_parts_kernel(parts: &[f32], sums: &mut [f32], first: usize, step: usize, count: usize) {
    if ABSOLUTE_POS < sums.len() {
        let mut sum = 0.0f32;
        for part in 0..count {
            sum += parts[first + part * step + ABSOLUTE_POS];
        }
        sums[ABSOLUTE_POS] = sum;
    }
}

/// The sum over `count` parts in the given shape, the first of which begins at `first` and each next one `step` later.
/// It has a buffer of its own: WebGPU binds none from anywhere within another.
pub(super) fn sum_parts(parts: &CubeTensor, [first, step, count]: [usize; 3], shape: impl Into<Shape>) -> CubeTensor {
    let sums = empty(parts, shape);
    let (cubes, dim) = units(sums.shape().num_elements());
    sum_parts_kernel::launch(&parts.client, cubes, dim, arg(parts), arg(&sums), first, step, count);
    sums
}

/// A tensor of its own with the same values, which lie in a row: the sum of one part. burn's copies are compiled anew
/// for small tensors.
pub(super) fn copy(from: &CubeTensor) -> CubeTensor {
    sum_parts(from, [0, 0, 1], from.shape())
}

/// The sum over all of `count` parts that lie one after the other, in the given shape.
pub(super) fn sum_all_parts(parts: CubeTensor, count: usize, shape: impl Into<Shape>) -> CubeTensor {
    let shape = shape.into();
    match count {
        1 => CubeTensor::new_contiguous(parts.client, parts.device, shape, parts.handle, DType::F32),
        _ => sum_parts(&parts, [0, shape.num_elements(), count], shape),
    }
}
