//! Dice and cross entropy from the sums of a batch, with their derivatives.

use burn::backend::Flex;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::Shape;

use super::work::{tensor, values};
use crate::nn::kernel::node::Operation;
use crate::nn::kernel::numbers::DiceOfSums;
use crate::nn::kernel::operations::SumsLoss;

/// The loss, and its derivative with respect to each of the sums. `truth` and `sums` are by sample and class, `known`
/// by sample.
fn loss_and_slopes(sums: &[[f32; 3]], truth: &[f32], known: &[f64], numbers: DiceOfSums) -> (f64, Vec<f32>) {
    let (samples, classes) = (known.len(), truth.len() / known.len().max(1));
    let ([dice_weight, ce_weight], [numerator, denominator]) = (numbers.weights, numbers.smooth);
    let first = usize::from(!numbers.background);
    let run = if numbers.batch { samples } else { 1 };
    let of_entropy = ce_weight / (known.iter().sum::<f64>().max(1.0) * numbers.terms as f64);
    let share = dice_weight / (samples / run * (classes - first)) as f64;
    let mut loss = 0.0;
    let mut slopes = vec![0.0; 3 * sums.len()];
    for start in (0..samples).step_by(run) {
        let found = known[start..start + run].iter().sum::<f64>().min(1.0);
        for class in 0..classes {
            let places = || (start..start + run).map(|sample| sample * classes + class);
            let total = |value: &dyn Fn(usize) -> f32| places().map(|place| f64::from(value(place))).sum::<f64>();
            let overlap = 2.0 * total(&|place| sums[place][0]) + numerator;
            let size = total(&|place| sums[place][1] + truth[place]) + 1.0 - found + denominator;
            loss += of_entropy * total(&|place| sums[place][2]);
            let mut slope = [0.0, 0.0, of_entropy];
            if class >= first {
                let share = share * found;
                loss += share * (1.0 - overlap / size);
                slope = [-2.0 * share / size, share * overlap / (size * size), of_entropy];
            }
            for place in places() {
                slopes[3 * place..3 * place + 3].copy_from_slice(&slope.map(|slope| slope as f32));
            }
        }
    }
    (loss, slopes)
}

impl Operation<Flex, 3, 0> for SumsLoss {
    /// The derivatives with respect to the sums.
    type Kept = FlexTensor;

    fn forward(&self, inputs: [FlexTensor; 3]) -> (FlexTensor, FlexTensor) {
        let shape = inputs[0].shape();
        let inputs = inputs.map(|input| input.to_contiguous());
        let [sums, truth, known] = inputs.each_ref().map(values);
        let (sums, _) = sums.as_chunks::<3>();
        let known: Vec<f64> = match self.partial {
            true => known.iter().map(|&count| f64::from(count)).collect(),
            false => vec![self.numbers.voxels as f64; shape[0]],
        };
        let (loss, slopes) = loss_and_slopes(sums, truth, &known, self.numbers);
        (tensor(vec![loss as f32], Shape::new([1; 3])), tensor(slopes, shape))
    }

    fn needed<T>(_inputs: [T; 3]) -> [T; 0] {
        []
    }

    fn backward(
        self,
        []: [FlexTensor; 0],
        slopes: FlexTensor,
        dy: FlexTensor,
        _wanted: [bool; 3],
    ) -> [Option<FlexTensor>; 3] {
        [Some(Flex::float_mul(slopes, dy)), None, None]
    }
}
