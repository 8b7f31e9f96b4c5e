//! SimCLR's head and loss (Chen et al., arXiv 2002.05709): features of two views of one place are compared with those
//! of the other places of a batch.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{log_softmax, relu};
use burn::tensor::{FloatDType, Tensor, TensorData};

use super::{Pretraining, Task};
use crate::backbone::EncoderShape;
use crate::nn::{Init, linear, project, sum};

/// Prevents division by zero, as PyTorch's `normalize`.
const EPSILON: f64 = 1e-12;

/// Takes a view out of the comparison with itself.
const NEVER: f32 = -1e9;

/// From features to the space in which views are compared.
#[derive(Module, Debug)]
pub struct SimclrHead {
    hidden: Linear,
    output: Linear,
}

impl SimclrHead {
    /// A new head.
    pub fn new(encoder: EncoderShape, settings: &Pretraining, init: &mut Init) -> Self {
        Self {
            hidden: linear(encoder.channels, encoder.channels, true, init),
            output: linear(encoder.channels, settings.projection, true, init),
        }
    }

    /// The loss of a batch `[batch, channel, d, h, w]`, `[1]`, in which two views of one place follow each other;
    /// `None` where the network cannot be pretrained.
    pub fn loss(&self, task: &Task<'_>, x: Tensor<5>) -> Option<Tensor<1>> {
        let features = task.model.features(x, None)?;
        let [samples, width, d, h, w] = features.dims();
        let pooled = features.reshape([samples, width, d * h * w]).mean_dim(2);
        let pooled = pooled.reshape([samples, width]);
        let projected = project(&self.output, relu(project(&self.hidden, pooled)));
        Some(nt_xent(projected, task.settings.temperature))
    }
}

/// Cross entropy of finding the other view of a place among all other views, by their cosine similarity over the
/// temperature (NT-Xent), `[1]`, in f32. Rows 2k and 2k + 1 of `views` `[2 · place, channel]` are of one place.
pub fn nt_xent(views: Tensor<2>, temperature: f64) -> Tensor<1> {
    let count = views.dims()[0];
    let views = views.cast(FloatDType::F32);
    let norm = views.clone().powi_scalar(2).sum_dim(1).sqrt().clamp_min(EPSILON);
    let views = views / norm;
    let device = views.device();
    let square = |value: &dyn Fn(usize, usize) -> f32| {
        let values: Vec<f32> = (0..count * count)
            .map(|index| value(index / count, index % count))
            .collect();
        Tensor::<2>::from_data(TensorData::new(values, [count, count]), &device)
    };
    let itself = square(&|row, column| if row == column { NEVER } else { 0.0 });
    let partner = square(&|row, column| f32::from(row ^ 1 == column));
    let similarity = views.clone().matmul(views.transpose()) / temperature + itself;
    sum(log_softmax(similarity, 1) * partner).neg() / count as f64
}
