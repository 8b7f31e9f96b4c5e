//! "Same" 3D convolution: kernels of 3×3×3 by tiles of the volume, kernels of one voxel as matrix products.

mod tiled;
mod walk;
mod weights;

use burn::backend::{Cube, TensorMetadata};
use burn::tensor::Shape;
use burn_cubecl::tensor::CubeTensor;

use super::launch::{dims, row};
use super::product::{Added, Factor, Sizes, product, product_sum};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Convolution;

/// Whether there is a kernel for a convolution with weights `[out, in, k, k, k]`.
pub(in crate::nn::kernel) fn suits(kernel: usize) -> bool {
    matches!(kernel, 1 | 3)
}

/// The inputs are `[batch, in, d, h, w]` and `[out, in, k, k, k]` (see [`Convolution`]), the result is `[batch, out, d,
/// h, w]`.
impl Operation<Cube, 2, 2> for Convolution {
    type Kept = ();

    fn forward(&self, inputs: [CubeTensor; 2]) -> (CubeTensor, ()) {
        let [x, weight] = inputs.map(row);
        let ([output, _], kernel) = self.channels(&weight);
        let mut shape = x.shape();
        shape[1] = output;
        let y = match kernel {
            1 => mixed(&x, self.factor(&weight), output, shape),
            _ => tiled::convolve(&x, &weight, output, false),
        };
        (y, ())
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(
        self,
        needed: [CubeTensor; 2],
        (): (),
        dy: CubeTensor,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<CubeTensor>; 2] {
        let ([x, weight], dy) = (needed.map(row), row(dy));
        let ([_, input], kernel) = self.channels(&weight);
        let dx = of_x.then(|| match kernel {
            1 => mixed(&dy, self.factor(&weight).transposed(), input, x.shape()),
            _ => tiled::convolve(&dy, &weight, input, true),
        });
        let dw = of_weight.then(|| match kernel {
            1 => {
                let [samples, _, d, h, w] = dims(&x);
                let [rows, columns, ..] = dims::<5>(&weight);
                let sizes = Sizes {
                    rows,
                    columns,
                    terms: d * h * w,
                    samples,
                };
                let (left, right) = if self.turned { (&x, &dy) } else { (&dy, &x) };
                let (left, right) = (Factor::new(left).of_sample(), Factor::new(right).of_sample());
                shaped(product_sum(left, right.transposed(), sizes), weight.shape())
            }
            _ => weights::gradient(&x, &dy),
        });
        [dx, dw]
    }
}

impl Convolution {
    /// Channels of the result and of the input, and the kernel's side.
    fn channels(&self, weight: &CubeTensor) -> ([usize; 2], usize) {
        let [a, b, kernel, ..] = dims::<5>(weight);
        (if self.turned { [b, a] } else { [a, b] }, kernel)
    }

    /// A 1×1×1 kernel as a matrix, `[out, in]`.
    fn factor<'a>(&self, weight: &'a CubeTensor) -> Factor<'a> {
        let weight = Factor::new(weight);
        if self.turned { weight.transposed() } else { weight }
    }
}

/// Channels mixed voxel by voxel: `weight` `[channels, channels of x]` times `x`.
fn mixed(x: &CubeTensor, weight: Factor<'_>, channels: usize, shape: Shape) -> CubeTensor {
    let [samples, terms, d, h, w] = dims(x);
    let sizes = Sizes {
        rows: channels,
        columns: d * h * w,
        terms,
        samples,
    };
    shaped(
        product(weight, Factor::new(x).of_sample(), Added::default(), sizes),
        shape,
    )
}

/// The same values in another shape.
fn shaped(x: CubeTensor, shape: Shape) -> CubeTensor {
    CubeTensor::new_contiguous(x.client, x.device, shape, x.handle, x.dtype)
}
