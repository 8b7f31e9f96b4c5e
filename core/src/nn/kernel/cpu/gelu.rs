//! The exact GELU, x · Φ(x).

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;

use super::math::{normal_cdf, normal_density};
use super::work::map_pairs;
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Gelu;

impl Operation<Flex, 1, 1> for Gelu {
    type Kept = ();

    fn forward(&self, [x]: [FlexTensor; 1]) -> (FlexTensor, ()) {
        let y = map_pairs(
            &x,
            &x,
            #[inline(always)]
            |x, _| x * normal_cdf(x),
        );
        (y, ())
    }

    fn needed<T>(inputs: [T; 1]) -> [T; 1] {
        inputs
    }

    fn backward(self, [x]: [FlexTensor; 1], (): (), dy: FlexTensor, _wanted: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let dx = map_pairs(
            &x,
            &dy,
            #[inline(always)]
            |x, dy| dy * (normal_cdf(x) + x * normal_density(x)),
        );
        [Some(dx)]
    }
}
