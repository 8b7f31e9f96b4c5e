//! Against hand calculations, and blended windows against numpy in f64 (`tests/fixtures/ensemble.py`). Tolerance 1e-5
//! for logits, 2e-6 for shares: sums of f32 in another order.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor, TensorData};
use safetensors::SafeTensors;

use super::super::blend::Blender;
use super::{EnsembleError, check, mean};
use crate::backbone::{Backbone, Network, Size};
use crate::dataset::{LabelSet, Regions};
use crate::infer::PredictConfig;
use crate::transform::{MirrorAxes, Normalization, Prepared, Preprocessing, Resampling, Spacing};
use crate::volume::{Affine, AxisOrder, Form, Grid, Image, Voxels};
use crate::weights::{Metadata, TrainingSummary};

/// The logits of voxels in a row, `[1, output, 1, 1, voxel]`.
fn row(voxels: &[&[f32]]) -> Tensor<5> {
    let outputs = voxels[0].len();
    let values: Vec<f32> = (0..outputs)
        .flat_map(|c| voxels.iter().map(move |voxel| voxel[c]))
        .collect();
    let shape = [1, outputs, 1, 1, voxels.len()];
    Tensor::from_data(TensorData::new(values, shape), &Device::flex())
}

fn values(tensor: Tensor<5>) -> Vec<f32> {
    tensor.into_data().try_into_vec().expect("floats")
}

fn mixed(members: &[Tensor<5>], regions: bool) -> Vec<f32> {
    values(mean(members.iter().cloned(), regions, true).expect("members"))
}

fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "{index}: {found}, not {expected}"
        );
    }
}

/// p is (3/4, 1/4) and (1/4, 3/4): the mean is even, its entropy 1 bit, that of each member 0.811278 bits. Where both
/// are even they agree.
#[test]
fn two_members_that_contradict_each_other() {
    let three = 3f32.ln();
    let found = mixed(
        &[row(&[&[three, 0.0], &[0.0, 0.0]]), row(&[&[0.0, three], &[5.0, 5.0]])],
        false,
    );
    let half = 0.5f32.ln();
    assert_close(&found, &[half, half, half, half, 0.188_722, 0.0], 1e-6);
}

/// The same as a region, whose sigmoids are 3/4 and 1/4, and a second region that both find with 9/10.
#[test]
fn regions_are_mixed_each_by_itself() {
    let (three, nine) = (3f32.ln(), 9f32.ln());
    let found = mixed(&[row(&[&[three, nine]]), row(&[&[-three, nine]])], true);
    assert_close(&found, &[0.0, nine, 0.188_722 / 2.0], 1e-6);
}

/// One member is certain and the other nearly even: a mean of logits would not see the second, a mean of probabilities
/// gives 0.5 + 0.35 / 2 and so on. Certainty of 1e4 must not overflow, and two members that are certain of different
/// classes disagree by ln 2 / ln 3.
#[test]
fn every_member_has_one_vote() {
    let near = [0.35f32, 0.6, 0.05].map(f32::ln);
    let found = mixed(&[row(&[&[100.0, 0.0, 0.0]]), row(&[&near])], false);
    assert_close(&found[..3], &[0.675, 0.3, 0.025].map(f32::ln), 1e-5);
    let found = mixed(&[row(&[&[1e4, 0.0, -1e4]]), row(&[&[-1e4, 0.0, 1e4]])], false);
    let half = 0.5f32.ln();
    assert_close(&[found[0], found[2], found[3]], &[half, half, 0.630_930], 1e-6);
    assert!(found[1] < -9e3 && found[1].is_finite());
}

#[test]
fn equal_members_are_one_of_them() {
    let one = row(&[&[2.0, -1.0, 0.5], &[0.0, 3.0, 0.0]]);
    let logs = values(burn::tensor::activation::log_softmax(one.clone(), 1));
    let found = mixed(&[one.clone(), one.clone(), one], false);
    assert_close(&found[..6], &logs, 1e-6);
    assert_close(&found[6..], &[0.0; 2], 1e-6);
}

fn stored(name: &str) -> (Vec<usize>, Vec<f32>) {
    let file = include_bytes!("../../../../tests/fixtures/ensemble.safetensors");
    let file = SafeTensors::deserialize(file).expect("a file");
    let tensor = file.tensor(name).expect(name);
    let (values, _) = tensor.data().as_chunks::<4>();
    let values = values.iter().map(|bytes| f32::from_le_bytes(*bytes));
    (tensor.shape().to_vec(), values.collect())
}

#[test]
fn blended_windows_equal_numpy() {
    const SIZE: [usize; 3] = [6, 4, 7];
    const WINDOW: [usize; 3] = [4; 3];
    let (shape, logits) = stored("logits");
    let (members, windows) = (shape[0], shape[1]);
    let affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let (dims, form) = ([SIZE[2], SIZE[1], SIZE[0]], Form::Sform);
    let voxels = Voxels::F32(vec![1.0; SIZE.iter().product()]);
    let image = Image::new(voxels, Grid { dims, affine, form }).expect("an image");
    let preprocessing = Preprocessing {
        normalization: Normalization::None,
        ..Preprocessing::default()
    };
    let case = Prepared::new(&[&image], None, &preprocessing, WINDOW);
    let classes = LabelSet::from_ids([1, 2], &BTreeMap::new()).expect("labels");
    let tumor =
        LabelSet::from_ids([1, 2, 4], &BTreeMap::new()).and_then(|labels| labels.with_regions(Regions::brats21()));
    for (name, labels) in [("softmax", classes), ("sigmoid", tumor.expect("regions"))] {
        let config = PredictConfig {
            keep_logits: true,
            ..PredictConfig::default()
        };
        let mut blender = Blender::new(&case, WINDOW, &labels, &config, true);
        assert_eq!(blender.windows.starts.len(), windows);
        let of = |member: usize, window: usize| {
            let size = 3 * 64;
            let first = (member * windows + window) * size;
            let data = TensorData::new(logits[first..first + size].to_vec(), [1, 3, 4, 4, 4]);
            Tensor::<5>::from_data(data, &Device::flex())
        };
        for window in 0..windows {
            let mixed = mean((0..members).map(|member| of(member, window)), name == "sigmoid", true);
            let mixed = values(mixed.expect("members"));
            blender
                .add(window..window + 1, &mixed, |_, _| {})
                .expect("as many as voxels");
        }
        let blended = blender.finish(|_, _| {});
        let found: Vec<f32> = blended.logits.expect("kept").into_iter().collect();
        assert_close(&found, &stored(name).1, 1e-5);
        let shares: Vec<f32> = blended
            .disagreement
            .expect("kept")
            .mapv(|byte| f32::from(byte) / 255.0)
            .into_iter()
            .collect();
        let (_, expected) = stored(&format!("{name}_disagreement"));
        assert_close(&shares, &expected, 0.5 / 255.0 + 2e-6);
        assert!(expected.iter().any(|share| *share > 0.4), "{name} tells nothing");
    }
}

fn metadata() -> Metadata {
    Metadata {
        version: String::new(),
        network: Network::new(Backbone::Unetr, Size::Tiny),
        channels: 1,
        patch: [16; 3],
        preprocessing: Preprocessing::default(),
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels: LabelSet::from_ids([1, 2], &BTreeMap::new()).expect("labels"),
        training: TrainingSummary::default(),
    }
}

#[test]
fn members_that_do_not_fit_are_named() {
    let sentence = |change: fn(&mut Metadata)| {
        let mut other = metadata();
        change(&mut other);
        match check(("a", &metadata()), ("b", &other)) {
            Err(error @ EnsembleError::Different { .. }) => error.to_string(),
            found => panic!("{found:?}"),
        }
    };
    for (change, expected) in [
        (
            (|m| m.labels = LabelSet::from_ids([1, 3], &BTreeMap::new()).expect("labels")) as fn(&mut Metadata),
            "labels (label 1, label 2 and label 1, label 3)",
        ),
        (|m| m.channels = 4, "numbers of channels (1 and 4)"),
        (|m| m.patch = [16, 32, 32], "patches ([16, 16, 16] and [16, 32, 32])"),
        (|m| m.preprocessing.axes = AxisOrder::Xyz, "orders of axes"),
        (
            |m| m.preprocessing.normalization = Normalization::None,
            "normalizations of intensities",
        ),
        (
            |m| {
                m.preprocessing.spacing = Some(Spacing {
                    mm: [1.0; 3],
                    rule: Resampling::Monai,
                });
            },
            "voxel spacings",
        ),
    ] {
        let found = sentence(change);
        assert!(found.starts_with("a and b cannot segment together"), "{found}");
        assert!(found.contains(&format!("different {expected};")), "{found}");
    }
    // Other networks, seeds and mirror axes are what ensembles are for.
    let mut other = metadata();
    other.network = Network::new(Backbone::Pcrlv2, Size::Small);
    other.training.seed = 7;
    assert_eq!(check(("a", &metadata()), ("b", &other)), Ok(()));
}
