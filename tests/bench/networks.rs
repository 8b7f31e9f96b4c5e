//! Training steps and segmentation.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use futures::executor::block_on;
use medcontext_core::backbone::{Backbone, Model, Network, Size};
use medcontext_core::dataset::LabelSet;
use medcontext_core::infer::{Event, PredictConfig, Predictor};
use medcontext_core::loss::{DiceCe, MultiScaleLoss, Target};
use medcontext_core::medcontext::{
    Backward, ConsistencyTarget, Masked, MedContext, TubeMask, joint_gradients, update_teacher,
};
use medcontext_core::train::{Optimizer, OptimizerKind};
use medcontext_core::transform::{MirrorAxes, Preprocessing};
use medcontext_core::weights::{Metadata, TrainingSummary};
use medcontext_tests::ramp;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::measure::{Bench, random};

/// A network and its input.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    backbone: Backbone,
    size: Size,
    patch: [usize; 3],
    batch: usize,
    classes: usize,
}

const SMALL: Work = Work {
    name: "UNETR small 32×48×32 ×2",
    backbone: Backbone::Unetr,
    size: Size::Small,
    patch: [32, 48, 32],
    batch: 2,
    classes: 3,
};

const UNETR: Work = Work {
    name: "UNETR paper 96³",
    size: Size::Paper,
    patch: [96; 3],
    batch: 1,
    classes: 14,
    ..SMALL
};

const SWIN: Work = Work {
    name: "SwinUNETR paper 96³",
    backbone: Backbone::SwinUnetr,
    ..UNETR
};

/// Networks that no PyTorch package offers, without a counterpart.
const OTHERS: [Work; 2] = [
    Work {
        name: "nnFormer small 32×64×64 ×2",
        backbone: Backbone::Nnformer,
        patch: [32, 64, 64],
        ..SMALL
    },
    Work {
        name: "PCRLv2 small 64³ ×2",
        backbone: Backbone::Pcrlv2,
        patch: [64; 3],
        ..SMALL
    },
];

/// Sides of a cubic patch and batches, for the cost as the work grows.
const GROWTH: [(usize, usize); 6] = [(32, 1), (32, 2), (32, 4), (64, 1), (96, 1), (128, 1)];

/// The same for SwinUNETR, whose deepest level MONAI does not train on a single voxel.
const SWIN_GROWTH: [(usize, usize); 5] = [(64, 1), (64, 2), (64, 4), (96, 1), (128, 1)];

/// Measures all of them.
pub fn run(bench: &mut Bench) {
    step(bench, &SMALL, &MedContext::off());
    step(bench, &SMALL, &MedContext::paper());
    segment(bench);
    for work in [UNETR, SWIN] {
        forward(bench, &work);
        step(bench, &work, &MedContext::off());
    }
    for work in OTHERS {
        step(bench, &work, &MedContext::off());
    }
    let networks = [
        ("UNETR", Backbone::Unetr, &GROWTH[..]),
        ("SwinUNETR", Backbone::SwinUnetr, &SWIN_GROWTH[..]),
    ];
    for (name, backbone, growth) in networks {
        for &(side, batch) in growth {
            let name = format!("growth {name} small {side}³ ×{batch}");
            let work = Work {
                name: name.leak(),
                backbone,
                patch: [side; 3],
                batch,
                ..SMALL
            };
            step(bench, &work, &MedContext::off());
        }
    }
}

impl Work {
    fn network(&self) -> Network {
        Network::new(self.backbone, self.size)
    }

    fn build(&self, device: &Device) -> Model {
        self.network().build(1, self.classes, self.patch, 0, device)
    }

    fn x(&self, device: &Device) -> Tensor<5> {
        let [d, h, w] = self.patch;
        random([self.batch, 1, d, h, w], device)
    }
}

/// A forward pass without a graph.
fn forward(bench: &Bench, work: &Work) {
    let name = format!("{} forward", work.name);
    if !bench.wants(&name) {
        return;
    }
    let device = Device::flex();
    let (model, x) = (work.build(&device), work.x(&device));
    bench.time(&name, || {
        model.forward(x.clone(), None);
    });
}

/// A training step: forward, gradients, AdamW and, with MedContext, masked view, teacher and its update.
fn step(bench: &Bench, work: &Work, settings: &MedContext) {
    let kind = if settings.has_masked_view() {
        "MedContext step"
    } else {
        "step"
    };
    let name = format!("{} {kind}", work.name);
    if !bench.wants(&name) {
        return;
    }
    let device = Device::flex().autodiff();
    let mut student = work.build(&device);
    let mut teacher = settings.has_teacher().then(|| student.valid());
    let mut optimizer = Optimizer::new(OptimizerKind::Adamw, 1e-5, None);
    let voxels = work.batch * work.patch.iter().product::<usize>();
    let labels = (0..voxels).map(|voxel| (voxel % work.classes) as u8);
    let target = Target::new(labels.collect(), work.batch, work.classes, &device);
    let loss = MultiScaleLoss::new(DiceCe::default(), work.network().scale_weights());
    let x = Tensor::from_inner(work.x(&Device::flex()));
    let grid = work.network().token_grid(work.patch);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mask = TubeMask::draw(grid, 0, settings, &mut rng).on(&device);
    bench.time(&name, || {
        let masked = teacher.as_ref().map(|teacher| Masked {
            mask: &mask,
            target: ConsistencyTarget::Teacher(teacher),
            settings,
        });
        let x = x.clone();
        let (gradients, _) = joint_gradients(&student, masked, x, &target, &loss, Backward::default());
        student = optimizer.step(1e-4, student.clone(), gradients, 1);
        teacher = teacher.take().map(|teacher| update_teacher(teacher, &student, 0.996));
    });
}

/// Segments a volume of 36×52×36 voxels, like a hippocampus scan, with a sliding window and overlap 0.5.
fn segment(bench: &Bench) {
    let name = "UNETR small segment 36×52×36";
    if !bench.wants(name) {
        return;
    }
    let device = Device::flex();
    let metadata = Metadata {
        version: String::new(),
        channels: 1,
        patch: SMALL.patch,
        preprocessing: Preprocessing::default(),
        training: TrainingSummary::default(),
        network: SMALL.network(),
        mirror_axes: MirrorAxes::ALL,
        inference: None,
        coarse: None,
        labels: LabelSet::from_ids(1..SMALL.classes as u16, &Default::default()).expect("labels"),
    };
    let predictor = Predictor::new(SMALL.build(&device), metadata, &device);
    let config = PredictConfig {
        batch_size: 4,
        ..PredictConfig::default()
    };
    let image = ramp([36, 52, 36]);
    bench.time(name, || {
        let mut run = predictor.start(&image, config).expect("a run");
        while let Some(event) = block_on(run.next()).expect("it computes") {
            if matches!(event, Event::Finished { .. }) {
                return;
            }
        }
    });
}
