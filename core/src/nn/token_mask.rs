//! Masking of a network's input.

use burn::tensor::{Device, Tensor, TensorData};

use super::kernel::linear;

/// A mask for tensors on a device, shared by all samples of a batch unless it says otherwise.
#[derive(Clone, Debug)]
pub struct TokenMask {
    /// Of each sample, or of all, and each token: 1 = masked. The host holds it: arranging it there launches nothing.
    masked: Vec<f32>,
    tokens: usize,
    device: Device,
}

impl TokenMask {
    /// A mask of `tokens`, row-major over the grid `[depth, height, width]`; true = masked.
    pub fn new(tokens: &[bool], device: &Device) -> Self {
        Self {
            masked: tokens.iter().map(|&m| f32::from(m)).collect(),
            tokens: tokens.len(),
            device: device.clone(),
        }
    }

    /// A mask for each sample of a batch, of equal size, as [`new`](Self::new) takes one.
    pub fn of_each(samples: &[Vec<bool>], device: &Device) -> Self {
        Self {
            tokens: samples.first().map_or(0, Vec::len),
            ..Self::new(&samples.concat(), device)
        }
    }

    /// The same mask for the second half of a batch of twice as many samples; in the first half nothing is masked.
    pub fn of_second_half(&self, samples: usize) -> Self {
        let nothing = vec![0.0; samples * self.tokens];
        Self {
            masked: [nothing, self.of_samples(samples)].concat(),
            ..self.clone()
        }
    }

    /// The number of masks: one for all samples, or one for each.
    fn masks(&self) -> usize {
        self.masked.len() / self.tokens.max(1)
    }

    /// Of each of so many samples and each token.
    fn of_samples(&self, samples: usize) -> Vec<f32> {
        if self.masks() == samples {
            self.masked.clone()
        } else {
            self.masked.repeat(samples)
        }
    }

    /// Replaces the masked ones of `tokens` (`[batch, token, channel]`) by `mask_token` (`[1, 1, channel]`), including
    /// their position embedding.
    pub fn apply(&self, tokens: Tensor<3>, mask_token: Tensor<3>) -> Tensor<3> {
        let shape @ [samples, count, channels] = tokens.dims();
        let rows = samples * count;
        let masked = self.of_samples(samples);
        let kept: Vec<f32> = masked.iter().map(|masked| 1.0 - masked).collect();
        let column = |values| Tensor::<2>::from_data(TensorData::new(values, [rows, 1]), &self.device);
        let [masked, kept] = [masked, kept].map(|values| column(values).cast(tokens.dtype()));
        let kept = tokens.reshape([rows, channels]) * kept;
        linear(masked, mask_token.reshape([1, channels]), None, Some(kept)).reshape(shape)
    }

    /// Replaces the voxels of masked cells of `x` (`[batch, channel, d, h, w]`) by `mask_token` (`[1, channel, 1, 1,
    /// 1]`). A cell is `side`³ voxels; the last along an axis may be smaller.
    pub fn apply_to_voxels(&self, x: Tensor<5>, side: usize, mask_token: Tensor<5>) -> Tensor<5> {
        let [_, _, d, h, w] = x.dims();
        let [gd, gh, gw] = [d, h, w].map(|size| size.div_ceil(side));
        let masks = self.masks();
        let masked = TensorData::new(self.masked.clone(), [self.masked.len()]);
        let masked = Tensor::<1>::from_data(masked, &self.device)
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
