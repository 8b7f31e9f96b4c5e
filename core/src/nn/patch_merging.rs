//! Halving a token grid by concatenating neighbors.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Int, Tensor};
use serde::{Deserialize, Serialize};

use super::{Init, layer_norm, linear, normalized, project};

/// In which order the eight neighbors of a block are concatenated when a stage halves the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Merging {
    /// MONAI 0.9 to 1.4, which published weights were trained with: two neighbors are taken twice
    /// and two not at all.
    Legacy,
    /// MONAI 1.5's default.
    #[default]
    Monai15,
    /// MONAI's `mergingv2`.
    V2,
}

impl Merging {
    /// Neighbors in order of concatenation, each `4·d + 2·h + w` of its offset.
    fn order(self) -> [i32; 8] {
        match self {
            Self::Legacy => [0, 4, 2, 1, 5, 2, 1, 7],
            Self::Monai15 => [0, 4, 2, 1, 6, 5, 3, 7],
            Self::V2 => [0, 1, 2, 3, 4, 5, 6, 7],
        }
    }
}

/// Concatenates the channels of every 2×2×2 block and reduces them to twice the channels of one token.
#[derive(Module, Debug)]
pub struct PatchMerging {
    /// Over the concatenated channels.
    pub norm: LayerNorm,
    /// `8 · channels` → `2 · channels`, without bias.
    pub reduction: Linear,
    /// Neighbors in their order, `[8]`.
    order: Tensor<1, Int>,
}

impl PatchMerging {
    /// A layer that halves maps of `channels`.
    pub fn new(channels: usize, merging: Merging, init: &mut Init) -> Self {
        Self {
            norm: layer_norm(8 * channels, init),
            reduction: linear(8 * channels, 2 * channels, false, init),
            order: Tensor::from_data(merging.order(), init.device()),
        }
    }

    /// `[batch, d, h, w, channel]` → `[batch, d/2, h/2, w/2, 2·channel]`.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let [batch, d, h, w, channels] = x.dims();
        let [d, h, w] = [d / 2, h / 2, w / 2];
        let neighbors = x
            .reshape([batch, d, 2, h, 2, w, 2, channels])
            .permute([0, 1, 3, 5, 2, 4, 6, 7])
            .reshape([batch * d * h * w, 8, channels])
            .select(1, self.order.clone());
        let joined = neighbors.reshape([batch, d, h, w, 8 * channels]);
        project(&self.reduction, normalized(&self.norm, joined))
    }
}

#[cfg(test)]
mod tests {
    use burn::module::Param;
    use burn::tensor::{Device, Tensor, TensorData};
    use futures::executor::block_on;

    use super::{Merging, PatchMerging};
    use crate::nn::Init;

    /// What the reduction sees of one 2×2×2 block that holds 100·d + 10·h + w, each place by itself.
    fn seen(merging: Merging) -> Vec<f32> {
        let device = Device::flex();
        let block = [0.0f32, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0];
        let x = Tensor::<1>::from_data(block, &device).reshape([1, 2, 2, 2, 1]);
        let mut module = PatchMerging::new(1, merging, &mut Init::new(0, &device));
        let one = |place: usize| {
            let mut weight = vec![0.0f32; 16];
            weight[2 * place] = 1.0;
            Param::from_data(TensorData::new(weight, [8, 2]), &device)
        };
        (0..8)
            .map(|place| {
                module.reduction.weight = one(place);
                let y = module.forward(x.clone()).into_data_async();
                let y = block_on(y).expect("the device answers");
                y.iter::<f32>().next().expect("two channels")
            })
            .collect()
    }

    #[test]
    fn neighbors_are_joined_in_the_order_of_each_version() {
        for (merging, neighbors) in [
            // MONAI 0.9 to 1.4: 010 and 001 twice, 110 and 011 never.
            (Merging::Legacy, [0, 100, 10, 1, 101, 10, 1, 111]),
            (Merging::Monai15, [0, 100, 10, 1, 110, 101, 11, 111]),
            (Merging::V2, [0, 1, 10, 11, 100, 101, 110, 111]),
        ] {
            let joined = neighbors.map(f64::from);
            let mean = joined.iter().sum::<f64>() / 8.0;
            let variance = joined.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / 8.0;
            let found = seen(merging);
            for (place, neighbor) in joined.iter().enumerate() {
                let expected = (neighbor - mean) / (variance + 1e-5).sqrt();
                let difference = (f64::from(found[place]) - expected).abs();
                assert!(difference < 1e-5, "{merging:?}, place {place}: {found:?}");
            }
        }
    }
}
