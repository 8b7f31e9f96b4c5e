//! The factors of a product, its sizes, and what is added to it.

use burn_cubecl::tensor::CubeTensor;

/// Workgroups that are enough to keep a device busy, and the terms of a sum that are worth a second launch to add up
/// parts. Tests have shorter sums.
pub(super) const BUSY: usize = 256;
pub(super) const FEWEST_TERMS: usize = if cfg!(test) { 64 } else { 1024 };

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
