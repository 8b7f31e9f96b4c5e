//! Operations whose generic form in burn is slow or inexact, with their own backward pass.
//!
//! In f32 they use the kernels in `cpu` and, on a GPU, those in `gpu`; every other backend and type uses burn's own
//! operations. Callers see plain functions on tensors.

#[cfg(feature = "flex")]
mod cpu;
#[cfg(all(feature = "flex", feature = "gpu"))]
mod gpu;
#[cfg(feature = "flex")]
mod node;
mod numbers;
#[cfg(feature = "flex")]
mod operations;
#[cfg(feature = "flex")]
mod update;

use burn::tensor::activation::{leaky_relu, log_softmax, relu, softmax};
use burn::tensor::module::conv3d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, FloatDType, Tensor};

use super::sum;
#[cfg(feature = "flex")]
use node::{binary, quaternary, ternary, unary};
use numbers::EPSILON;
pub(crate) use numbers::{AdamW, DiceOfSums};
#[cfg(feature = "flex")]
use operations::{
    AddBias, AddLeaky, Attention, ClassSums, ConcatChannels, Convolution, DepthToSpace, Gelu, GroupNormRelu,
    InstanceNorm, LayerNorm, Linear, RelativeDistance, SumsLoss,
};

/// Convolution with an odd cubic kernel, stride 1 and zero padding that keeps the size, without
/// bias: `[batch, in, d, h, w]` and `[out, in, k, k, k]` → `[batch, out, d, h, w]`.
pub(crate) fn conv3d_same(x: Tensor<5>, weight: Tensor<5>) -> Tensor<5> {
    let [output, input, kernel, ..] = weight.dims();
    #[cfg(feature = "flex")]
    if has_kernels(&x) && convolves(&x, kernel) {
        return binary(Convolution { turned: false }, x, weight);
    }
    if kernel == 1 {
        // A 1×1×1 kernel is a matrix product over channels.
        let [batch, _, d, h, w] = x.dims();
        let y = weight
            .reshape([1, output, input])
            .matmul(x.reshape([batch, input, d * h * w]));
        return y.reshape([batch, output, d, h, w]);
    }
    let padding = [kernel / 2; 3];
    conv3d(x, weight, None, ConvOptions::new([1; 3], padding, [1; 3], 1))
}

/// Every voxel's channels times a matrix: `[batch, in, d, h, w]` and `[in, out]` → `[batch, out, d, h, w]`.
pub(crate) fn mix_channels(x: Tensor<5>, weight: Tensor<2>) -> Tensor<5> {
    let [input, output] = weight.dims();
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return binary(
            Convolution { turned: true },
            x,
            weight.reshape([input, output, 1, 1, 1]),
        );
    }
    conv3d_same(x, weight.transpose().reshape([output, input, 1, 1, 1]))
}

/// Normalizes each sample's channel over its voxels to mean 0 and variance 1, then scales negative values by `slope`
/// (more than 0; 1 changes nothing). `[batch, channel, d, h, w]`.
pub(crate) fn instance_norm(x: Tensor<5>, slope: f64) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        let slope = slope as f32;
        return unary(InstanceNorm { slope }, x);
    }
    let [batch, channels, d, h, w] = x.dims();
    let x = x.reshape([batch, channels, d * h * w]);
    let centered = x.clone() - x.mean_dim(2);
    let variance = centered.clone().powi_scalar(2).mean_dim(2);
    let y = centered * (variance + EPSILON).sqrt().recip();
    let y = y.reshape([batch, channels, d, h, w]);
    if slope == 1.0 { y } else { leaky_relu(y, slope) }
}

/// Normalizes the last axis to mean 0 and variance 1, times `gain` plus `bias`.
pub(crate) fn layer_norm<const D: usize>(x: Tensor<D>, gain: Tensor<1>, bias: Tensor<1>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return ternary(LayerNorm, x, gain, bias);
    }
    burn::tensor::module::layer_norm(x, gain, Some(bias), EPSILON)
}

/// Normalizes each sample's groups of channels to mean 0 and variance 1, times each channel's `gain` plus
/// `bias`, then ReLU. `[batch, channel, d, h, w]`.
pub(crate) fn group_norm_relu(x: Tensor<5>, gain: Tensor<1>, bias: Tensor<1>, groups: usize) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return ternary(GroupNormRelu { groups }, x, gain, bias);
    }
    let [batch, channels, d, h, w] = x.dims();
    // A group's channels, one after the other, are like the planes of one channel.
    let grouped = [batch, groups, channels / groups * d, h, w];
    let normal = instance_norm(x.reshape(grouped), 1.0).reshape([batch, channels, d, h, w]);
    let by_channel = [1, channels, 1, 1, 1];
    relu(normal * gain.reshape(by_channel) + bias.reshape(by_channel))
}

/// The sums that a loss needs of the softmax p over classes of the logits and of the truth y, both `[batch, class,
/// voxel]`: over voxels of p·y, of p (p² if `squared`) and of −y·log p, `[batch, class, 3]`. The truth has no gradient.
/// If it is `partial`, the p of a voxel is multiplied by the sum of its y: one whose y are all 0 does not count.
pub(crate) fn class_sums(logits: Tensor<3>, truth: Tensor<3>, squared: bool, partial: bool) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if has_kernels(&logits) {
        return binary(ClassSums { squared, partial }, logits, truth.detach());
    }
    generic_class_sums(logits, truth, squared, partial)
}

/// [`class_sums`] in burn's own operations.
fn generic_class_sums(logits: Tensor<3>, truth: Tensor<3>, squared: bool, partial: bool) -> Tensor<3> {
    let log_p = log_softmax(logits, 1);
    let entropy = (log_p.clone() * truth.clone()).sum_dim(2).neg();
    let p = log_p.exp();
    let overlap = (p.clone() * truth.clone()).sum_dim(2);
    let size = if squared { p.powi_scalar(2) } else { p };
    let size = if partial { size * truth.sum_dim(1) } else { size };
    Tensor::cat(vec![overlap, size.sum_dim(2), entropy], 2)
}

/// Dice plus cross entropy, `[1]`, from the [`class_sums`] of probabilities, the voxels of the truth by class, `[batch,
/// class, 1]`, and, where not all voxels count, how many do, `[batch, 1, 1]`. Only the sums have a gradient.
///
/// A sample without any voxel that counts has a Dice of 1 and no gradient.
pub(crate) fn dice_of_sums(
    sums: Tensor<3>,
    truth: Tensor<3>,
    known: Option<Tensor<3>>,
    numbers: DiceOfSums,
) -> Tensor<1> {
    #[cfg(feature = "flex")]
    if has_kernels(&sums) {
        let partial = known.is_some();
        let known = known.unwrap_or_else(|| Tensor::empty([1; 3], &sums.device()));
        let operation = SumsLoss { numbers, partial };
        return ternary(operation, sums, truth.detach(), known.detach()).reshape([1]);
    }
    generic_dice_of_sums(sums, truth, known, numbers)
}

/// [`dice_of_sums`] in burn's own operations.
fn generic_dice_of_sums(sums: Tensor<3>, truth: Tensor<3>, known: Option<Tensor<3>>, numbers: DiceOfSums) -> Tensor<1> {
    let classes = sums.dims()[1];
    let ([dice_weight, ce_weight], [numerator, denominator]) = (numbers.weights, numbers.smooth);
    let [overlap, size, entropy] = [0, 1, 2].map(|index| sums.clone().narrow(2, index, 1));
    let known = known.unwrap_or_else(|| sums.zeros_like().narrow(1, 0, 1).narrow(2, 0, 1) + numbers.voxels as f64);
    let counted = known.clone().sum().clamp_min(1.0);
    let ce = entropy.sum() / (counted * numbers.terms as f64);
    let pooled = |x: Tensor<3>| if numbers.batch { x.sum_dim(0) } else { x };
    let chosen = |x: Tensor<3>| {
        let first = usize::from(!numbers.background);
        pooled(x.narrow(1, first, classes - first))
    };
    // 1 for a sample (or batch) with voxels that count; one without has no loss, and nothing is divided by 0.
    let found = pooled(known).clamp_max(1.0);
    let size = chosen(size + truth) + (found.clone().neg() + 1.0);
    let dice = (chosen(overlap) * 2.0 + numerator) / (size + denominator);
    let dice = ((dice.neg() + 1.0) * found).mean();
    dice * dice_weight + ce * ce_weight
}

/// ‖a − b‖² / (‖b‖² + ε), `[1]`. `b` has no gradient.
pub(crate) fn relative_distance<const D: usize>(a: Tensor<D>, b: Tensor<D>, epsilon: f64) -> Tensor<1> {
    let b = b.detach();
    #[cfg(feature = "flex")]
    if has_kernels(&a) && has_kernels(&b) {
        return binary(RelativeDistance { epsilon }, a, b).reshape([1]);
    }
    sum((a - b.clone()).powi_scalar(2)) / (sum(b.powi_scalar(2)) + epsilon)
}

/// softmax(q · kᵀ / √width + bias + mask) · v within windows, scores in f32: `[window, token, channel]`.
///
/// Queries are `[window, token, channel]`, and `rest` has keys and values `[window, token, 2 · channel]`; without it,
/// `query` has all three. Channels are ordered query|key|value, then by head. `bias` is `[head, query, key]`;
/// `mask`, `[window of a sample, query, key]`, has no gradient.
pub fn attention(
    query: Tensor<3>,
    rest: Option<Tensor<3>>,
    heads: usize,
    bias: Option<Tensor<3>>,
    mask: Option<Tensor<3>>,
) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if has_kernels(&query) {
        let device = query.device();
        let or_empty = |tensor: Option<Tensor<3>>| tensor.unwrap_or_else(|| Tensor::empty([1, 1, 1], &device));
        let [rest, bias, mask] = [rest, bias, mask].map(or_empty);
        return quaternary(Attention { heads }, query, rest, bias, mask.detach());
    }
    let [query, key, value] = match rest {
        None => split(query, heads),
        Some(rest) => {
            let [query] = split(query, heads);
            let [key, value] = split(rest, heads);
            [query, key, value]
        }
    };
    let [windows, heads, tokens, width] = query.dims();
    let given = query.dtype();
    let query = query * (width as f64).powf(-0.5);
    let mut scores = query.matmul(key.transpose()).cast(FloatDType::F32);
    if let Some(bias) = bias {
        scores = scores + bias.cast(FloatDType::F32).unsqueeze();
    }
    if let Some(mask) = mask {
        let of_a_sample = mask.dims()[0];
        let by_sample = [windows / of_a_sample, of_a_sample, heads, tokens, tokens];
        let mask = mask.unsqueeze_dim::<4>(1).unsqueeze::<5>();
        scores = (scores.reshape(by_sample) + mask).reshape([windows, heads, tokens, tokens]);
    }
    softmax(scores, 3)
        .cast(given)
        .matmul(value)
        .swap_dims(1, 2)
        .reshape([windows, tokens, heads * width])
}

/// `[window, token, N · channel]` → N times `[window, head, token, channel of the head]`.
fn split<const N: usize>(x: Tensor<3>, heads: usize) -> [Tensor<4>; N] {
    let [windows, tokens, channels] = x.dims();
    let width = channels / N / heads;
    let x = x.reshape([windows, tokens, N, heads, width]).permute([2, 0, 3, 1, 4]);
    std::array::from_fn(|i| x.clone().narrow(0, i, 1).reshape([windows, heads, tokens, width]))
}

/// The exact GELU (Hendrycks and Gimpel, arXiv 1606.08415).
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return unary(Gelu, x);
    }
    burn::tensor::activation::gelu(x)
}

/// `x · weight + bias + added` of `[row, in]`, `[in, out]`, `[out]` and `[row, out]`.
pub(crate) fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Option<Tensor<1>>, added: Option<Tensor<2>>) -> Tensor<2> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        let operation = Linear {
            has_bias: bias.is_some(),
            adds: added.is_some(),
        };
        let bias = bias.unwrap_or_else(|| Tensor::empty([1], &x.device()));
        let added = added.unwrap_or_else(|| Tensor::empty([1, 1], &x.device()));
        return quaternary(operation, x, weight, bias, added);
    }
    let y = x.matmul(weight);
    let y = match bias {
        Some(bias) => y + bias.unsqueeze(),
        None => y,
    };
    match added {
        Some(added) => y + added,
        None => y,
    }
}

/// `[sample, channel, value]` plus each channel's `bias`, `[channel]`.
pub(crate) fn add_bias(x: Tensor<3>, bias: Tensor<1>) -> Tensor<3> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return binary(AddBias, x, bias);
    }
    let channels = bias.dims()[0];
    x + bias.reshape([1, channels, 1])
}

/// The channels of `a` and then those of `b`, `[batch, channel, d, h, w]`.
pub fn concat_channels(a: Tensor<5>, b: Tensor<5>) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if has_kernels(&a) {
        return binary(ConcatChannels, a, b);
    }
    Tensor::cat(vec![a, b], 1)
}

/// `a + b`, with negative values scaled by `slope` (not negative).
pub fn add_leaky_relu(a: Tensor<5>, b: Tensor<5>, slope: f64) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if has_kernels(&a) {
        let slope = slope as f32;
        return binary(AddLeaky { slope }, a, b);
    }
    leaky_relu(a + b, slope)
}

/// `[batch, channel · kd · kh · kw, d, h, w]` → `[batch, channel, kd·d, kh·h, kw·w]`: each voxel becomes a
/// block.
pub(crate) fn depth_to_space(x: Tensor<5>, kernel: [usize; 3]) -> Tensor<5> {
    #[cfg(feature = "flex")]
    if has_kernels(&x) {
        return unary(DepthToSpace { kernel }, x);
    }
    let [kd, kh, kw] = kernel;
    let [batch, channels, d, h, w] = x.dims();
    let channels = channels / (kd * kh * kw);
    x.reshape([batch, channels, kd, kh, kw, d, h, w])
        .permute([0, 1, 5, 2, 6, 3, 7, 4])
        .reshape([batch, channels, kd * d, kh * h, kw * w])
}

/// A step of AdamW: from parameters, their gradients and their two moments, one after the other in one tensor, the
/// parameters and moments after it. All are flat, and not part of any graph.
pub(crate) fn adamw(parameters: Vec<[Tensor<1>; 3]>, numbers: AdamW) -> Vec<[Tensor<1>; 2]> {
    #[cfg(feature = "flex")]
    if parameters.iter().flatten().all(has_kernels) {
        return update::adamw(parameters, numbers);
    }
    let moved = |[value, gradient, moments]: [Tensor<1>; 3]| {
        let ([first, second], added) = (numbers.kept, numbers.added);
        let [mean, square]: [Tensor<1>; 2] = moments.chunk(2, 0).try_into().expect("two moments");
        let mean = mean * first + gradient.clone() * added[0];
        let square = square * second + gradient.powi_scalar(2) * added[1];
        let [mean_correction, square_correction] = numbers.corrections;
        let scale = (square.clone() / square_correction).sqrt() + numbers.epsilon;
        let direction = mean.clone() / mean_correction / scale + value.clone() * numbers.decay;
        [value - direction * numbers.rate, Tensor::cat(vec![mean, square], 0)]
    };
    parameters.into_iter().map(moved).collect()
}

/// `share · kept + (1 − share) · new` of pairs of tensors. Not part of any graph.
pub(crate) fn averages(pairs: Vec<[Tensor<1>; 2]>, share: f64) -> Vec<Tensor<1>> {
    #[cfg(feature = "flex")]
    if pairs.iter().flatten().all(has_kernels) {
        return update::averages(pairs, share);
    }
    let average = |[kept, new]: [Tensor<1>; 2]| kept * share + new * (1.0 - share);
    pairs.into_iter().map(average).collect()
}

/// Whether there is a kernel for convolutions of a tensor with cubes of this side: of any on the CPU.
#[cfg(feature = "flex")]
fn convolves(x: &Tensor<5>, kernel: usize) -> bool {
    #[cfg(feature = "gpu")]
    if !is_cpu(&x.device()) {
        return gpu::suits(kernel);
    }
    let _ = (x, kernel);
    true
}

/// Whether tensors of a device are in this program's own memory.
pub(crate) fn is_cpu(device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return device.clone().inner() == Device::flex();
    #[cfg(not(feature = "flex"))]
    {
        let _ = device;
        false
    }
}

/// Whether there are kernels for a tensor: in f32, on the CPU and on any GPU.
#[cfg(feature = "flex")]
fn has_kernels<const D: usize>(x: &Tensor<D>) -> bool {
    use burn::backend::DispatchDevice;
    use burn::tensor::DType;

    let device = x.device().inner();
    let has_kernels = match device.as_dispatch() {
        DispatchDevice::Flex(_) => true,
        #[cfg(feature = "gpu")]
        DispatchDevice::Cube(_) => true,
        #[allow(unreachable_patterns)]
        _ => false,
    };
    has_kernels && x.dtype() == DType::F32
}

#[cfg(all(test, feature = "flex"))]
mod tests;
