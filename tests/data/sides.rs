//! Organs that differ in their side alone: a planned run keeps them apart, and with mirror images across the body it
//! cannot.

use std::collections::BTreeMap;

use futures::executor::block_on;
use medcontext_core::dataset::{Case, CaseFingerprint, LabelSet};
use medcontext_core::device::{DeviceKind, open};
use medcontext_core::infer::{Event as Segmenting, PredictConfig, Predictor};
use medcontext_core::plan::{Budget, TrainingPlan};
use medcontext_core::train::{CheckpointKind, Event, Start, TrainConfig, Trainer};
use medcontext_core::transform::{Augmentation, MirrorAxes};
use medcontext_core::volume::{Affine, Form, Grid, Image, LabelImage, Voxels};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Voxels along x (to the right), y and z, each of 4 mm.
const DIMS: [usize; 3] = [48, 32, 16];
const RIGHT: u16 = 1;
const LEFT: u16 = 2;

/// A trunk that is its own mirror image, but for noise and where its two organs lie by chance.
fn case(index: u64) -> Case {
    let mut random = ChaCha8Rng::seed_from_u64(index);
    let organs = [(RIGHT, 1.0), (LEFT, -1.0)].map(|(id, side)| {
        let mut near = |middle: f64| middle + random.random_range(-2.0..2.0);
        (id, [23.5 + side * near(11.0), near(16.0), near(8.0)])
    });
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for k in 0..DIMS[2] {
        for j in 0..DIMS[1] {
            for i in 0..DIMS[0] {
                let point = [i, j, k].map(|index| index as f64);
                let inside = |center: [f64; 3], radii: [f64; 3]| {
                    let depth = (0..3).map(|axis| ((point[axis] - center[axis]) / radii[axis]).powi(2));
                    depth.sum::<f64>() < 1.0
                };
                let trunk = inside([23.5, 15.5, 7.5], [22.0, 14.0, f64::INFINITY]);
                let organ = organs.iter().find(|(_, center)| inside(*center, [5.0, 6.0, 5.0]));
                let signal = match (trunk, organ) {
                    (_, Some(_)) => 300.0,
                    (true, None) => 200.0,
                    (false, None) => 50.0,
                };
                values.push(signal + random.random_range(-20.0..20.0f32));
                labels.push(organ.map_or(0, |(id, _)| *id));
            }
        }
    }
    let grid = Grid {
        dims: DIMS,
        affine: Affine([[4.0, 0.0, 0.0, 0.0], [0.0, 4.0, 0.0, 0.0], [0.0, 0.0, 4.0, 0.0]]),
        form: Form::Sform,
    };
    let image = Image::new(Voxels::F32(values), grid.clone()).expect("an image");
    let labels = LabelImage::from_image(Image::new(Voxels::U16(labels), grid).expect("a grid")).expect("labels");
    Case::new(format!("case {index}"), image, Some(labels)).expect("a case")
}

fn label_set(cases: &[Case]) -> LabelSet {
    let names = [(RIGHT, "right organ"), (LEFT, "left organ")];
    let names: BTreeMap<u16, String> = names.map(|(id, name)| (id, name.to_owned())).into();
    LabelSet::from_cases(cases, &names).expect("two labels")
}

/// The planned settings in a short run, whose only augmentation is mirroring along the planned axes.
fn planned(cases: &[Case], labels: &LabelSet) -> TrainConfig {
    let fingerprints: Vec<CaseFingerprint> = cases.iter().map(CaseFingerprint::of).collect();
    let plan = TrainingPlan::new(&fingerprints, labels, &Budget::DEFAULT).expect("a plan");
    let mirror_axes = plan.config.augmentation.mirror_axes;
    assert_eq!(mirror_axes, MirrorAxes([true, true, false]));
    let mut config = TrainConfig {
        patch: [16, 32, 48],
        learning_rate: 3e-3,
        augmentation: Augmentation {
            flip: 0.5,
            mirror_axes,
            ..Augmentation::none()
        },
        ..plan.config
    };
    config.set_iterations(60);
    config
}

fn train(config: TrainConfig, cases: &[Case], labels: &LabelSet) -> Vec<u8> {
    block_on(async {
        let device = open(DeviceKind::Cpu).await.expect("a CPU").device;
        let cases = cases.to_vec();
        let trainer = Trainer::new(config, cases, Vec::new(), labels.clone(), Start::Scratch, &device);
        let mut trainer = trainer.expect("a run");
        let mut last = None;
        while let Some(event) = trainer.next().await.expect("a step") {
            if let Event::Checkpoint {
                kind: CheckpointKind::Last,
                weights,
                ..
            } = event
            {
                last = Some(weights);
            }
        }
        last.expect("weights")
    })
}

/// The share of the organs' voxels that is found as the other side's, and the share that is found as the right one.
fn shares(weights: &[u8], cases: &[Case]) -> (f64, f64) {
    let mut config = PredictConfig::default();
    config.inference.mirror = true;
    let (mut organ, mut confused, mut found) = (0usize, 0usize, 0usize);
    block_on(async {
        let device = open(DeviceKind::Cpu).await.expect("a CPU").device;
        let predictor = Predictor::load(weights, &device).expect("weights");
        for case in cases {
            let mut run = predictor.start(&case.image, config).expect("a case");
            while let Some(event) = run.next().await.expect("a window") {
                if let Segmenting::Finished { segmentation, .. } = event {
                    let truth = case.label.as_ref().expect("labels").labels().iter();
                    for (&truth, &label) in truth.zip(segmentation.labels.labels()) {
                        organ += usize::from(truth > 0);
                        confused += usize::from(truth > 0 && label > 0 && truth != label);
                        found += usize::from(truth > 0 && truth == label);
                    }
                }
            }
        }
    });
    (confused as f64 / organ as f64, found as f64 / organ as f64)
}

#[test]
fn left_and_right_are_kept_apart_unless_mirroring_is_forced() {
    let training: Vec<Case> = (0..4).map(case).collect();
    let others: Vec<Case> = (10..13).map(case).collect();
    let labels = label_set(&training);
    let config = planned(&training, &labels);
    let (confused, found) = shares(&train(config.clone(), &training, &labels), &others);
    assert!(confused < 0.01 && found > 0.8, "confused {confused}, found {found}");

    let mut forced = config;
    forced.augmentation.mirror_axes = MirrorAxes::ALL;
    let (confused, _) = shares(&train(forced, &training, &labels), &others);
    assert!(confused > 0.2, "confused {confused}");
}
