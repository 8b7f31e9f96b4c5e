//! The layers of UNETR.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Int, Tensor};

use super::config::{PatchProjection, TOKEN, UnetrConfig};
use crate::backbone::Segmenter;
use crate::backbone::encoder::Encoder;
use crate::backbone::monai::{block_name, wrapped_encoder};
use crate::nn::{
    Conv3d, ConvBlock, DecoderUp, Init, PatchConv, TokenMask, TransformerBlock, TransposedConv3d, add_bias, cut,
    layer_norm, linear, normalized, project,
};

/// UNETR (Hatamizadeh et al., 2022, arXiv 2103.10504).
#[derive(Module, Debug)]
pub struct Unetr {
    vit: Vit,
    /// What masked tokens become, `[1, 1, hidden]`; zero at the start.
    mask_token: Param<Tensor<3>>,
    encoder1: ConvBlock,
    encoder2: SkipUp,
    encoder3: SkipUp,
    encoder4: SkipUp,
    decoder5: DecoderUp,
    decoder4: DecoderUp,
    decoder3: DecoderUp,
    decoder2: DecoderUp,
    out: Conv3d,
}

impl Unetr {
    /// A new network for patches of `patch` voxels.
    pub fn new(config: &UnetrConfig, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Self {
        let (hidden, f, residual) = (config.hidden, config.feature, config.res_block);
        let grid = patch.map(|side| side / TOKEN);
        let mut skip = |levels, out| SkipUp::new(config, levels, out, init);
        let (encoder2, encoder3, encoder4) = (skip(2, 2 * f), skip(1, 4 * f), skip(0, 8 * f));
        Self {
            vit: Vit::new(config, channels, grid, init),
            mask_token: init.constant([1, 1, hidden], 0.0),
            encoder1: ConvBlock::new(channels, f, residual, init),
            encoder2,
            encoder3,
            encoder4,
            decoder5: DecoderUp::new(hidden, 8 * f, residual, init),
            decoder4: DecoderUp::new(8 * f, 4 * f, residual, init),
            decoder3: DecoderUp::new(4 * f, 2 * f, residual, init),
            decoder2: DecoderUp::new(2 * f, f, residual, init),
            out: Conv3d::new(f, classes, 1, true, init),
        }
    }

    /// The transformer's input.
    fn tokens(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<3> {
        let tokens = self.vit.embed(x);
        match mask {
            Some(mask) => mask.apply(tokens, self.mask_token.val()),
            None => tokens,
        }
    }
}

impl Segmenter for Unetr {
    /// The mask acts on tokens only: `encoder1` sees the raw voxels in both views, as in the
    /// released code.
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, _scales: usize) -> Vec<Tensor<5>> {
        let [_, _, d, h, w] = x.dims();
        let grid = [d / TOKEN, h / TOKEN, w / TOKEN];
        let tokens = self.tokens(x.clone(), mask);
        let [skip2, skip3, skip4, last] = self.vit.encode(tokens).map(|t| to_volume(t, grid));
        let y = self.decoder5.forward(last, self.encoder4.forward(skip4));
        let y = self.decoder4.forward(y, self.encoder3.forward(skip3));
        let y = self.decoder3.forward(y, self.encoder2.forward(skip2));
        let y = self.decoder2.forward(y, self.encoder1.forward(x));
        vec![self.out.forward(y)]
    }

    /// As in MONAI's `UNETR.state_dict()`.
    fn reference_name(&self, path: &str) -> String {
        let projection = match self.vit.patch_embedding.projection {
            Projection::Perceptron(_) => "patch_embedding.patch_embeddings.1",
            Projection::Conv(_) => "patch_embedding.patch_embeddings",
        };
        let path = path
            .replace("patch_embedding.projection.Perceptron", projection)
            .replace("patch_embedding.projection.Conv", projection)
            .replace("patch_embedding.position", "patch_embedding.position_embeddings");
        let name = wrapped_encoder(&block_name(&path), "encoder1");
        // MONAI's up-blocks are lists `[transposed convolution, convolutions]`, or the former alone.
        let alone = self.encoder2.blocks.iter().all(|level| level.conv.is_none());
        let up = if alone { ".conv.weight" } else { ".0.conv.weight" };
        if name.starts_with("encoder") {
            name.replace(".up.weight", up).replace(".conv.conv", ".1.conv")
        } else {
            name
        }
    }

    fn encoder(&self) -> Option<&dyn Encoder> {
        Some(self)
    }

    fn encoder_prefixes(&self) -> &'static [&'static str] {
        &["vit.", "mask_token"]
    }

    fn head_prefix(&self) -> &'static str {
        "out."
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &[
            "vit.patch_embedding.patch_embeddings.weight",
            "vit.patch_embedding.patch_embeddings.1.weight",
            "encoder1.layer.conv1.",
            "encoder1.layer.conv3.",
        ]
    }
}

impl Encoder for Unetr {
    fn features(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        let [_, _, d, h, w] = x.dims();
        let [.., last] = self.vit.encode(self.tokens(x, mask));
        to_volume(last, [d / TOKEN, h / TOKEN, w / TOKEN])
    }

    /// As He et al. (arXiv 2111.06377) leave masked tokens out after their positions are added.
    fn visible(&self, x: Tensor<5>, visible: Tensor<2, Int>) -> Option<Tensor<3>> {
        let tokens = self.vit.embed(x);
        let [batch, _, hidden] = tokens.dims();
        let count = visible.dims()[1];
        let places = visible.reshape([batch, count, 1]).expand([batch, count, hidden]);
        let [.., last] = self.vit.encode(tokens.gather(1, places));
        Some(last)
    }
}

/// `[batch, token, channel]` → `[batch, channel, d, h, w]`.
fn to_volume(tokens: Tensor<3>, [d, h, w]: [usize; 3]) -> Tensor<5> {
    let [batch, _, channels] = tokens.dims();
    tokens.swap_dims(1, 2).reshape([batch, channels, d, h, w])
}

/// The transformer encoder.
#[derive(Module, Debug)]
struct Vit {
    patch_embedding: PatchEmbedding,
    blocks: Vec<TransformerBlock>,
    norm: LayerNorm,
}

impl Vit {
    fn new(config: &UnetrConfig, channels: usize, grid: [usize; 3], init: &mut Init) -> Self {
        let block = |init: &mut Init| TransformerBlock::new(config.hidden, config.mlp, config.heads, init);
        Self {
            patch_embedding: PatchEmbedding::new(config, channels, grid, init),
            blocks: (0..config.layers).map(|_| block(init)).collect(),
            norm: layer_norm(config.hidden, init),
        }
    }

    /// Tokens `[batch, token, hidden]` with their position.
    fn embed(&self, x: Tensor<5>) -> Tensor<3> {
        self.patch_embedding.forward(x)
    }

    /// The tokens after each quarter of the blocks plus one (3, 6, 9 of 12, counted from 0), and
    /// the normalized last ones.
    fn encode(&self, mut tokens: Tensor<3>) -> [Tensor<3>; 4] {
        let quarter = self.blocks.len() / 4;
        let mut skips = Vec::with_capacity(3);
        for (index, block) in self.blocks.iter().enumerate() {
            tokens = block.forward(tokens);
            if index > 0 && index % quarter == 0 && skips.len() < 3 {
                skips.push(tokens.clone());
            }
        }
        let last = normalized(&self.norm, tokens);
        std::array::from_fn(|i| skips.get(i).cloned().unwrap_or_else(|| last.clone()))
    }
}

/// Linear map of a token's voxels.
#[derive(Module, Debug)]
enum Projection {
    Perceptron(Linear),
    Conv(PatchConv),
}

#[derive(Module, Debug)]
struct PatchEmbedding {
    projection: Projection,
    /// `[1, token, hidden]`.
    position: Param<Tensor<3>>,
}

impl PatchEmbedding {
    fn new(config: &UnetrConfig, channels: usize, grid: [usize; 3], init: &mut Init) -> Self {
        let (hidden, voxels) = (config.hidden, channels * TOKEN.pow(3));
        let projection = match config.projection {
            PatchProjection::Perceptron => {
                let mut linear = linear(voxels, hidden, true, init);
                linear.weight = init.normal([voxels, hidden], 0.02);
                linear.bias = Some(init.constant([hidden], 0.0));
                Projection::Perceptron(linear)
            }
            PatchProjection::Conv => Projection::Conv(PatchConv::new(channels, hidden, TOKEN, init)),
        };
        Self {
            projection,
            position: init.normal([1, grid.iter().product(), hidden], 0.02),
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<3> {
        let tokens = match &self.projection {
            Projection::Perceptron(linear) => {
                let cut = cut(x, TOKEN);
                let [batch, tokens, channels, voxels] = cut.dims();
                // Channels are fastest within a token.
                let cut = cut.swap_dims(2, 3);
                project(linear, cut.reshape([batch, tokens, channels * voxels]))
            }
            Projection::Conv(conv) => conv.forward(x),
        };
        // A position's embedding is the bias of its token's channels.
        let shape @ [batch, count, hidden] = tokens.dims();
        let position = self.position.val().reshape([count * hidden]);
        add_bias(tokens.reshape([batch, count * hidden, 1]), position).reshape(shape)
    }
}

/// One doubling of a skip: up-projection, then convolutions where configured.
#[derive(Module, Debug)]
struct SkipLevel {
    up: TransposedConv3d,
    conv: Option<ConvBlock>,
}

/// Brings tokens of a skip to the resolution of their decoder level (MONAI's `UnetrPrUpBlock`).
#[derive(Module, Debug)]
struct SkipUp {
    transp_conv_init: TransposedConv3d,
    blocks: Vec<SkipLevel>,
}

impl SkipUp {
    fn new(config: &UnetrConfig, levels: usize, out: usize, init: &mut Init) -> Self {
        let level = |init: &mut Init| SkipLevel {
            up: TransposedConv3d::double(out, out, init),
            conv: config
                .conv_block
                .then(|| ConvBlock::new(out, out, config.res_block, init)),
        };
        Self {
            transp_conv_init: TransposedConv3d::double(config.hidden, out, init),
            blocks: (0..levels).map(|_| level(init)).collect(),
        }
    }

    fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        self.blocks.iter().fold(self.transp_conv_init.forward(x), |x, level| {
            let x = level.up.forward(x);
            match &level.conv {
                Some(conv) => conv.forward(x),
                None => x,
            }
        })
    }
}
