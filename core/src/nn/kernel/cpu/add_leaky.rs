//! Sum and leaky ReLU in one pass, for the end of a residual block.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::node::{Operation, binary};
use super::work::map_pairs;

/// See [`add_leaky_relu`](crate::nn::kernel::add_leaky_relu).
pub(in crate::nn::kernel) fn add(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    let slope = slope as f32;
    binary(AddLeaky { slope }, a, b)
}

#[derive(Clone, Debug)]
struct AddLeaky {
    slope: f32,
}

impl Operation<2, 0> for AddLeaky {
    /// The result, which has the sum's sign since the slope is not negative. The next operation keeps it too, so
    /// keeping it here costs nothing.
    type Kept = FlexTensor;

    fn forward(&self, [a, b]: [FlexTensor; 2]) -> (FlexTensor, FlexTensor) {
        let slope = self.slope;
        let y = map_pairs(
            &a,
            &b,
            #[inline(always)]
            |a, b| {
                let sum = a + b;
                if sum > 0.0 { sum } else { sum * slope }
            },
        );
        (y.clone(), y)
    }

    fn needed<T>(_inputs: [T; 2]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [FlexTensor; 0],
        y: FlexTensor,
        dy: FlexTensor,
        _wanted: [bool; 2],
    ) -> [Option<FlexTensor>; 2] {
        let slope = self.slope;
        let dx = map_pairs(
            &y,
            &dy,
            #[inline(always)]
            |y, dy| if y > 0.0 { dy } else { dy * slope },
        );
        [Some(dx.clone()), Some(dx)]
    }
}
