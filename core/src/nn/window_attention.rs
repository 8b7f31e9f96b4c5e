//! Attention within windows, with a learned bias for relative positions.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{FloatDType, Int, Tensor, TensorData};

use super::Init;
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
    /// A bias over the first `tokens` places of a window of `base` tokens; a difference of one along
    /// an axis is `strides` rows of the table.
    pub fn new(
        base: [usize; 3],
        strides: [usize; 3],
        tokens: usize,
        heads: usize,
        init: &mut Init,
    ) -> Self {
        let rows: usize = base.iter().map(|side| 2 * side - 1).product();
        let index = TensorData::new(relative_rows(base, strides, tokens), [tokens * tokens]);
        Self {
            table: init.normal([rows, heads], 0.02),
            index: Tensor::from_data(index, init.device()),
            tokens,
        }
    }

    /// `[1, head, query, key]`.
    fn forward(&self) -> Tensor<4> {
        let table = self.table.val();
        let heads = table.dims()[1];
        table
            .select(0, self.index.clone())
            .reshape([self.tokens, self.tokens, heads])
            .permute([2, 0, 1])
            .unsqueeze()
    }
}

/// The row of the table for every query and key among the first `tokens` places of a window of
/// `base`, where a difference of one along an axis is `strides` rows.
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

    /// Windows `[window, token, channel]` → the same shape; `mask` is `[window of a sample, 1, token,
    /// token]`.
    pub fn forward(&self, x: Tensor<3>, mask: Option<&Tensor<4>>) -> Tensor<3> {
        let [query, key, value] = split(project(&self.qkv, x), self.heads);
        let mixed = attend(query, key, value, self.relative_position.forward(), mask);
        project(&self.proj, mixed)
    }
}

/// Multi-head attention of every window with the same window of another map. Queries are taken as
/// they are, without a projection (nnFormer's decoder).
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
        let [query] = split(query, self.heads);
        let [key, value] = split(project(&self.kv, context), self.heads);
        let mixed = attend(query, key, value, self.relative_position.forward(), None);
        project(&self.proj, mixed)
    }
}

/// `[window, token, N · channel]` → N times `[window, head, token, channel of the head]`.
fn split<const N: usize>(x: Tensor<3>, heads: usize) -> [Tensor<4>; N] {
    let [windows, tokens, channels] = x.dims();
    let width = channels / N / heads;
    let x = x
        .reshape([windows, tokens, N, heads, width])
        .permute([2, 0, 3, 1, 4]);
    std::array::from_fn(|i| {
        x.clone()
            .narrow(0, i, 1)
            .reshape([windows, heads, tokens, width])
    })
}

/// softmax(q · kᵀ / √width + bias + mask) · v with scores in f32, heads joined: `[window, token, channel]`.
fn attend(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    bias: Tensor<4>,
    mask: Option<&Tensor<4>>,
) -> Tensor<3> {
    let [windows, heads, tokens, width] = query.dims();
    let given = query.dtype();
    let query = query * (width as f64).powf(-0.5);
    let scores = query.matmul(key.transpose()).cast(FloatDType::F32);
    let mut scores = scores + bias.cast(FloatDType::F32);
    if let Some(mask) = mask {
        let of_a_sample = mask.dims()[0];
        let by_sample = [windows / of_a_sample, of_a_sample, heads, tokens, tokens];
        scores = (scores.reshape(by_sample) + mask.clone().unsqueeze::<5>())
            .reshape([windows, heads, tokens, tokens]);
    }
    softmax(scores, 3)
        .cast(given)
        .matmul(value)
        .swap_dims(1, 2)
        .reshape([windows, tokens, heads * width])
}
