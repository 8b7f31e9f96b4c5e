//! The layers of PCRLv2's 3D CNN.

use burn::module::{Module, Param};
use burn::nn::{BatchNorm, BatchNormConfig, GroupNorm, GroupNormConfig};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;

use super::config::{CELL, GROUPS, LEVELS, NormKind, Pcrlv2Config};
use crate::backbone::Segmenter;
use crate::backbone::encoder::Encoder;
use crate::nn::kernel::concat_channels;
use crate::nn::{Conv3d, Init, TokenMask, TransposedConv3d, group_norm_relu, in_f32, max_pool2};

/// The 3D CNN of PCRLv2 (Zhou et al., 2023, arXiv 2301.00772).
#[derive(Module, Debug)]
pub struct Pcrlv2 {
    /// What masked voxels become, `[1, channel, 1, 1, 1]`; zero at the start.
    mask_token: Param<Tensor<5>>,
    /// The finest first.
    down: Vec<ConvPair>,
    /// The coarsest first.
    up: Vec<Up>,
    out: Conv3d,
}

impl Pcrlv2 {
    /// A new network.
    pub fn new(config: &Pcrlv2Config, channels: usize, classes: usize, init: &mut Init) -> Self {
        let width = config.width;
        let down = |level: usize, init: &mut Init| {
            let half = width << level;
            let input = if level == 0 { channels } else { half };
            ConvPair::new([input, half, 2 * half], config.norm, init)
        };
        let up = |level: usize, init: &mut Init| {
            let output = (2 * width) << level;
            Up::new(output, config, init)
        };
        Self {
            mask_token: init.constant([1, channels, 1, 1, 1], 0.0),
            down: (0..LEVELS).map(|level| down(level, init)).collect(),
            up: (0..LEVELS - 1).rev().map(|level| up(level, init)).collect(),
            out: Conv3d::new(2 * width, classes, 1, true, init),
        }
    }
}

impl Pcrlv2 {
    /// The encoder's maps, the finest first.
    fn encoded(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Vec<Tensor<5>> {
        let mut x = match mask {
            Some(mask) => mask.apply_to_voxels(x, CELL, self.mask_token.val()),
            None => x,
        };
        let mut maps = Vec::with_capacity(LEVELS);
        for (level, pair) in self.down.iter().enumerate() {
            if level > 0 {
                x = max_pool2(x);
            }
            x = pair.forward(x);
            maps.push(x.clone());
        }
        maps
    }

    /// The decoder's maps, the coarsest first.
    fn decoder_maps(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> impl Iterator<Item = Tensor<5>> {
        let mut maps = self.encoded(x, mask);
        let mut x = maps.swap_remove(LEVELS - 1);
        self.up.iter().map(move |up| {
            x = up.forward(x.clone(), maps.pop());
            x.clone()
        })
    }
}

impl Encoder for Pcrlv2 {
    fn features(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        self.encoded(x, mask).swap_remove(LEVELS - 1)
    }

    fn decoded(&self, x: Tensor<5>) -> Option<Vec<Tensor<5>>> {
        Some(self.decoder_maps(x, None).collect())
    }
}

impl Segmenter for Pcrlv2 {
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, _scales: usize) -> Vec<Tensor<5>> {
        let finest = self.decoder_maps(x, mask).last();
        finest.map(|x| self.out.forward(x)).into_iter().collect()
    }

    fn mixes_samples(&self) -> bool {
        let first = self.down.iter().flat_map(|pair| &pair.ops).next();
        first.is_some_and(|first| matches!(first.bn1, Norm::Batch(_)))
    }

    /// As in the released `state_dict()`, which names levels after their channels.
    fn reference_name(&self, path: &str) -> String {
        let name = path
            .replace(".gamma", ".weight")
            .replace(".beta", ".bias")
            .replace(".Group.", ".")
            .replace(".Batch.", ".");
        let levels = [
            ("down.0.", "down_tr64."),
            ("down.1.", "down_tr128."),
            ("down.2.", "down_tr256."),
            ("down.3.", "down_tr512."),
            ("up.0.", "up_tr256."),
            ("up.1.", "up_tr128."),
            ("up.2.", "up_tr64."),
            ("out.", "out_tr.final_conv."),
        ];
        for (ours, theirs) in levels {
            if let Some(rest) = name.strip_prefix(ours) {
                return format!("{theirs}{rest}");
            }
        }
        name
    }

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    /// What the released code takes over for segmentation.
    fn encoder_prefixes(&self) -> &'static [&'static str] {
        &["down_tr", "mask_token"]
    }

    fn head_prefix(&self) -> &'static str {
        "out_tr."
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["down_tr64.ops.0.conv1.weight", "mask_token"]
    }
}

/// Two convolutions, each with its norm and a ReLU.
#[derive(Module, Debug)]
struct ConvPair {
    ops: [ConvNorm; 2],
}

impl ConvPair {
    fn new([input, inner, output]: [usize; 3], norm: NormKind, init: &mut Init) -> Self {
        Self {
            ops: [
                ConvNorm::new(input, inner, norm, init),
                ConvNorm::new(inner, output, norm, init),
            ],
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        self.ops.iter().fold(x, |x, op| op.forward(x))
    }
}

/// Convolution, norm, ReLU.
#[derive(Module, Debug)]
struct ConvNorm {
    conv1: Conv3d,
    /// The name is the same for group norm.
    bn1: Norm,
}

#[derive(Module, Debug)]
enum Norm {
    Group(GroupNorm),
    Batch(BatchNorm),
}

impl ConvNorm {
    fn new(input: usize, output: usize, norm: NormKind, init: &mut Init) -> Self {
        Self {
            conv1: Conv3d::new(input, output, 3, true, init),
            bn1: match norm {
                NormKind::Group => Norm::Group(GroupNormConfig::new(GROUPS, output).init(init.device())),
                NormKind::Batch => Norm::Batch(BatchNormConfig::new(output).init(init.device())),
            },
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let x = self.conv1.forward(x);
        match &self.bn1 {
            Norm::Group(norm) => group_norm_relu(norm, x),
            Norm::Batch(norm) => relu(in_f32(x, |x| norm.forward(x))),
        }
    }
}

/// A doubling of the grid, the skip where there is one, and two convolutions.
#[derive(Module, Debug)]
struct Up {
    up_conv: TransposedConv3d,
    ops: [ConvNorm; 2],
    skip: bool,
}

impl Up {
    fn new(output: usize, config: &Pcrlv2Config, init: &mut Init) -> Self {
        let input = 2 * output;
        let joined = if config.skip { input + output } else { input };
        Self {
            up_conv: TransposedConv3d::new(input, input, [2; 3], true, init),
            ops: ConvPair::new([joined, output, output], config.norm, init).ops,
            skip: config.skip,
        }
    }

    fn forward(&self, x: Tensor<5>, skip: Option<Tensor<5>>) -> Tensor<5> {
        let x = self.up_conv.forward(x);
        let x = match skip.filter(|_| self.skip) {
            Some(skip) => concat_channels(x, skip),
            None => x,
        };
        self.ops.iter().fold(x, |x, op| op.forward(x))
    }
}
