//! Attention of windows of tokens as an operation of burn's graph; see `heads`.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::heads::{backward, forward};
use super::node::{Operation, quaternary};

/// See [`attention`](crate::nn::kernel::attention). A missing input is passed as a one-element zero tensor.
pub(in crate::nn::kernel) fn attend(
    heads: usize,
    query: Tensor<3>,
    rest: Option<Tensor<3>>,
    bias: Option<Tensor<3>>,
    mask: Option<Tensor<3>>,
) -> Tensor<3> {
    let device = query.device();
    let or_zero = |tensor: Option<Tensor<3>>| tensor.unwrap_or_else(|| Tensor::zeros([1, 1, 1], &device));
    let [rest, bias, mask] = [rest, bias, mask].map(or_zero);
    quaternary(Attention { heads }, query, rest, bias, mask.detach())
}

#[derive(Clone, Debug)]
struct Attention {
    heads: usize,
}

/// The inputs are query, rest, bias and mask.
impl Operation<4, 4> for Attention {
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
