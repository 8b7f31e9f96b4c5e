//! The operations of a loss against their formulas and burn's own operations.

use burn::tensor::activation::{log_softmax, softmax};
use burn::tensor::{Tensor, TensorData};
use futures::executor::block_on;

use super::{compare, on_each_device, random};
use crate::nn::kernel::{
    DiceOfSums, class_sums, dice_of_sums, generic_class_sums, generic_dice_of_sums, relative_distance,
};

#[test]
fn sums_of_classes_equal_their_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        for (classes, squared) in [(5, true), (5, false), (2, true), (14, true)] {
            // Partial runs; logits so far apart that one of them outweighs all others.
            let inputs = [
                random([2, classes, 700], 1, &device) * 20.0,
                random([2, classes, 700], 2, &device) + 1.0,
            ];
            let formula = |logits: Tensor<3>, truth: Tensor<3>| {
                let p = softmax(logits.clone(), 1);
                let entropy = log_softmax(logits, 1).neg() * truth.clone();
                let size = if squared { p.clone() * p.clone() } else { p.clone() };
                let sums = [p * truth, size, entropy].map(|terms| terms.sum_dim(2));
                Tensor::cat(sums.to_vec(), 2)
            };
            let ours = |logits, truth| class_sums(logits, truth, squared, false);
            let what = format!("{classes} classes, squared {squared}");
            compare(&what, inputs, ours, formula);
        }
    });
}

/// Every third voxel has no class; more of them than a run of the kernel has.
#[test]
fn sums_of_partial_truth_are_those_of_the_generic_form() {
    on_each_device(|device| {
        let device = device.autodiff();
        let (classes, voxels) = (3, 700);
        let one_hot = (0..2 * classes * voxels).map(|index| {
            let (class, voxel) = (index / voxels % classes, index % voxels);
            f32::from(u8::from(voxel % 3 > 0 && voxel / 3 % classes == class))
        });
        let truth = TensorData::new(one_hot.collect::<Vec<f32>>(), [2, classes, voxels]);
        let truth = Tensor::from_data(truth, &device);
        for squared in [true, false] {
            let inputs = [random([2, classes, voxels], 1, &device) * 5.0, truth.clone()];
            let ours = |logits, truth| class_sums(logits, truth, squared, true);
            let generic = |logits, truth: Tensor<3>| generic_class_sums(logits, truth.detach(), squared, true);
            compare(&format!("partial, squared {squared}"), inputs, ours, generic);
            // A third of the probabilities is left out.
            let logits = random([2, classes, voxels], 1, &device);
            let sizes = |partial| {
                class_sums(logits.clone(), truth.clone(), false, partial)
                    .narrow(2, 1, 1)
                    .sum()
            };
            let [part, whole] = [true, false].map(|partial| {
                let sum = block_on(sizes(partial).into_scalar_async::<f32>());
                sum.expect("the cpu answers")
            });
            // 466 of the 700 voxels of each sample.
            assert!(
                (part - 932.0).abs() < 1e-2 && (whole - 1400.0).abs() < 1e-2,
                "{part} {whole}"
            );
        }
    });
}

/// All that a loss may be asked for, with a sample that has no voxel that counts.
#[test]
fn dice_of_sums_is_that_of_the_generic_form() {
    on_each_device(|device| {
        let device = device.autodiff();
        let (samples, classes) = (3, 4);
        let counts = |seed| random([samples, classes, 1], seed, &device) * 20.0 + 30.0;
        let sums = Tensor::cat(vec![counts(1), counts(2), counts(3)], 2);
        let known = Tensor::from_data([[[90.0]], [[0.0]], [[60.0]]], &device);
        for index in 0..16 {
            let [background, batch, smooth, partial] = [0, 1, 2, 3].map(|bit| index >> bit & 1 == 1);
            let numbers = DiceOfSums {
                background,
                batch,
                smooth: if smooth { [1e-2, 1e-1] } else { [0.0, 1e-6] },
                weights: [0.7, 1.3],
                voxels: 200,
                terms: 2,
            };
            let known = || partial.then(|| known.clone());
            let ours = |sums, truth: Tensor<3>| {
                let loss = dice_of_sums(sums, truth.detach(), known(), numbers);
                loss.reshape([1, 1, 1])
            };
            let generic = |sums, truth: Tensor<3>| {
                let loss = generic_dice_of_sums(sums, truth.detach(), known(), numbers);
                loss.reshape([1, 1, 1])
            };
            compare(
                &format!("{numbers:?}, partial {partial}"),
                [sums.clone(), counts(4)],
                ours,
                generic,
            );
        }
    });
}

/// More values than a workgroup adds up, and fewer than a vector has.
#[test]
fn relative_distance_equals_its_formula() {
    on_each_device(|device| {
        let device = device.autodiff();
        for shape in [[2, 3, 4000], [1, 1, 3]] {
            let inputs = [random(shape, 1, &device), random(shape, 2, &device)];
            let formula = |a: Tensor<3>, b: Tensor<3>| {
                let b = b.detach();
                let ratio = (a - b.clone()).powi_scalar(2).sum() / (b.powi_scalar(2).sum() + 0.5);
                ratio.reshape([1, 1, 1])
            };
            let ours = |a, b| relative_distance(a, b, 0.5).reshape([1, 1, 1]);
            compare("distance", inputs, ours, formula);
        }
    });
}
