//! What a run of pretraining restores, to be looked at.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array3;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::flat::lost;
use super::student::Student;
use super::{TrainConfig, random_streams};
use crate::Result;
use crate::backbone::Network;
use crate::pretrain::Task;
use crate::transform::HostBatch;

/// The first channel of a patch, `[depth, height, width]`, as a network in pretraining restores it.
#[derive(Clone, Debug)]
pub struct Restoration {
    /// The patch.
    pub original: Array3<f32>,
    /// Whether a voxel was hidden from the network.
    pub hidden: Array3<bool>,
    /// What the network makes of what it saw.
    pub restored: Array3<f32>,
}

impl Restoration {
    /// The first patch of `batch`, restored; `None` where the run restores nothing.
    ///
    /// # Errors
    /// When the device fails.
    pub(super) async fn of(
        student: &Student,
        network: &Network,
        batch: HostBatch,
        config: &TrainConfig,
        device: &Device,
    ) -> Result<Option<Self>> {
        let student = student.valid();
        let (Some(head), Some(settings)) = (&student.head, &config.pretraining) else {
            return Ok(None);
        };
        let [_, channels, d, h, w] = batch.shape;
        let patch = batch.intensities[..channels * d * h * w].to_vec();
        let x = Tensor::from_data(TensorData::new(patch, [1, channels, d, h, w]), &device.clone().inner());
        let mut rng = ChaCha8Rng::seed_from_u64(config.seed ^ random_streams::MASKS);
        let task = Task::new(&student.model, network, settings, 1.0);
        let restored = task.and_then(|task| head.restore(&task, x.clone(), &mut rng));
        let Some([restored, hidden]) = restored else {
            return Ok(None);
        };
        Ok(Some(Self {
            original: first_channel(x).await?,
            hidden: first_channel(hidden).await?.mapv(|hidden| hidden > 0.5),
            restored: first_channel(restored).await?,
        }))
    }
}

/// `[1, channel, d, h, w]` → its first channel.
async fn first_channel(x: Tensor<5>) -> Result<Array3<f32>> {
    let [_, _, d, h, w] = x.dims();
    let values = x.narrow(1, 0, 1).into_data_async().await.map_err(|_| lost())?;
    let values: Vec<f32> = values.convert::<f32>().try_into_vec().map_err(|_| lost())?;
    Array3::from_shape_vec((d, h, w), values).map_err(|_| lost())
}
