//! "Same" 3D convolution as an operation of burn's graph, and the choice among three methods: `winograd` with fewer
//! multiplications for 3×3×3 kernels with more than a few channels, `direct` for long planes, and matrix products of
//! `gathered` voxels otherwise.
//!
//! `registers` has the innermost loop that the first two share, `geometry` the shape.

mod direct;
mod gathered;
mod geometry;
mod registers;
mod winograd;

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;

use super::work::{fill, tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Convolution;
use geometry::Geometry;

/// The inputs are `[batch, in, d, h, w]` and `[out, in, k, k, k]` (see [`Convolution`]), the result is `[batch, out, d,
/// h, w]`.
impl Operation<Flex, 2, 2> for Convolution {
    type Kept = ();

    fn forward(&self, inputs: [FlexTensor; 2]) -> (FlexTensor, ()) {
        let [x, weight] = inputs;
        let (x, weight) = (x.to_contiguous(), self.straight(weight));
        let g = geometry(&x, &weight);
        let y = Method::of(&g).forward(&g, values(&x), values(&weight));
        (volumes(&g, y, g.output), ())
    }

    fn needed<T>(inputs: [T; 2]) -> [T; 2] {
        inputs
    }

    fn backward(
        self,
        needed: [FlexTensor; 2],
        (): (),
        dy: FlexTensor,
        [of_x, of_weight]: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let [x, weight] = needed;
        let (x, weight) = (x.to_contiguous(), self.straight(weight));
        let dy = dy.to_contiguous();
        let g = geometry(&x, &weight);
        let dx = of_x.then(|| {
            let transposed = g.transposed();
            let weight = mirrored(&g, values(&weight));
            let dx = Method::of(&transposed).forward(&transposed, values(&dy), &weight);
            volumes(&g, dx, g.input)
        });
        let dw = of_weight.then(|| {
            let dw = Method::of(&g).weight_gradient(&g, values(&x), values(&dy));
            self.straight(tensor(dw, weight.layout().shape().clone()))
        });
        [dx, dw]
    }
}

impl Convolution {
    /// Weights as `[out, in, k, k, k]`: turned ones with their first two axes exchanged. Its own inverse.
    fn straight(&self, weight: FlexTensor) -> FlexTensor {
        match self.turned {
            true => Flex::float_swap_dims(weight, 0, 1).to_contiguous(),
            false => weight.to_contiguous(),
        }
    }
}

/// How a convolution is computed.
enum Method {
    /// Fewer multiplications, by Winograd's transforms.
    Winograd(winograd::Plan),
    /// A few output channels at a time, looping over all taps.
    Direct,
    /// Matrix products of gathered voxels.
    Gathered,
}

impl Method {
    /// The fastest method for a shape.
    fn of(g: &Geometry) -> Self {
        match winograd::Plan::new(g) {
            Some(plan) => Self::Winograd(plan),
            None if direct::suits(g) => Self::Direct,
            None => Self::Gathered,
        }
    }

    /// `[batch, out, d, h, w]` of `x` `[batch, in, d, h, w]` and `weight` `[out, in, k, k, k]`.
    fn forward(&self, g: &Geometry, x: &[f32], weight: &[f32]) -> Vec<f32> {
        match self {
            Self::Winograd(plan) => winograd::forward(plan, x, weight),
            Self::Direct => direct::forward(g, x, weight),
            Self::Gathered => gathered::forward(g, x, weight),
        }
    }

    /// `[out, in · k³]` of `x` `[batch, in, d, h, w]` and the result's gradient `dy` `[batch, out, d, h, w]`.
    fn weight_gradient(&self, g: &Geometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
        match self {
            Self::Winograd(plan) => winograd::weight_gradient(plan, x, dy),
            Self::Direct => direct::weight_gradient(g, x, dy),
            Self::Gathered => gathered::weight_gradient(g, x, dy),
        }
    }
}

fn geometry(x: &FlexTensor, weight: &FlexTensor) -> Geometry {
    let [output, _, _, _, kernel] = dims(weight);
    Geometry::new(dims(x), output, kernel)
}

fn dims(tensor: &FlexTensor) -> [usize; 5] {
    let shape = tensor.layout().shape();
    std::array::from_fn(|axis| shape[axis])
}

/// `[batch, channels, d, h, w]`.
fn volumes(g: &Geometry, values: Vec<f32>, channels: usize) -> FlexTensor {
    let [d, h, w] = g.size;
    tensor(values, Shape::from([g.batch, channels, d, h, w]))
}

/// `[out, in, k, k, k]` → `[in, out, k, k, k]`, every kernel mirrored: with these weights the transpose of a "same"
/// convolution is a "same" convolution.
fn mirrored(g: &Geometry, weight: &[f32]) -> Vec<f32> {
    let taps = g.kernel.pow(3);
    let (mirrored, _) = fill(weight.len(), g.output * taps, |input, target| {
        for output in 0..g.output {
            let kernel = &weight[(output * g.input + input) * taps..][..taps];
            for &value in kernel.iter().rev() {
                target.put(&[value]);
            }
        }
    });
    mirrored
}
