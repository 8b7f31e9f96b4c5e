//! Products of matrices: of a few rows without shared memory, of others by tiles in it.

mod factor;
mod thin;
mod tiled;

use burn_cubecl::tensor::CubeTensor;

pub(super) use factor::{Added, Factor, Sizes};

use super::launch::sum_all_parts;

/// left · right of every sample, and what is added to it: `[sample, row, column]`.
pub(in crate::nn::kernel::gpu) fn product(
    left: Factor<'_>,
    right: Factor<'_>,
    added: Added<'_>,
    sizes: Sizes,
) -> CubeTensor {
    let (parts, count) = launch(left, right, added, sizes);
    sum_all_parts(parts, count, [sizes.samples, sizes.rows, sizes.columns])
}

/// The sum over samples of left · right: `[row, column]`.
pub(in crate::nn::kernel::gpu) fn product_sum(left: Factor<'_>, right: Factor<'_>, sizes: Sizes) -> CubeTensor {
    let (parts, count) = launch(left, right, Added::default(), sizes);
    sum_all_parts(parts, count * sizes.samples, [sizes.rows, sizes.columns])
}

/// `[part, sample, row, column]`, and the number of parts.
fn launch(left: Factor<'_>, right: Factor<'_>, added: Added<'_>, sizes: Sizes) -> (CubeTensor, usize) {
    // Of a few rows and columns there are many terms, which tiles share among more invocations.
    if sizes.rows <= thin::ROWS && sizes.columns > factor::FEW {
        thin::launch(left, right, added, sizes)
    } else {
        tiled::launch(left, right, added, sizes)
    }
}
