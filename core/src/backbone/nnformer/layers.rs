//! The layers of nnFormer: encoder, decoder and heads.

use burn::module::Module;
use burn::tensor::Tensor;

use super::config::NnformerConfig;
use super::decoder::Decoder;
use super::encoder::Encoder;
use super::form::LEVELS;
use crate::backbone::Segmenter;
use crate::nn::{Init, TokenMask, TransposedConv3d};

/// nnFormer (Zhou et al., 2023, arXiv 2109.03201), in one of its three variants.
#[derive(Module, Debug)]
pub struct Nnformer {
    model_down: Encoder,
    decoder: Decoder,
    /// One per scale, finest first; without deep supervision only the first is trained.
    heads: Vec<TransposedConv3d>,
}

impl Nnformer {
    /// A new network for patches of `patch` voxels.
    pub fn new(config: &NnformerConfig, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Self {
        let token = config.form.token();
        let head = |level: usize, init: &mut Init| {
            TransposedConv3d::new(config.embedding << level, classes, token, true, init)
        };
        let grids = config.grids(patch);
        Self {
            model_down: Encoder::new(config, channels, &grids, init),
            decoder: Decoder::new(config, &grids, init),
            heads: (0..LEVELS - 1).map(|level| head(level, init)).collect(),
        }
    }
}

impl Segmenter for Nnformer {
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, scales: usize) -> Vec<Tensor<5>> {
        let maps = self.decoder.forward(self.model_down.forward(x, mask));
        let outputs = self.heads.iter().zip(maps).take(scales);
        outputs
            .map(|(head, map)| head.forward(map.permute([0, 4, 1, 2, 3])))
            .collect()
    }

    /// As in the released `state_dict()`.
    fn reference_name(&self, path: &str) -> String {
        let mut name = path.to_owned();
        for (ours, theirs) in [
            (".gamma", ".weight"),
            (".beta", ".bias"),
            (".linear1.", ".fc1."),
            (".linear2.", ".fc2."),
            (".relative_position.table", ".relative_position_bias_table"),
            (".upsample.", ".Upsample."),
            (".cross.", ".blocks.0."),
            (".block.", ".blocks.1."),
            ("model_down.norms.", "model_down.norm"),
        ] {
            name = name.replace(ours, theirs);
        }
        match name.strip_prefix("heads.").and_then(|rest| rest.split_once('.')) {
            Some((level, parameter)) => format!("final.{level}.up.{parameter}"),
            None => name,
        }
    }

    fn head_prefix(&self) -> &'static str {
        "final."
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["model_down.patch_embed.proj1.conv1.weight"]
    }
}
