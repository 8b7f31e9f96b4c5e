//! The operations that have kernels, with their parameters. Their inputs and results are those of the functions in the
//! parent module; `cpu` and `gpu` compute them.

use super::numbers::DiceOfSums;

/// [`conv3d_same`](super::conv3d_same), or [`mix_channels`](super::mix_channels).
#[derive(Clone, Debug)]
pub(super) struct Convolution {
    /// Whether the weights are `[in, out, 1, 1, 1]` instead of `[out, in, k, k, k]`.
    pub turned: bool,
}

/// [`instance_norm`](super::instance_norm).
#[derive(Clone, Debug)]
pub(super) struct InstanceNorm {
    /// The factor of negative results, more than 0.
    pub slope: f32,
}

/// [`group_norm_relu`](super::group_norm_relu).
#[derive(Clone, Debug)]
pub(super) struct GroupNormRelu {
    pub groups: usize,
}

/// [`layer_norm`](super::layer_norm).
#[derive(Clone, Debug)]
pub(super) struct LayerNorm;

/// [`class_sums`](super::class_sums).
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassSums {
    /// Whether probabilities are squared.
    pub squared: bool,
    /// Whether a voxel counts by the sum of its truth, rather than wholly.
    pub partial: bool,
}

/// [`dice_of_sums`](super::dice_of_sums). Missing counts of known voxels are a tensor of one element, which is not
/// read.
#[derive(Clone, Copy, Debug)]
pub(super) struct SumsLoss {
    pub numbers: DiceOfSums,
    /// Whether only some voxels count.
    pub partial: bool,
}

/// [`relative_distance`](super::relative_distance).
#[derive(Clone, Copy, Debug)]
pub(super) struct RelativeDistance {
    pub epsilon: f64,
}

/// [`attention`](super::attention). A missing input is a tensor of one element, which is not read.
#[derive(Clone, Debug)]
pub(super) struct Attention {
    pub heads: usize,
}

/// [`gelu`](super::gelu).
#[derive(Clone, Debug)]
pub(super) struct Gelu;

/// [`linear`](super::linear). A missing input is a tensor of one element, which is not read.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub has_bias: bool,
    /// Whether another tensor is added to the result.
    pub adds: bool,
}

/// [`add_bias`](super::add_bias).
#[derive(Clone, Debug)]
pub(super) struct AddBias;

/// [`concat_channels`](super::concat_channels).
#[derive(Clone, Debug)]
pub(super) struct ConcatChannels;

/// [`add_leaky_relu`](super::add_leaky_relu).
#[derive(Clone, Debug)]
pub(super) struct AddLeaky {
    /// The factor of negative sums, not negative.
    pub slope: f32,
}

/// [`depth_to_space`](super::depth_to_space).
#[derive(Clone, Debug)]
pub(super) struct DepthToSpace {
    /// Sides of a block.
    pub kernel: [usize; 3],
}
