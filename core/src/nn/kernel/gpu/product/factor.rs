//! The factors of a product, its sizes, and what is added to it.

use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

/// Workgroups that are enough to keep a device busy, and the terms of a sum that are worth a second launch to add up
/// parts. Tests have shorter sums.
pub(super) const BUSY: usize = 256;
pub(super) const FEWEST_TERMS: usize = if cfg!(test) { 64 } else { 1024 };

/// Rows or columns that are few: tiles of them are small, and as columns they are too few to share among invocations
/// without tiles.
pub(super) const FEW: usize = 16;

/// One of the two factors.
#[derive(Clone, Copy)]
pub(in crate::nn::kernel::gpu) struct Factor<'a> {
    pub values: &'a CubeTensor,
    /// Whether it lies in memory with its axes exchanged.
    pub transposed: bool,
    /// Whether every sample has one, rather than all the same.
    pub of_sample: bool,
}

impl<'a> Factor<'a> {
    /// As it lies, the same for all samples.
    pub fn new(values: &'a CubeTensor) -> Self {
        Self {
            values,
            transposed: false,
            of_sample: false,
        }
    }

    /// The same with its axes exchanged.
    pub fn transposed(self) -> Self {
        Self {
            transposed: !self.transposed,
            ..self
        }
    }

    pub fn of_sample(self) -> Self {
        Self {
            of_sample: true,
            ..self
        }
    }
}

/// What is added to a product: a bias by column, and values for every entry.
#[derive(Clone, Copy, Default)]
pub(in crate::nn::kernel::gpu) struct Added<'a> {
    pub bias: Option<&'a CubeTensor>,
    pub values: Option<&'a CubeTensor>,
}

/// Rows and columns of a product, the terms of its sums, and the samples.
#[derive(Clone, Copy)]
pub(in crate::nn::kernel::gpu) struct Sizes {
    pub rows: usize,
    pub columns: usize,
    pub terms: usize,
    pub samples: usize,
}

/// Writes an invocation's block of a product `[part, sample, row, column]`, `height` rows of `width` sums, with what is
/// added to it: once, in the first of the parts. What is beyond the product is not written.
#[cube]
pub(super) fn write_block(
    sums: &Array<f32>,
    bias: &[f32],
    added: &[f32],
    y: &mut [f32],
    part: usize,
    sample: usize,
    samples: usize,
    first_row: usize,
    first_column: usize,
    rows: usize,
    columns: usize,
    has_bias: u32,
    #[comptime] adds: bool,
    #[comptime] height: usize,
    #[comptime] width: usize,
) {
    let start = (part * samples + sample) * rows * columns;
    #[unroll]
    for x in 0..width {
        let column = first_column + x;
        let mut of_bias = 0.0f32;
        if has_bias != 0 && part == 0 && column < columns {
            of_bias = bias[column];
        }
        #[unroll]
        for y_of_block in 0..height {
            let row = first_row + y_of_block;
            if row < rows && column < columns {
                let mut sum = sums[y_of_block * width + x] + of_bias;
                if comptime!(adds) {
                    let value = added[(sample * rows + row) * columns + column];
                    sum += select(part == 0, value, 0.0);
                }
                y[start + row * columns + column] = sum;
            }
        }
    }
}
