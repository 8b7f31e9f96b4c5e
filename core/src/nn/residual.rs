//! The two convolutions that every decoder level ends in, with or without a shortcut.

use burn::module::Module;
use burn::tensor::Tensor;

use super::kernel::add_leaky_relu;
use super::{Conv3d, Init, LEAKY_SLOPE, instance_norm, instance_norm_leaky_relu};

/// conv → norm → leaky ReLU → conv → norm → (add shortcut) → leaky ReLU.
///
/// MONAI 1.5's `UnetResBlock` (with a shortcut, projected by a 1×1×1 convolution and normalized
/// where the number of channels changes) and `UnetBasicBlock` (without). Kernels are 3×3×3 without
/// bias; norms have no parameters.
#[derive(Module, Debug)]
pub struct ConvBlock {
    /// First convolution, input to output channels.
    pub conv1: Conv3d,
    /// Second convolution, output to output channels.
    pub conv2: Conv3d,
    /// Projection of the shortcut, where channels change.
    pub conv3: Option<Conv3d>,
    residual: bool,
}

impl ConvBlock {
    /// A block from `input` to `output` channels.
    pub fn new(input: usize, output: usize, residual: bool, init: &mut Init) -> Self {
        Self {
            conv1: Conv3d::new(input, output, 3, false, init),
            conv2: Conv3d::new(output, output, 3, false, init),
            conv3: (residual && input != output).then(|| Conv3d::new(input, output, 1, false, init)),
            residual,
        }
    }

    /// `[batch, in, d, h, w]` → `[batch, out, d, h, w]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let y = instance_norm_leaky_relu(self.conv1.forward(x.clone()));
        let y = self.conv2.forward(y);
        let shortcut = match (&self.conv3, self.residual) {
            (Some(projection), _) => instance_norm(projection.forward(x)),
            (None, true) => x,
            (None, false) => return instance_norm_leaky_relu(y),
        };
        add_leaky_relu(instance_norm(y), shortcut, LEAKY_SLOPE)
    }
}
