//! Attention on a CPU, a head of a window at a time: its scores stay in the cache and are never stored. The backward
//! pass recomputes them, which is faster than loading them from memory.

// See `matrix`; threads write disjoint parts of one output.
#![allow(unsafe_code)]

use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::math::exp;
use super::matrix::{Matrix, Target, multiply};
use super::work::{Shared, for_each, for_each_share, tensor, values, vectorized};

/// The inputs: queries, keys and values, each token's channels contiguous and ordered by head; the terms added to the
/// scores; and the sizes.
struct Attention<'a> {
    query: Part<'a>,
    key: Part<'a>,
    value: Part<'a>,
    /// `[head, query, key]`, or one zero.
    bias: &'a [f32],
    /// `[window of a sample, query, key]`, or one zero.
    mask: &'a [f32],
    windows: usize,
    tokens: usize,
    width: usize,
}

/// Queries, keys or values within a tensor: the offset of the first, and the stride between tokens.
#[derive(Clone, Copy)]
struct Part<'a> {
    values: &'a [f32],
    start: usize,
    token: usize,
}

impl<'a> Attention<'a> {
    fn new([query, rest, bias, mask]: [&'a FlexTensor; 4], heads: usize) -> Self {
        let (shape, other) = (query.shape(), rest.shape());
        let [windows, tokens, given] = [shape[0], shape[1], shape[2]];
        let part = |tensor: &'a FlexTensor, start: usize, token: usize| Part {
            values: values(tensor),
            start,
            token,
        };
        // Without a second tensor, the first also holds keys and values.
        let joined = other.num_elements() == 1;
        let channels = if joined { given / 3 } else { given };
        let (key, value) = if joined {
            (part(query, channels, given), part(query, 2 * channels, given))
        } else {
            (part(rest, 0, other[2]), part(rest, channels, other[2]))
        };
        Self {
            query: part(query, 0, given),
            key,
            value,
            bias: values(bias),
            mask: values(mask),
            windows,
            tokens,
            width: channels / heads,
        }
    }

    fn scale(&self) -> f32 {
        (self.width as f32).sqrt().recip()
    }

    /// Where a head of a window begins in a part.
    fn place(&self, part: Part<'_>, window: usize, head: usize) -> usize {
        part.start + window * self.tokens * part.token + head * self.width
    }

    /// `[token, channel of the head]`.
    fn matrix(&self, part: Part<'a>, window: usize, head: usize) -> Matrix<'a> {
        Matrix::rows(&part.values[self.place(part, window, head)..], part.token)
    }

    /// The weights of a head of a window, `[query, key]`, into `scores`: softmax(q · kᵀ / √width + bias + mask).
    fn weights(&self, window: usize, head: usize, scores: &mut [f32]) {
        let (tokens, width) = (self.tokens, self.width);
        let query = self.matrix(self.query, window, head);
        let key = self.matrix(self.key, window, head).transposed();
        write(scores, query, key, [tokens, tokens, width]);
        let plane = tokens * tokens;
        let slice = |values: &'a [f32], index: usize| match values.len() {
            1 => None,
            length => Some(&values[index % (length / plane) * plane..][..plane]),
        };
        let (bias, mask) = (slice(self.bias, head), slice(self.mask, window));
        let scale = self.scale();
        vectorized(
            #[inline(always)]
            || {
                for (query, scores) in scores.chunks_exact_mut(tokens).enumerate() {
                    let row = query * tokens..(query + 1) * tokens;
                    scores.iter_mut().for_each(|score| *score *= scale);
                    for added in [bias, mask].into_iter().flatten() {
                        let pairs = scores.iter_mut().zip(&added[row.clone()]);
                        pairs.for_each(|(score, &added)| *score += added);
                    }
                    softmax(scores);
                }
            },
        );
    }
}

/// `[window, token, channel]`.
pub(super) fn forward(inputs: [&FlexTensor; 4], heads: usize) -> FlexTensor {
    let inputs = inputs.map(FlexTensor::to_contiguous);
    let a = Attention::new(inputs.each_ref(), heads);
    let (tokens, channels) = (a.tokens, heads * a.width);
    let length = a.windows * tokens * channels;
    let mut y: Vec<f32> = Vec::with_capacity(length);
    let whole = Shared(y.as_mut_ptr());
    let scratch = || vec![0.0; tokens * tokens];
    for_each(a.windows * heads, scratch, |scores, index| {
        let (window, head) = (index / heads, index % heads);
        a.weights(window, head, scores);
        let value = a.matrix(a.value, window, head);
        // SAFETY: these channels of this window are inside, and no other thread writes them.
        unsafe {
            let target = Target {
                place: whole.at(window * tokens * channels + head * a.width),
                row: channels,
            };
            let sizes = [tokens, a.width, tokens];
            multiply(target, Matrix::rows(scores, tokens), value, sizes, false, false);
        }
    });
    // SAFETY: every head of every window has been written.
    unsafe { y.set_len(length) };
    let mut shape = inputs[0].shape();
    shape[2] = channels;
    tensor(y, shape)
}

/// The gradients of queries (with keys and values, if they are one tensor), of keys and values, and of the bias, where
/// present.
pub(super) fn backward(inputs: [&FlexTensor; 4], dy: FlexTensor, heads: usize) -> [Option<FlexTensor>; 3] {
    let inputs = inputs.map(FlexTensor::to_contiguous);
    let dy = dy.to_contiguous();
    let a = Attention::new(inputs.each_ref(), heads);
    let dy = Part {
        values: values(&dy),
        start: 0,
        token: heads * a.width,
    };
    let present = [0, 1, 2].map(|index| inputs[index].shape().num_elements() > 1);
    let mut found = [0, 1].map(|index| vec![0.0f32; inputs[index].shape().num_elements()]);
    let places = found.each_mut().map(|values| Shared(values.as_mut_ptr()));
    let rest = if present[1] { places[1] } else { places[0] };
    let targets = [places[0], rest, rest];
    let plane = a.tokens * a.tokens;
    let shares = for_each_share(a.windows, |share| {
        let mut total = vec![0.0f32; if present[2] { heads * plane } else { 0 }];
        let mut scratch = [vec![0.0; plane], vec![0.0; plane]];
        for head in 0..heads {
            for window in share.clone() {
                a.head_gradient(dy, window, head, &mut scratch, targets);
                if let Some(total) = total.get_mut(head * plane..(head + 1) * plane) {
                    let pairs = total.iter_mut().zip(&scratch[1]);
                    vectorized(
                        #[inline(always)]
                        || pairs.for_each(|(total, &score)| *total += score),
                    );
                }
            }
        }
        total
    });
    let bias = shares.into_iter().reduce(|mut total, share| {
        total.iter_mut().zip(share).for_each(|(a, b)| *a += b);
        total
    });
    let [query, rest] = found;
    let all = [Some(query), Some(rest), bias];
    let mut index = 0;
    all.map(|values| {
        let gradient = values.filter(|_| present[index]);
        index += 1;
        gradient.map(|values| tensor(values, inputs[index - 1].shape()))
    })
}

impl Attention<'_> {
    /// Writes the gradients of a head of a window into queries, keys and values, and leaves that of its scores
    /// in the second of `scratch`.
    fn head_gradient(
        &self,
        dy: Part<'_>,
        window: usize,
        head: usize,
        [weights, scores]: &mut [Vec<f32>; 2],
        [query, key, value]: [Shared; 3],
    ) {
        let (tokens, width, scale) = (self.tokens, self.width, self.scale());
        self.weights(window, head, weights);
        let place = self.place(dy, window, head);
        let dy = Matrix::rows(&dy.values[place..], dy.token);
        let values = self.matrix(self.value, window, head).transposed();
        write(scores, dy, values, [tokens, tokens, width]);
        vectorized(
            #[inline(always)]
            || {
                let rows = weights.chunks_exact(tokens);
                for (weights, scores) in rows.zip(scores.chunks_exact_mut(tokens)) {
                    let mean = dot(weights, scores);
                    for (score, &weight) in scores.iter_mut().zip(weights) {
                        *score = weight * (*score - mean);
                    }
                }
            },
        );
        let (weights, changes) = (Matrix::rows(weights, tokens), Matrix::rows(scores, tokens));
        let (queries, keys) = (
            self.matrix(self.query, window, head),
            self.matrix(self.key, window, head),
        );
        let products = [
            (query, self.query, changes, keys, scale),
            (key, self.key, changes.transposed(), queries, scale),
            (value, self.value, weights.transposed(), dy, 1.0),
        ];
        for (to, part, left, right, scale) in products {
            let sizes = [tokens, width, tokens];
            let place = self.place(part, window, head);
            // SAFETY: these channels of this window are inside, and no other thread writes them.
            unsafe {
                let target = Target {
                    place: to.at(place),
                    row: part.token,
                };
                multiply(target, left, right, sizes, false, false);
                for token in 0..tokens {
                    let row = std::slice::from_raw_parts_mut(to.at(place + token * part.token), width);
                    row.iter_mut().for_each(|value| *value *= scale);
                }
            }
        }
    }
}

/// Writes a product that fills a slice.
fn write(target: &mut [f32], left: Matrix<'_>, right: Matrix<'_>, sizes: [usize; 3]) {
    let [rows, columns, _] = sizes;
    assert!(rows * columns <= target.len());
    let target = Target {
        place: target.as_mut_ptr(),
        row: columns,
    };
    // SAFETY: there is room for the product.
    unsafe { multiply(target, left, right, sizes, false, false) };
}

/// Parallel partial sums: a multiple of every processor's vector width.
const LANES: usize = 16;

#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    fold(a, b, 0.0, |sum, a, b| sum + a * b, |a, b| a + b)
}

/// Turns scores into weights that add up to 1.
#[inline(always)]
fn softmax(row: &mut [f32]) {
    let largest = fold(
        row,
        row,
        f32::NEG_INFINITY,
        |most, a, _| if a > most { a } else { most },
        f32::max,
    );
    row.iter_mut().for_each(|score| *score = exp(*score - largest));
    let sum = fold(row, row, 0.0, |sum, a, _| sum + a, |a, b| a + b);
    let share = sum.recip();
    row.iter_mut().for_each(|weight| *weight *= share);
}

/// Folds pairs in lanes, and then the lanes.
#[inline(always)]
fn fold(a: &[f32], b: &[f32], start: f32, step: impl Fn(f32, f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [start; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] = step(lanes[lane], a[lane], b[lane]);
        }
    }
    for (lane, (&a, &b)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[lane] = step(lanes[lane], a, b);
    }
    lanes.into_iter().fold(start, join)
}
