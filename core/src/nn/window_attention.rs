//! Attention within windows, with a learned bias for relative positions.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Int, Tensor, TensorData};

use super::Init;
use super::kernel::attention;
use super::mlp::{linear, project};
use super::window::places;

/// A learned bias for the position of a key relative to its query.
#[derive(Module, Debug)]
pub struct RelativeBias {
    /// `[relative position, head]`.
    pub table: Param<Tensor<2>>,
    /// Row of the table for every query and key, `[token · token]`.
    index: Tensor<1, Int>,
    tokens: usize,
}

impl RelativeBias {
    /// A bias over the first `tokens` places of a window of `base` tokens; a difference of one along an axis
    /// corresponds to `strides` rows of the table.
    pub fn new(base: [usize; 3], strides: [usize; 3], tokens: usize, heads: usize, init: &mut Init) -> Self {
        let rows: usize = base.iter().map(|side| 2 * side - 1).product();
        let index = TensorData::new(relative_rows(base, strides, tokens), [tokens * tokens]);
        Self {
            table: init.normal([rows, heads], 0.02),
            index: Tensor::from_data(index, init.device()),
            tokens,
        }
    }

    /// `[head, query, key]`.
    fn forward(&self) -> Tensor<3> {
        let table = self.table.val();
        let heads = table.dims()[1];
        table
            .select(0, self.index.clone())
            .reshape([self.tokens, self.tokens, heads])
            .permute([2, 0, 1])
    }
}

/// The row of the table for every query and key among the first `tokens` places of a window of `base`, where a
/// difference of one along an axis corresponds to `strides` rows.
pub(crate) fn relative_rows(base: [usize; 3], strides: [usize; 3], tokens: usize) -> Vec<i32> {
    let places: Vec<[usize; 3]> = places(base).take(tokens).collect();
    let mut rows = Vec::with_capacity(tokens * tokens);
    for query in &places {
        for key in &places {
            let along = |axis: usize| (query[axis] + base[axis] - 1 - key[axis]) * strides[axis];
            rows.push((along(0) + along(1) + along(2)) as i32);
        }
    }
    rows
}

/// Multi-head attention of every window with itself.
#[derive(Module, Debug)]
pub struct WindowAttention {
    /// `channels` → `3 · channels`, ordered query|key|value, then head, then channel of the head.
    pub qkv: Linear,
    /// `channels` → `channels`.
    pub proj: Linear,
    /// Added to the scores.
    pub relative_position: RelativeBias,
    heads: usize,
}

impl WindowAttention {
    /// Attention over tokens of `channels`.
    pub fn new(channels: usize, heads: usize, bias: RelativeBias, init: &mut Init) -> Self {
        Self {
            qkv: linear(channels, 3 * channels, true, init),
            proj: linear(channels, channels, true, init),
            relative_position: bias,
            heads,
        }
    }

    /// Windows `[window, token, channel]` → the same shape; `mask` is `[window of a sample, token,
    /// token]`.
    pub fn forward(&self, x: Tensor<3>, mask: Option<&Tensor<3>>) -> Tensor<3> {
        let tokens = project(&self.qkv, x);
        let bias = self.relative_position.forward();
        let mixed = attention(tokens, None, self.heads, Some(bias), mask.cloned());
        project(&self.proj, mixed)
    }
}

/// Multi-head attention of every window with the same window of another map. Queries are used without a projection
/// (nnFormer's decoder).
#[derive(Module, Debug)]
pub struct CrossWindowAttention {
    /// `channels` → `2 · channels`, ordered key|value, then head, then channel of the head.
    pub kv: Linear,
    /// `channels` → `channels`.
    pub proj: Linear,
    /// Added to the scores.
    pub relative_position: RelativeBias,
    heads: usize,
}

impl CrossWindowAttention {
    /// Attention over tokens of `channels`.
    pub fn new(channels: usize, heads: usize, bias: RelativeBias, init: &mut Init) -> Self {
        Self {
            kv: linear(channels, 2 * channels, true, init),
            proj: linear(channels, channels, true, init),
            relative_position: bias,
            heads,
        }
    }

    /// `query` and `context`, both `[window, token, channel]` → the same shape.
    pub fn forward(&self, query: Tensor<3>, context: Tensor<3>) -> Tensor<3> {
        let context = project(&self.kv, context);
        let bias = self.relative_position.forward();
        let mixed = attention(query, Some(context), self.heads, Some(bias), None);
        project(&self.proj, mixed)
    }
}
