//! Masking of a network's input.

use burn::tensor::{Device, Tensor, TensorData};

/// A mask on a device, shared by all samples of a batch unless it says otherwise.
#[derive(Clone, Debug)]
pub struct TokenMask {
    /// `[1, token, 1]`, or `[batch, token, 1]`; 1 = masked.
    masked: Tensor<3>,
}

impl TokenMask {
    /// A mask of `tokens`, row-major over the grid `[depth, height, width]`; true = masked.
    pub fn new(tokens: &[bool], device: &Device) -> Self {
        let values: Vec<f32> = tokens.iter().map(|&m| f32::from(m)).collect();
        let count = values.len();
        Self {
            masked: Tensor::from_data(TensorData::new(values, [1, count, 1]), device),
        }
    }

    /// The same mask for the second half of a batch of twice as many samples; in the first half nothing is masked.
    pub fn of_second_half(&self, samples: usize) -> Self {
        let second = self.masked.clone().repeat_dim(0, samples);
        Self {
            masked: Tensor::cat(vec![second.zeros_like(), second], 0),
        }
    }

    /// Replaces the masked ones of `tokens` (`[batch, token, channel]`) by `mask_token` (`[1, 1, channel]`), including
    /// their position embedding.
    pub fn apply(&self, tokens: Tensor<3>, mask_token: Tensor<3>) -> Tensor<3> {
        let masked = self.masked.clone().cast(tokens.dtype());
        let kept = masked.clone().neg().add_scalar(1.0);
        tokens * kept + mask_token * masked
    }

    /// Replaces the voxels of masked cells of `x` (`[batch, channel, d, h, w]`) by `mask_token` (`[1, channel, 1, 1,
    /// 1]`). A cell is `side`³ voxels; the last along an axis may be smaller.
    pub fn apply_to_voxels(&self, x: Tensor<5>, side: usize, mask_token: Tensor<5>) -> Tensor<5> {
        let [_, _, d, h, w] = x.dims();
        let [gd, gh, gw] = [d, h, w].map(|size| size.div_ceil(side));
        let [masks, ..] = self.masked.dims();
        let masked = self
            .masked
            .clone()
            .cast(x.dtype())
            .reshape([masks, gd, 1, gh, 1, gw, 1])
            .expand([masks, gd, side, gh, side, gw, side])
            .reshape([masks, 1, gd * side, gh * side, gw * side])
            .narrow(2, 0, d)
            .narrow(3, 0, h)
            .narrow(4, 0, w);
        let kept = masked.clone().neg().add_scalar(1.0);
        x * kept + mask_token * masked
    }
}
