//! Attention against its formula, one head at a time.

use burn::tensor::Tensor;
use burn::tensor::activation::softmax;

use super::{compare, on_each_device, random};
use crate::nn::kernel::attention;

/// Heads of the tested attention, and channels per head.
const HEADS: usize = 3;
const WIDTH: usize = 5;

/// One head at a time, with burn's operations; query, key and value are `[window, token, channel]`.
fn plain_attention(parts: [Tensor<3>; 3], bias: Tensor<3>, mask: Tensor<3>) -> Tensor<3> {
    let [windows, tokens, _] = parts[0].dims();
    let repeated = mask.clone().repeat_dim(0, windows / mask.dims()[0]);
    let heads = (0..HEADS).map(|head| {
        let [query, key, value] = parts.clone().map(|part| part.narrow(2, head * WIDTH, WIDTH));
        let scores = query.matmul(key.transpose()) / (WIDTH as f64).sqrt();
        let bias = bias.clone().narrow(0, head, 1).expand([windows, tokens, tokens]);
        softmax(scores + bias + repeated.clone(), 2).matmul(value)
    });
    Tensor::cat(heads.collect(), 2)
}

#[test]
fn attention_equals_its_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        // Six windows of 21 tokens, three windows to a sample; scores far enough apart to saturate.
        let tokens = 21;
        let channels = HEADS * WIDTH;
        let mask = random([3, tokens, tokens], 5, &device).greater_elem(0.7).float() * -100.0;
        let own = [
            random([6, tokens, 3 * channels], 1, &device) * 3.0,
            random([HEADS, tokens, tokens], 2, &device),
        ];
        let ours = |x: Tensor<3>, bias: Tensor<3>| attention(x, None, HEADS, Some(bias), Some(mask.clone()));
        let formula = |x: Tensor<3>, bias: Tensor<3>| {
            let parts = [0, 1, 2].map(|part| x.clone().narrow(2, part * channels, channels));
            plain_attention(parts, bias, mask.clone())
        };
        compare("own", own, ours, formula);

        let cross = [
            random([6, tokens, channels], 3, &device) * 3.0,
            random([6, tokens, 2 * channels], 4, &device),
        ];
        let ours = |query: Tensor<3>, rest: Tensor<3>| attention(query, Some(rest), HEADS, None, None);
        let formula = |query: Tensor<3>, rest: Tensor<3>| {
            let [key, value] = [0, 1].map(|part| rest.clone().narrow(2, part * channels, channels));
            let nothing = Tensor::zeros([HEADS, tokens, tokens], &device);
            plain_attention([query, key, value], nothing, mask.clone() * 0.0)
        };
        compare("cross", cross, ours, formula);
    });
}
