//! The innermost loop of a convolution: a block of sums that stays in vector registers.

// Loads inside the innermost loop are checked before it.
#![allow(unsafe_code)]

use std::hint::black_box;

use pulp::{Arch, Simd, WithSimd};

/// Output channels computed together, for 32 and for 16 vector registers.
pub(super) const WIDE: usize = 8;
pub(super) const NARROW: usize = 4;

/// Vectors of positions kept in registers at a time: with their sums, a weight and the loaded values they must fit the
/// registers. Spilling a sum to memory halves the speed.
const WIDE_VECTORS: usize = 3;
const NARROW_VECTORS: usize = 2;

/// Taps processed for all positions before the next ones: those of 16 channels with a 3×3×3 kernel, whose rows fit the
/// L1 cache.
const TAPS: usize = 16 * 27;

/// In a browser, the processor's registers count, not WebAssembly's: 16 on most.
pub(super) fn is_wide<S: Simd>() -> bool {
    S::REGISTER_COUNT >= 32 && !cfg!(target_arch = "wasm32")
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

/// Offsets of the values that make up one output, relative to its position.
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

/// Computes weighted sums of the values at all offsets from some positions, for a block of output channels.
pub(super) struct MicroKernel<'a> {
    /// Starting at the first position.
    pub source: &'a [f32],
    /// One for every input channel and tap.
    pub offsets: &'a Offsets,
    /// `[offset, channel]`.
    pub weight: &'a [f32],
    pub positions: usize,
    /// `[channel, stride]`.
    pub sums: &'a mut [f32],
    /// From one channel's results to the next one's.
    pub stride: usize,
}

impl WithSimd for MicroKernel<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        if is_wide::<S>() {
            accumulate::<S, WIDE, WIDE_VECTORS>(simd, self);
        } else {
            accumulate::<S, NARROW, NARROW_VECTORS>(simd, self);
        }
    }
}

#[inline(always)]
fn accumulate<S: Simd, const N: usize, const V: usize>(simd: S, kernel: MicroKernel<'_>) {
    let step = V * S::F32_LANES;
    let reach = kernel.offsets.furthest + kernel.positions.next_multiple_of(step);
    assert!(reach <= kernel.source.len());
    let offsets = kernel.offsets.offsets.chunks(TAPS);
    let parts = offsets.zip(kernel.weight.chunks(TAPS * N));
    for (part, (offsets, weight)) in parts.enumerate() {
        for position in (0..kernel.positions).step_by(step) {
            let mut sums = [[simd.splat_f32s(0.0); V]; N];
            if part > 0 {
                for (c, sums) in sums.iter_mut().enumerate() {
                    let before = &kernel.sums[c * kernel.stride + position..][..step];
                    let (before, _) = S::as_simd_f32s(before);
                    sums.copy_from_slice(before);
                }
            }
            for (&offset, weight) in offsets.iter().zip(weight.as_chunks::<N>().0) {
                let x: [S::f32s; V] = std::array::from_fn(|v| {
                    // SAFETY: the largest position and the largest offset were checked above.
                    unsafe { load::<S>(kernel.source, position + offset + v * S::F32_LANES) }
                });
                for (sums, &weight) in sums.iter_mut().zip(weight) {
                    let weight = simd.splat_f32s(weight);
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = simd.mul_add_e_f32s(weight, x, *sum);
                    }
                }
            }
            // A copy, so that the sums are never indexed and stay in registers.
            let sums = black_box(sums);
            for (c, sums) in sums.iter().enumerate() {
                let target = &mut kernel.sums[c * kernel.stride + position..][..step];
                let (target, _) = S::as_mut_simd_f32s(target);
                target.copy_from_slice(sums);
            }
        }
    }
}

/// Reads one vector.
///
/// # Safety
/// `at` and the values after it, as many as a vector has, must lie inside the slice.
#[inline(always)]
pub(super) unsafe fn load<S: Simd>(values: &[f32], at: usize) -> S::f32s {
    // SAFETY: the caller's promise.
    S::as_simd_f32s(unsafe { values.get_unchecked(at..at + S::F32_LANES) }).0[0]
}

/// Writes one vector.
///
/// # Safety
/// `at` and the values after it, as many as a vector has, must lie inside the slice.
#[inline(always)]
pub(super) unsafe fn store<S: Simd>(values: &mut [f32], at: usize, value: S::f32s) {
    // SAFETY: the caller's promise.
    let place = unsafe { values.get_unchecked_mut(at..at + S::F32_LANES) };
    S::as_mut_simd_f32s(place).0[0] = value;
}
