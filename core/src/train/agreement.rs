//! Whether a device computes what the CPU does: drivers that compute wrong gradients exist, and say nothing.

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use web_time::Instant;

use super::flat;
use super::learner::{Learner, read};
use super::replica::step_mask;
use super::{NetworkChoice, TrainConfig};
use crate::backbone::{Backbone, Model, Network, Size};
use crate::dataset::LabelSet;
use crate::loss::MultiScaleLoss;
use crate::medcontext::{Backward, ConsistencyTarget, Masked, MedContext, joint_gradients};
use crate::transform::HostBatch;
use crate::{Error, Result};

/// The patch, as near as the network takes it, `[depth, height, width]`.
const PATCH: [usize; 3] = [16, 32, 32];

/// Background and two labels.
const LABELS: [u16; 2] = [1, 2];

/// Training steps.
const STEPS: usize = 3;

/// Momentum of the teacher between two steps.
const MOMENTUM: f64 = 0.9;

/// How far a device is from the CPU in the smallest size of a network, with MedContext.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// The network.
    pub backbone: Backbone,
    /// The patch.
    pub patch: [usize; 3],
    /// Distance of the logits, as a share of their norm.
    pub logits: f64,
    /// Distance of the gradients of all parameters, as a share of their norm.
    pub gradients: f64,
    /// Largest distance of the losses of three training steps, as a share of each.
    pub losses: f64,
    /// Wall time of the third step on the device, in seconds.
    pub seconds: f64,
    /// The same on the CPU.
    pub cpu_seconds: f64,
}

impl Agreement {
    /// The largest distances that count as the same: ten times what devices that compute in f32 were seen to have.
    pub const TOLERANCE: [f64; 3] = [1e-4, 1e-3, 1e-3];

    /// Computes a patch and three training steps on the CPU, `cpu`, and on `device`.
    ///
    /// # Errors
    /// When a device fails.
    pub async fn of(backbone: Backbone, device: &Device, cpu: &Device) -> Result<Self> {
        let expected = Computed::on(backbone, cpu).await?;
        let found = Computed::on(backbone, device).await?;
        let losses = found.losses.iter().zip(&expected.losses);
        Ok(Self {
            backbone,
            patch: expected.patch,
            logits: distance(&found.logits, &expected.logits),
            gradients: distance(&found.gradients, &expected.gradients),
            losses: losses.map(|(a, b)| ((a - b) / b).abs()).fold(0.0, largest),
            seconds: found.seconds,
            cpu_seconds: expected.seconds,
        })
    }

    /// Whether all distances are within [`Self::TOLERANCE`].
    pub fn holds(&self) -> bool {
        let distances = [self.logits, self.gradients, self.losses];
        distances
            .iter()
            .zip(Self::TOLERANCE)
            .all(|(found, most)| *found <= most)
    }
}

/// The larger of two distances; NaN is the largest.
fn largest(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// ‖a − b‖ / ‖b‖; NaN where they have different lengths.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() {
        return f64::NAN;
    }
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = a.iter().zip(b).map(|(a, b)| square(a - b)).sum();
    (difference / b.iter().map(|&b| square(b)).sum::<f64>()).sqrt()
}

/// What one device computes.
struct Computed {
    patch: [usize; 3],
    logits: Vec<f32>,
    gradients: Vec<f32>,
    losses: Vec<f64>,
    seconds: f64,
}

impl Computed {
    async fn on(backbone: Backbone, device: &Device) -> Result<Self> {
        let config = config(backbone);
        let (network, device) = (config.resolved_network(), device.clone().autodiff());
        let labels = LabelSet::from_ids(LABELS, &Default::default())?;
        let student = network.build(1, labels.outputs(), config.patch, config.seed, &device);
        let batch = batch(config.patch);
        let (logits, gradients) = once(&config, &network, &student, batch.clone().upload(&labels, &device)).await?;
        let mut learner = Learner::new(network, student, labels, &config, device);
        let (mut losses, mut seconds) = (Vec::new(), 0.0);
        for step in 0..STEPS {
            let began = Instant::now();
            let loss = learner
                .step(step, config.learning_rate, &config, |_| batch.clone())
                .await?;
            learner.update_teacher(MOMENTUM);
            losses.push(read(loss).await?.total);
            seconds = began.elapsed().as_secs_f64();
        }
        Ok(Self {
            patch: config.patch,
            logits,
            gradients,
            losses,
            seconds,
        })
    }
}

/// Settings without randomness on the device, and with steps that show in the losses.
fn config(backbone: Backbone) -> TrainConfig {
    let mut network = NetworkChoice::named(backbone, Size::Tiny).network();
    if let Network::Nnformer(nnformer) = &mut network {
        nnformer.drop_path = 0.0;
    }
    let mut config = TrainConfig {
        network: NetworkChoice::custom(network),
        patch: PATCH,
        iterations: STEPS,
        batch_size: 1,
        learning_rate: 1e-3,
        medcontext: MedContext::default(),
        ..TrainConfig::default()
    };
    config.fit_patch();
    config.resolved()
}

/// Noise that is brighter on the labels, two slabs of the patch.
fn batch([d, h, w]: [usize; 3]) -> HostBatch {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let classes: Vec<u8> = (0..d * h * w).map(|voxel| (3 * voxel / (d * h * w)) as u8).collect();
    let bright = |class: &u8| f32::from(*class) + random.random_range(-1.0..1.0f32);
    HostBatch {
        intensities: classes.iter().map(bright).collect(),
        classes,
        shape: [1, 1, d, h, w],
    }
}

/// Logits of a batch, and the gradients of a step on it.
async fn once(
    config: &TrainConfig,
    network: &Network,
    student: &Model,
    batch: crate::transform::Batch,
) -> Result<(Vec<f32>, Vec<f32>)> {
    let teacher = student.valid();
    let logits: Tensor<5> = teacher.forward(batch.x.clone().inner(), None);
    let lost = || Error::Lost("being compared with the CPU".to_owned());
    let logits = logits.into_data_async().await.map_err(|_| lost())?;
    let mask = step_mask(network, config, 0).map(|mask| mask.on(&batch.x.device()));
    let masked = mask.as_ref().map(|mask| Masked {
        mask,
        target: ConsistencyTarget::Teacher(&teacher),
        settings: &config.medcontext,
    });
    let loss = MultiScaleLoss::new(config.loss, network.scale_weights());
    let (gradients, _) = joint_gradients(student, masked, batch.x, &batch.y, &loss, Backward::default());
    let (gradients, _) = flat::gradient_values(gradients, student).await?;
    Ok((logits.convert::<f32>().try_into_vec().map_err(|_| lost())?, gradients))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;

    use super::{Agreement, Device, distance};
    use crate::backbone::Backbone;

    #[test]
    fn a_distance_is_a_share_of_the_norm() {
        assert!((distance(&[3.0, 4.5], &[3.0, 4.0]) - 0.1).abs() < 1e-12);
        assert!(distance(&[1.0], &[1.0, 2.0]).is_nan());
        assert!(distance(&[f32::NAN], &[1.0]).is_nan());
    }

    #[test]
    fn the_cpu_agrees_with_itself_and_a_wrong_device_does_not() {
        let same = block_on(Agreement::of(Backbone::Pcrlv2, &Device::flex(), &Device::flex())).expect("compared");
        assert_eq!((same.logits, same.gradients, same.losses), (0.0, 0.0, 0.0));
        assert!(same.holds() && same.seconds > 0.0);
        let off = |logits, gradients, losses| Agreement {
            logits,
            gradients,
            losses,
            ..same.clone()
        };
        assert!(off(1e-5, 1e-4, 1e-4).holds());
        for wrong in [off(2e-4, 0.0, 0.0), off(0.0, 2e-3, 0.0), off(0.0, 0.0, f64::NAN)] {
            assert!(!wrong.holds(), "{wrong:?}");
        }
    }
}
