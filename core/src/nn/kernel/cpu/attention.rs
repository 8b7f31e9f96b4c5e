//! Attention of windows of tokens as an operation of burn's graph; see `heads`.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;

use super::heads::{backward, forward};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::Attention;

/// The inputs are query, rest, bias and mask.
impl Operation<Flex, 4, 4> for Attention {
    type Kept = ();

    fn forward(&self, inputs: [FlexTensor; 4]) -> (FlexTensor, ()) {
        (forward(inputs.each_ref(), self.heads), ())
    }

    fn needed<T>(inputs: [T; 4]) -> [T; 4] {
        inputs
    }

    fn backward(self, inputs: [FlexTensor; 4], (): (), dy: FlexTensor, _wanted: [bool; 4]) -> [Option<FlexTensor>; 4] {
        let [query, rest, bias] = backward(inputs.each_ref(), dy, self.heads);
        [query, rest, bias, None]
    }
}
