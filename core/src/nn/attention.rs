//! Pre-norm transformer block with global self-attention.

use burn::module::Module;
use burn::nn::{LayerNorm, Linear};
use burn::tensor::Tensor;

use super::kernel::attention;
use super::mlp::{add_projection, linear, project};
use super::{Init, Mlp, layer_norm, normalized};

/// Multi-head self-attention; queries, keys and values come from one projection without bias.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// `channels` → `3 · channels`, ordered query|key|value, then head, then channel of the head.
    pub qkv: Linear,
    /// `channels` → `channels`.
    pub out_proj: Linear,
    heads: usize,
}

impl SelfAttention {
    fn new(channels: usize, heads: usize, init: &mut Init) -> Self {
        Self {
            qkv: linear(channels, 3 * channels, false, init),
            out_proj: linear(channels, channels, true, init),
            heads,
        }
    }

    /// The result for `x`, added to `residual`.
    fn add_to(&self, residual: Tensor<3>, x: Tensor<3>) -> Tensor<3> {
        let mixed = attention(project(&self.qkv, x), None, self.heads, None, None);
        add_projection(&self.out_proj, residual, mixed)
    }
}

/// `x + attention(norm(x))`, then `x + mlp(norm(x))`: the block of ViT as in MONAI 1.5.
#[derive(Module, Debug)]
pub struct TransformerBlock {
    /// Before attention.
    pub norm1: LayerNorm,
    /// Self-attention.
    pub attn: SelfAttention,
    /// Before the MLP.
    pub norm2: LayerNorm,
    /// The MLP.
    pub mlp: Mlp,
}

impl TransformerBlock {
    /// A block over tokens of `channels`, with `hidden` channels inside its MLP.
    pub fn new(channels: usize, hidden: usize, heads: usize, init: &mut Init) -> Self {
        Self {
            norm1: layer_norm(channels, init),
            attn: SelfAttention::new(channels, heads, init),
            norm2: layer_norm(channels, init),
            mlp: Mlp::new(channels, hidden, init),
        }
    }

    /// `[batch, token, channel]` → the same shape.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let normed = normalized(&self.norm1, x.clone());
        let x = self.attn.add_to(x, normed);
        let normed = normalized(&self.norm2, x.clone());
        self.mlp.add_to(x, normed)
    }
}
