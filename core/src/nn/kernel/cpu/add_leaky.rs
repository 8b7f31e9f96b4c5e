//! Sum and leaky ReLU in one pass, for the end of a residual block.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;

use super::work::map_pairs;
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::AddLeaky;

impl Operation<Flex, 2, 0> for AddLeaky {
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
