//! 3D convolutions.

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;

use super::Init;
use super::kernel::{add_bias, conv3d_same};

/// Convolution `[batch, in, d, h, w]` → `[batch, out, d, h, w]` with an odd cubic kernel, stride 1
/// and zero padding that keeps the size.
#[derive(Module, Debug)]
pub struct Conv3d {
    /// `[out, in, k, k, k]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Option<Param<Tensor<1>>>,
}

impl Conv3d {
    /// Initialized as PyTorch's `Conv3d`.
    pub fn new(input: usize, output: usize, kernel: usize, bias: bool, init: &mut Init) -> Self {
        let fan_in = input * kernel.pow(3);
        Self {
            weight: init.fan_in([output, input, kernel, kernel, kernel], fan_in),
            bias: bias.then(|| init.fan_in([output], fan_in)),
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, out, d, h, w]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let y = conv3d_same(x, self.weight.val());
        with_bias(y, &self.bias)
    }
}

/// `[batch, channel, d, h, w]` plus the bias of each channel, if there is one.
pub(super) fn with_bias(y: Tensor<5>, bias: &Option<Param<Tensor<1>>>) -> Tensor<5> {
    let Some(bias) = bias else { return y };
    let shape @ [batch, channels, d, h, w] = y.dims();
    add_bias(y.reshape([batch, channels, d * h * w]), bias.val()).reshape(shape)
}

/// Convolution `[batch, in, d, h, w]` → `[batch, out, …]` with a stride of more than one voxel.
#[derive(Module, Debug)]
pub struct StridedConv3d {
    /// `[out, in, kd, kh, kw]`.
    pub weight: Param<Tensor<5>>,
    /// `[out]`.
    pub bias: Param<Tensor<1>>,
    stride: [usize; 3],
    padding: [usize; 3],
}

impl StridedConv3d {
    /// Initialized as PyTorch's `Conv3d`.
    pub fn new(input: usize, output: usize, geometry: &ConvGeometry, init: &mut Init) -> Self {
        let [kd, kh, kw] = geometry.kernel;
        let fan_in = input * kd * kh * kw;
        Self {
            weight: init.fan_in([output, input, kd, kh, kw], fan_in),
            bias: init.fan_in([output], fan_in),
            stride: geometry.stride,
            padding: geometry.padding,
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, out, …]`, see [`ConvGeometry::size`].
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let options = ConvOptions::new(self.stride, self.padding, [1; 3], 1);
        conv3d(x, self.weight.val(), Some(self.bias.val()), options)
    }
}

/// Kernel, stride and zero padding of a convolution, by axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvGeometry {
    /// Voxels of the kernel.
    pub kernel: [usize; 3],
    /// Voxels between two outputs.
    pub stride: [usize; 3],
    /// Zeros before and after.
    pub padding: [usize; 3],
}

impl ConvGeometry {
    /// A 3×3×3 kernel with padding 1.
    pub fn three(stride: [usize; 3]) -> Self {
        Self {
            kernel: [3; 3],
            stride,
            padding: [1; 3],
        }
    }

    /// The size of the output for an input of `size`; 0 where the kernel does not fit.
    pub fn size(&self, size: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let reach = size[axis] + 2 * self.padding[axis];
            match reach.checked_sub(self.kernel[axis]) {
                Some(last) => last / self.stride[axis] + 1,
                None => 0,
            }
        })
    }
}
