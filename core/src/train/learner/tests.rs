use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use futures::executor::block_on;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Learner;
use crate::Error;
use crate::backbone::{Network, NnformerConfig, NnformerForm, NormKind, Pcrlv2Config, Size};
use crate::dataset::LabelSet;
use crate::loss::{SupervisedLoss, Toy};
use crate::medcontext::MedContext;
use crate::train::optimizer::NORMS;
use crate::train::{LossScale, MixedPrecision, NetworkChoice, OptimizerKind, RunState, TrainConfig};
use crate::transform::HostBatch;
use crate::weights;

const PATCH: [usize; 3] = [32, 32, 32];
const VOXELS: usize = 32 * 32 * 32;

/// A network without random numbers and without leaky ReLUs, whose gradients depend on the signs of values near zero,
/// and plain gradient descent, since AdamW's steps are the same for gradients of any scale.
fn config(mixed_precision: MixedPrecision) -> TrainConfig {
    let network = NnformerConfig {
        drop_path: 0.0,
        ..NnformerConfig::new(NnformerForm::Synapse, Size::Tiny)
    };
    TrainConfig {
        network: NetworkChoice::custom(Network::Nnformer(network)),
        patch: PATCH,
        batch_size: 1,
        mixed_precision,
        medcontext: MedContext::off(),
        weight_decay: 0.0,
        optimizer: OptimizerKind::Sgd {
            momentum: 0.0,
            nesterov: false,
        },
        ..TrainConfig::default()
    }
}

fn two_classes() -> LabelSet {
    LabelSet::from_ids([1], &Default::default()).expect("labels")
}

fn patch(intensities: Vec<f32>, classes: Vec<u8>) -> HostBatch {
    HostBatch {
        intensities,
        classes,
        shape: [1, 1, 32, 32, 32],
    }
}

fn learner(config: &TrainConfig) -> Learner {
    let (network, device) = (config.resolved_network(), Device::flex().autodiff());
    let student = network.build(1, 2, PATCH, 0, &device);
    Learner::new(network, student, two_classes(), config, device)
}

/// One step on noise whose two halves have different labels.
fn step(learner: &mut Learner, config: &TrainConfig) {
    let labels: Vec<u8> = (0..VOXELS).map(|i| u8::from(i >= VOXELS / 2)).collect();
    let draw = |_| {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        patch(
            (0..VOXELS).map(|_| rng.random_range(-1.0..1.0)).collect(),
            labels.clone(),
        )
    };
    block_on(learner.step(0, 0.1, config, draw)).expect("a step");
}

fn parameters(learner: &Learner) -> Vec<f32> {
    struct Values(Vec<f32>);
    impl ModuleVisitor for Values {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let data = block_on(param.val().into_data_async()).expect("the device answers");
            self.0.extend(data.try_into_vec::<f32>().expect("f32"));
        }
    }
    let mut values = Values(Vec::new());
    learner.student().valid().visit(&mut values);
    values.0
}

/// The parameters' change in one step.
fn change(mixed_precision: MixedPrecision) -> Vec<f32> {
    let config = config(mixed_precision);
    let mut learner = learner(&config);
    let before = parameters(&learner);
    step(&mut learner, &config);
    let after = parameters(&learner);
    after.iter().zip(&before).map(|(a, b)| a - b).collect()
}

#[test]
fn smaller_types_take_the_step_of_f32() {
    let expected = change(MixedPrecision::Off);
    let size = |x: &[f32]| x.iter().map(|x| f64::from(x * x)).sum::<f64>().sqrt();
    assert!(size(&expected) > 0.0);
    // Activations and gradients have 8 and 11 bits.
    for (precision, tolerance) in [(MixedPrecision::Bf16, 0.04), (MixedPrecision::F16, 0.005)] {
        let found = change(precision);
        let off: Vec<f32> = found.iter().zip(&expected).map(|(a, b)| a - b).collect();
        let off = size(&off) / size(&expected);
        assert!(off < tolerance, "{precision:?}: {off}");
    }
}

/// A loss is chosen by settings alone.
#[test]
fn another_loss_trains_too() {
    let config = TrainConfig {
        loss: SupervisedLoss::Toy(Toy { weight: 1.0 }),
        ..config(MixedPrecision::Off)
    };
    let mut learner = learner(&config);
    let before = parameters(&learner);
    step(&mut learner, &config);
    assert_ne!(parameters(&learner), before);
}

#[test]
fn a_step_whose_gradients_overflow_changes_nothing_but_the_scale() {
    let config = config(MixedPrecision::F16);
    let mut learner = learner(&config);
    let large = LossScale { factor: 1e30, steps: 5 };
    learner.loss_scale = Some(large);
    let before = parameters(&learner);
    step(&mut learner, &config);
    assert_eq!(parameters(&learner), before);
    assert_eq!(learner.optimizer_steps(), 0);
    assert_eq!(learner.loss_scale(), Some(large.after(false)));

    learner.loss_scale = Some(LossScale::default());
    step(&mut learner, &config);
    assert_ne!(parameters(&learner), before);
    assert_eq!(learner.optimizer_steps(), 1);
    assert_eq!(learner.loss_scale(), Some(LossScale::default().after(true)));
}

#[test]
fn a_state_keeps_the_scale() {
    let config = config(MixedPrecision::F16);
    let mut learner = learner(&config);
    step(&mut learner, &config);
    let state = RunState {
        form: RunState::FORM,
        config: config.clone(),
        cases: Vec::new(),
        unlabeled: Vec::new(),
        seen: None,
        labels: LabelSet::from_ids([1], &Default::default()).expect("labels"),
        iteration: 1,
        coarse: None,
        optimizer_steps: learner.optimizer_steps(),
        loss_scale: learner.loss_scale(),
        best_dice: None,
        last_dice: None,
    };
    let mut file = Vec::new();
    block_on(learner.save(&state, None, &mut file)).expect("saved");
    let tensors = weights::read_safetensors(&file).expect("read");
    let read = RunState::read(&file).expect("a state");
    let again = self::learner(&config).restore(&tensors, &read).expect("restored");
    assert_eq!(again.loss_scale(), Some(LossScale::default().after(true)));
    assert_eq!(parameters(&again), parameters(&learner));
}

/// Like PyTorch's GradScaler, which skips a step with infinite or NaN gradients, as an infinite loss has.
#[test]
fn a_step_whose_loss_overflows_changes_nothing_but_the_scale() {
    let config = config(MixedPrecision::F16);
    let mut learner = learner(&config);
    let overflow = |learner: &mut Learner| {
        let draw = |_| patch(vec![f32::INFINITY; VOXELS], vec![1; VOXELS]);
        let loss = block_on(learner.step(4, 0.1, &config, draw))?;
        Ok(block_on(super::read(loss)).expect("the device answers"))
    };
    let before = parameters(&learner);
    let losses = overflow(&mut learner).expect("a step");
    assert!(!losses.total.is_finite(), "{losses:?}");
    assert_eq!(parameters(&learner), before);
    assert_eq!(learner.optimizer_steps(), 0);
    let halved = LossScale::default().after(false);
    assert_eq!(learner.loss_scale(), Some(halved));
    assert_eq!(halved.factor, 32768.0);

    // What overflows without any scale does so because of the weights.
    learner.loss_scale = Some(LossScale { factor: 0.5, steps: 0 });
    let ended: Result<_, Error> = overflow(&mut learner);
    assert!(matches!(ended, Err(Error::Diverged { step: 5 })));
}

/// The norm of all gradients, which reads as many values as the network has, is only computed where needed.
#[test]
fn norms_are_computed_where_they_are_used() {
    let norms = |mixed_precision, clip_norm| {
        let config = TrainConfig {
            clip_norm,
            ..config(mixed_precision)
        };
        let mut learner = learner(&config);
        let before = NORMS.get();
        step(&mut learner, &config);
        NORMS.get() - before
    };
    assert_eq!(norms(MixedPrecision::Off, None), 0);
    assert_eq!(norms(MixedPrecision::Bf16, None), 0);
    assert_eq!(norms(MixedPrecision::Off, Some(12.0)), 1);
    assert_eq!(norms(MixedPrecision::F16, None), 1);
    assert_eq!(norms(MixedPrecision::F16, Some(12.0)), 1);
}

const SMALL_PATCH: [usize; 3] = [16, 16, 16];

/// Batch norm keeps running statistics, which change during training.
fn with_batch_norm(accumulation: usize, learning_rate: f64) -> (TrainConfig, Learner) {
    let network = Network::Pcrlv2(Pcrlv2Config {
        norm: NormKind::Batch,
        ..Pcrlv2Config::new(Size::Tiny)
    });
    let config = TrainConfig {
        network: NetworkChoice::custom(network.clone()),
        patch: SMALL_PATCH,
        batch_size: 1,
        accumulation,
        learning_rate,
        ..TrainConfig::default().resolved()
    };
    let device = Device::flex().autodiff();
    let student = network.build(1, 2, SMALL_PATCH, 0, &device);
    let learner = Learner::new(network, student, two_classes(), &config, device);
    (config, learner)
}

/// A step over batches of independent noise.
fn step_of_noise(learner: &mut Learner, config: &TrainConfig) {
    let voxels: usize = SMALL_PATCH.iter().product();
    let draw = |batch: usize| {
        let mut rng = ChaCha8Rng::seed_from_u64(batch as u64);
        HostBatch {
            intensities: (0..voxels).map(|_| rng.random_range(-1.0..2.0)).collect(),
            classes: (0..voxels).map(|i| u8::from(i % 3 == 0)).collect(),
            shape: [1, 1, 16, 16, 16],
        }
    };
    block_on(learner.step(0, config.learning_rate, config, draw)).expect("a step");
    learner.update_teacher(0.5);
}

/// Running statistics of student and teacher.
fn statistics(learner: &Learner) -> [Vec<f32>; 2] {
    struct Statistics(Vec<f32>, bool);
    impl ModuleVisitor for Statistics {
        fn enter_module(&mut self, name: &str, _container: &str) {
            self.1 = name.starts_with("running_");
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            if self.1 {
                let data = block_on(param.val().into_data_async()).expect("the device answers");
                self.0.extend(data.try_into_vec::<f32>().expect("f32"));
            }
        }
    }
    let of = |model: &crate::backbone::Model| {
        let mut statistics = Statistics(Vec::new(), false);
        model.visit(&mut statistics);
        statistics.0
    };
    let teacher = learner.teacher.as_ref().expect("a teacher");
    [of(&learner.student().valid()), of(teacher)]
}

/// Running statistics are those of the batches on the first device, and stay on it. A learning rate near 0 leaves the
/// weights unchanged, so that a step over the first batch alone gives the expected values.
#[test]
fn running_statistics_are_those_of_the_first_device() {
    let rate = 1e-30;
    let (config, mut alone) = with_batch_norm(1, rate);
    let before = statistics(&alone);
    step_of_noise(&mut alone, &config);
    let expected = statistics(&alone);
    assert!(!expected[0].is_empty());
    assert_ne!(expected[0], before[0]);
    assert_ne!(expected[1], before[1]);

    let (config, mut shared) = with_batch_norm(2, rate);
    shared.share(&[Device::flex()]);
    step_of_noise(&mut shared, &config);
    assert_eq!(statistics(&shared), expected);
}
