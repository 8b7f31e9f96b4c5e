//! Blended logits against MONAI 1.5's `SlidingWindowInferer` over tanh(conv3d(x)), whose outputs depend on where
//! windows are cut and on the padding. Tolerance 2e-6: sums of f32 in another order.

use burn::tensor::ops::ConvOptions;
use burn::tensor::{Device, Tensor, TensorData, module::conv3d};
use futures::executor::block_on;
use ndarray::Array4;
use safetensors::SafeTensors;

use super::Blender;
use crate::dataset::LabelSet;
use crate::infer::{Blend, Inference, PredictConfig, importance};
use crate::transform::{Normalization, Prepared, Preprocessing};
use crate::volume::{Affine, Form, Grid, Image, Voxels};

const FILE: &[u8] = include_bytes!("../../../../tests/fixtures/sliding_window.safetensors");
const WINDOW: [usize; 3] = [16; 3];
/// Windows of a batch.
const BATCH: usize = 3;

/// A tensor's shape and values.
fn stored(name: &str) -> (Vec<usize>, Vec<f32>) {
    let file = SafeTensors::deserialize(FILE).expect("a file");
    let tensor = file.tensor(name).expect(name);
    let (values, _) = tensor.data().as_chunks::<4>();
    let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (tensor.shape().to_vec(), values.collect())
}

fn tensor<const D: usize>(name: &str) -> Tensor<D> {
    let (shape, values) = stored(name);
    let shape: [usize; D] = shape.try_into().expect("the rank");
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

/// The network's logits for windows.
fn network(x: Tensor<5>) -> Vec<f32> {
    let same = ConvOptions::new([1; 3], [1; 3], [1; 3], 1);
    let logits = conv3d(x, tensor("w.weight"), Some(tensor("w.bias")), same).tanh();
    let data = block_on(logits.into_data_async()).expect("the device answers");
    data.try_into_vec().expect("f32")
}

/// A volume of `[depth, height, width]`, prepared for windows: intensities unchanged, padded with zeros.
fn prepared(values: &[f32], [d, h, w]: [usize; 3]) -> Prepared {
    let affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let grid = Grid {
        dims: [w, h, d],
        affine,
        form: Form::Sform,
    };
    let image = Image::new(Voxels::F32(values.to_vec()), grid).expect("an image");
    let preprocessing = Preprocessing {
        normalization: Normalization::None,
        ..Preprocessing::default()
    };
    Prepared::new(&[&image], None, &preprocessing, WINDOW)
}

/// The blended logits, added up here and on a device: the same.
fn blended(case: &Prepared, config: &PredictConfig, sigma_scale: f64) -> Array4<f32> {
    let labels = LabelSet::from_ids([1], &Default::default()).expect("two classes");
    let mut blender = Blender::new(case, WINDOW, &labels, config, false);
    blender.importance = importance(WINDOW, config.inference.blend, sigma_scale);
    let mut there = Blender::new(case, WINDOW, &labels, config, false);
    there.importance.clone_from(&blender.importance);
    let mut there = there.on(&Device::flex());
    assert!(there.is_on_device());
    let count = blender.windows.starts.len();
    for first in (0..count).step_by(BATCH) {
        let windows = first..(first + BATCH).min(count);
        let (values, shape) = blender.batch(&case.image, windows.clone());
        let x = Tensor::from_data(TensorData::new(values, shape), &Device::flex());
        let logits = network(x);
        let [windows_of_batch, _, d, h, w] = shape;
        let shape = [windows_of_batch, labels.outputs(), d, h, w];
        let tensor = Tensor::from_data(TensorData::new(logits.clone(), shape), &Device::flex());
        block_on(there.add_on_device(windows.clone(), tensor, |_, _| {})).expect("the device answers");
        blender
            .add(windows, &logits, |_, _| {})
            .expect("as many logits as voxels");
    }
    let logits = blender.finish(|_, _| {}).logits.expect("kept");
    assert_eq!(there.finish(|_, _| {}).logits, Some(logits.clone()));
    case.native.without_padding(&logits)
}

#[test]
fn blended_windows_equal_monai() {
    let mut compared = 0;
    for image in ["a", "b"] {
        let (shape, values) = stored(&format!("x_{image}"));
        let size = [shape[2], shape[3], shape[4]];
        let voxels: usize = size.iter().product();
        for (blend, overlap, sigma_scale) in [
            (Blend::Constant, 0.5, 0.125),
            (Blend::Constant, 0.25, 0.125),
            (Blend::Gaussian, 0.5, 0.125),
            (Blend::Gaussian, 0.5, 0.2),
            (Blend::Gaussian, 0.25, 0.125),
        ] {
            let config = PredictConfig {
                inference: Inference {
                    overlap,
                    blend,
                    ..Inference::default()
                },
                keep_logits: true,
                ..PredictConfig::default()
            };
            let mode = if blend == Blend::Constant {
                "constant"
            } else {
                "gaussian"
            };
            let name = format!("out_{image}_{mode}_{overlap}_{sigma_scale}");
            let (_, expected) = stored(&name);
            // Image b holds two cases, and is smaller than the window along its first axis.
            for (sample, expected) in values.chunks(voxels).zip(expected.chunks(2 * voxels)) {
                let found = blended(&prepared(sample, size), &config, sigma_scale);
                assert_eq!(found.len(), expected.len());
                let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
                let off = off.fold(0.0, f32::max);
                assert!(off < 2e-6, "{name}: {off}");
                compared += 1;
            }
        }
    }
    assert_eq!(compared, 15);
}
