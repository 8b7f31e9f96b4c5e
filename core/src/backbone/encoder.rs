//! The part of a network that self-supervised pretraining trains.

use burn::tensor::{Int, Tensor};

use crate::nn::TokenMask;

/// The encoder of a network, as its hyperparameters determine it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncoderShape {
    /// Channels of its deepest features.
    pub channels: usize,
    /// Voxels along each axis that one of its deepest features covers.
    pub stride: usize,
    /// Voxels along each axis of a token, the smallest part of the input that can be masked.
    pub token: usize,
    /// Whether it can leave tokens out, so that it only computes those that are visible (MAE).
    pub leaves_out: bool,
    /// Channels of the maps of the decoder's levels, the coarsest first, each twice as fine as the one before and the
    /// last as fine as the input; `None` where pretraining leaves the decoder out.
    pub decoder: Option<[usize; 3]>,
}

/// The layers of an encoder.
pub(super) trait Encoder {
    /// The deepest features of `x` `[batch, channel, d, h, w]`, `[batch, feature, d, h, w]` divided by the stride.
    fn features(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5>;

    /// The deepest features of some tokens alone, `[batch, visible, feature]`; `visible` are their numbers, `[batch,
    /// visible]`. `None` where the encoder cannot leave tokens out.
    fn visible(&self, _x: Tensor<5>, _visible: Tensor<2, Int>) -> Option<Tensor<3>> {
        None
    }

    /// The maps of the decoder's levels, the coarsest first, each `[batch, channel, d, h, w]`; `None` where pretraining
    /// leaves the decoder out.
    fn decoded(&self, _x: Tensor<5>) -> Option<Vec<Tensor<5>>> {
        None
    }
}
