//! Layer norm with gain and bias: two passes forward, two backward, sums in f64.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

use super::moments::{Moments, sums};
use super::work::{CHUNK, fill, tensor, values, vectorized};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::operations::LayerNorm;

impl Operation<Flex, 3, 2> for LayerNorm {
    /// The moments of each row.
    type Kept = Vec<Moments>;

    fn forward(&self, [x, gain, bias]: [FlexTensor; 3]) -> (FlexTensor, Vec<Moments>) {
        forward(x, gain, bias)
    }

    fn needed<T>([x, gain, _bias]: [T; 3]) -> [T; 2] {
        [x, gain]
    }

    fn backward(
        self,
        [x, gain]: [FlexTensor; 2],
        rows: Vec<Moments>,
        dy: FlexTensor,
        _wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        let shape = gain.shape();
        let (dx, [dgain, dbias]) = backward(x, gain, dy, &rows);
        let [dgain, dbias] = [dgain, dbias].map(|values| Some(tensor(values, shape.clone())));
        [Some(dx), dgain, dbias]
    }
}

/// Rows that one thread processes at a time.
fn rows_per_chunk(channels: usize) -> usize {
    (CHUNK / channels).max(1)
}

/// The result, and the moments of each row of `x`.
fn forward(x: FlexTensor, gain: FlexTensor, bias: FlexTensor) -> (FlexTensor, Vec<Moments>) {
    let shape = x.shape();
    let [x, gain, bias] = [x, gain, bias].map(|tensor| tensor.to_contiguous());
    let (x, gain, bias) = (values(&x), values(&gain), values(&bias));
    let channels = gain.len();
    let size = rows_per_chunk(channels) * channels;
    let (y, rows) = fill(x.len(), size, |index, y| {
        let x = &x[index * size..][..y.len()];
        vectorized(
            #[inline(always)]
            move || {
                let rows = x.chunks_exact(channels).map(|x| {
                    let row = Moments::of(x);
                    y.put_triples(x, gain, bias, |x, gain, bias| row.normal(x) * gain + bias);
                    row
                });
                rows.collect::<Vec<_>>()
            },
        )
    });
    (tensor(y, shape), rows.concat())
}

/// The gradients of the input, and of gain and bias.
fn backward(x: FlexTensor, gain: FlexTensor, dy: FlexTensor, rows: &[Moments]) -> (FlexTensor, [Vec<f32>; 2]) {
    let shape = x.shape();
    let [x, gain, dy] = [x, gain, dy].map(|tensor| tensor.to_contiguous());
    let (x, gain, dy) = (values(&x), values(&gain), values(&dy));
    let channels = gain.len();
    let count = rows_per_chunk(channels);
    let size = count * channels;
    let (dx, parts) = fill(x.len(), size, |index, dx| {
        let range = index * size..index * size + dx.len();
        let (x, dy) = (&x[range.clone()], &dy[range]);
        let rows = &rows[index * count..];
        let mut found = [vec![0.0; channels], vec![0.0; channels]];
        let [dgain, dbias] = &mut found;
        let mut scratch = vec![0.0; channels];
        vectorized(
            #[inline(always)]
            move || {
                let pairs = x.chunks_exact(channels).zip(dy.chunks_exact(channels));
                for ((x, dy), &row) in pairs.zip(rows) {
                    for channel in 0..channels {
                        let normal = row.normal(x[channel]);
                        dgain[channel] += f64::from(dy[channel]) * f64::from(normal);
                        dbias[channel] += f64::from(dy[channel]);
                        scratch[channel] = dy[channel] * gain[channel];
                    }
                    let [sum, product] = sums(
                        &scratch,
                        x,
                        #[inline(always)]
                        |dy, x| [f64::from(dy), f64::from(dy) * f64::from(row.normal(x))],
                    );
                    let mean = (sum / channels as f64) as f32;
                    let slant = (product / channels as f64) as f32;
                    let scale = row.scale as f32;
                    dx.put_pairs(&scratch, x, |dy, x| scale * (dy - mean - row.normal(x) * slant));
                }
            },
        );
        found
    });
    let total = [0, 1].map(|which| {
        let mut total = vec![0.0f64; channels];
        for part in &parts {
            let places = total.iter_mut().zip(&part[which]);
            places.for_each(|(total, part)| *total += part);
        }
        total.into_iter().map(|total| total as f32).collect()
    });
    (tensor(dx, shape), total)
}
