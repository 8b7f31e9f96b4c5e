//! Pre-norm transformer blocks over windows.

use burn::module::Module;
use burn::nn::LayerNorm;
use burn::tensor::Tensor;

use super::window::WindowGrid;
use super::window_attention::{CrossWindowAttention, RelativeBias, WindowAttention};
use super::{DropPath, Init, Mlp, layer_norm, normalized};

/// Which row of the bias table belongs to a difference of positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelativeIndex {
    /// MONAI's: the index of the whole window, whose first rows and columns are used for a window that the grid
    /// truncates.
    Monai,
    /// nnFormer's released index, in which different positions can share a row.
    NnFormer,
    /// One row for each difference.
    Distinct,
}

impl RelativeIndex {
    /// Rows of the table for a difference of one along each axis of a window of `base` tokens.
    pub(crate) fn strides(self, [_, h, w]: [usize; 3]) -> [usize; 3] {
        match self {
            Self::NnFormer => [3 * h - 1, 2 * h - 1, 1],
            Self::Monai | Self::Distinct => [(2 * h - 1) * (2 * w - 1), 2 * w - 1, 1],
        }
    }
}

/// The hyperparameters of a block.
#[derive(Clone, Copy, Debug)]
pub struct SwinBlockConfig {
    /// Channels of a token.
    pub channels: usize,
    /// Attention heads.
    pub heads: usize,
    /// Tokens along each axis.
    pub grid: [usize; 3],
    /// Tokens of a window along each axis.
    pub window: [usize; 3],
    /// Whether windows are shifted by half.
    pub shifted: bool,
    /// Whether attention across the seams of a shift is masked.
    pub masked: bool,
    /// How positions index the bias table.
    pub index: RelativeIndex,
    /// Channels inside the MLP, as a multiple of `channels`.
    pub mlp_ratio: usize,
    /// Stochastic depth: probability of dropping a branch.
    pub drop_path: f64,
}

impl SwinBlockConfig {
    fn windows(&self) -> WindowGrid {
        WindowGrid::new(self.grid, self.window, self.shifted)
    }

    fn bias(&self, init: &mut Init) -> RelativeBias {
        let cut: [usize; 3] = std::array::from_fn(|axis| self.window[axis].min(self.grid[axis]));
        let base = match self.index {
            RelativeIndex::Monai => self.window,
            RelativeIndex::NnFormer | RelativeIndex::Distinct => cut,
        };
        let strides = self.index.strides(base);
        RelativeBias::new(base, strides, cut.iter().product(), self.heads, init)
    }
}

/// `x + attention(norm(x))` within windows, then `x + mlp(norm(x))`: the block of MONAI 1.5's
/// SwinUNETR and of nnFormer.
#[derive(Module, Debug)]
pub struct SwinBlock {
    /// Before attention.
    pub norm1: LayerNorm,
    /// Attention within windows.
    pub attn: WindowAttention,
    /// Before the MLP.
    pub norm2: LayerNorm,
    /// The MLP.
    pub mlp: Mlp,
    drop_path: DropPath,
    #[module(skip)]
    windows: WindowGrid,
    mask: Option<Tensor<3>>,
}

impl SwinBlock {
    /// A block with new parameters.
    pub fn new(config: &SwinBlockConfig, init: &mut Init) -> Self {
        let (channels, windows) = (config.channels, config.windows());
        let bias = config.bias(init);
        let mask = if config.masked {
            windows.shift_mask(init.device())
        } else {
            None
        };
        Self {
            norm1: layer_norm(channels, init),
            attn: WindowAttention::new(channels, config.heads, bias, init),
            norm2: layer_norm(channels, init),
            mlp: Mlp::new(channels, config.mlp_ratio * channels, init),
            drop_path: DropPath::new(config.drop_path),
            windows,
            mask,
        }
    }

    /// `[batch, d, h, w, channel]` → the same shape.
    pub fn forward(&self, x: Tensor<5>) -> Tensor<5> {
        let normed = normalized(&self.norm1, x.clone());
        let windows = self.windows.cut(normed);
        let mixed = self.attn.forward(windows, self.mask.as_ref());
        let x = x + self.drop_path.forward(self.windows.join(mixed));
        let normed = normalized(&self.norm2, x.clone());
        let inner = self.mlp.forward(normed);
        x + self.drop_path.forward(inner)
    }
}

/// `x + attention(norm(x), norm(skip))` within windows, then `x + mlp(norm(x))`: the first block of
/// each level of nnFormer's decoder.
#[derive(Module, Debug)]
pub struct CrossSwinBlock {
    /// Before attention, for both maps.
    pub norm1: LayerNorm,
    /// Attention within windows.
    pub attn: CrossWindowAttention,
    /// Before the MLP.
    pub norm2: LayerNorm,
    /// The MLP.
    pub mlp: Mlp,
    drop_path: DropPath,
    #[module(skip)]
    windows: WindowGrid,
}

impl CrossSwinBlock {
    /// A block with new parameters; its windows are not shifted.
    pub fn new(config: &SwinBlockConfig, init: &mut Init) -> Self {
        let channels = config.channels;
        let bias = config.bias(init);
        Self {
            norm1: layer_norm(channels, init),
            attn: CrossWindowAttention::new(channels, config.heads, bias, init),
            norm2: layer_norm(channels, init),
            mlp: Mlp::new(channels, config.mlp_ratio * channels, init),
            drop_path: DropPath::new(config.drop_path),
            windows: config.windows(),
        }
    }

    /// `shortcut`, the `query` and the `skip` that it attends to, all `[batch, d, h, w, channel]` →
    /// the same shape.
    pub fn forward(&self, shortcut: Tensor<5>, query: Tensor<5>, skip: Tensor<5>) -> Tensor<5> {
        let cut = |x: Tensor<5>| self.windows.cut(normalized(&self.norm1, x));
        let mixed = self.attn.forward(cut(query), cut(skip));
        let x = shortcut + self.drop_path.forward(self.windows.join(mixed));
        let normed = normalized(&self.norm2, x.clone());
        let inner = self.mlp.forward(normed);
        x + self.drop_path.forward(inner)
    }
}
