//! Windows of a segmentation, shared with the workers of a pool.

use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::predictor::lost;
use super::{PredictConfig, Predictor};
use crate::pool::{Kind, Message, Pool, Worker, floats, to_bytes};
use crate::weights::{self, Metadata, Precision};
use crate::{Error, Result};

/// What is asked of a worker.
#[derive(Debug, Serialize, Deserialize)]
enum Request {
    /// Load the networks in the parts, a weights file of each member.
    Load,
    /// Run them on the windows in the first part.
    Windows {
        /// The first stage of a cascade.
        coarse: bool,
        config: PredictConfig,
        /// `[window, channel, d, h, w]`.
        shape: [usize; 5],
    },
}

/// A part of a segmentation: windows for a worker.
pub(super) fn windows(
    (values, shape): &(Vec<f32>, [usize; 5]),
    coarse: bool,
    config: &PredictConfig,
) -> Result<Message> {
    let (config, shape) = (*config, *shape);
    let request = Request::Windows { coarse, config, shape };
    Message::new(Kind::Segmentation, &request, vec![to_bytes(values)])
}

/// The logits in a worker's answer.
pub(super) fn logits(answer: &Message) -> Option<Vec<f32>> {
    answer.part(0).ok().map(floats)
}

impl Predictor {
    /// A pool whose workers share the windows of this predictor's segmentations, for
    /// [`Run::next_in`](super::Run::next_in).
    ///
    /// # Errors
    /// When the networks cannot be read from the device.
    pub async fn pool(&self, workers: &[Rc<dyn Worker>]) -> Result<Pool> {
        if workers.is_empty() {
            return Ok(Pool::default());
        }
        let files = self.files().await?;
        Ok(Pool::new(
            workers,
            Message::new(Kind::Segmentation, &Request::Load, files)?,
        ))
    }

    /// A weights file of each member, with its first stage where there is one.
    async fn files(&self) -> Result<Vec<Arc<Vec<u8>>>> {
        let mut files = Vec::new();
        for (index, member) in self.members.iter().enumerate() {
            let metadata = Metadata {
                mirror_axes: member.mirror_axes,
                ..self.metadata().clone()
            };
            let coarse = self.coarse.as_ref().and_then(|coarse| coarse.members.get(index));
            let coarse = coarse.map(|member| &member.model);
            let file = weights::save_cascade(&member.model, coarse, &metadata, Precision::F32).await?;
            files.push(Arc::new(file));
        }
        Ok(files)
    }

    /// The logits of windows, `[window, output, d, h, w]`, and the disagreement of an ensemble where it is asked for.
    pub(super) fn window_logits(
        &self,
        (values, shape): (Vec<f32>, [usize; 5]),
        config: &PredictConfig,
    ) -> Result<Tensor<5>> {
        let x = Tensor::from_data(TensorData::new(values, shape), &self.device);
        self.logits(x, config).ok_or_else(lost)
    }

    /// The same read from the device, row-major.
    pub(super) async fn run_windows(
        &self,
        windows: (Vec<f32>, [usize; 5]),
        config: &PredictConfig,
    ) -> Result<Vec<f32>> {
        let logits = self.window_logits(windows, config)?.into_data_async().await;
        let logits = logits.map_err(|_| lost())?.convert::<f32>();
        logits.try_into_vec().map_err(|_| lost())
    }
}

/// A worker's side.
#[derive(Debug)]
pub(crate) struct WindowServer {
    device: Device,
    predictor: Option<Predictor>,
}

impl WindowServer {
    pub fn new(device: Device) -> Self {
        Self {
            device,
            predictor: None,
        }
    }

    /// Does what a message asks for.
    ///
    /// # Errors
    /// When it cannot be read or done.
    pub async fn answer(&mut self, message: &Message) -> Result<Message> {
        let parts = match message.body()? {
            Request::Load => {
                // What was loaded before goes first: there may not be room for both.
                self.predictor = None;
                self.predictor = Some(self.load(&message.parts)?);
                Vec::new()
            }
            Request::Windows { coarse, config, shape } => {
                let predictor = self.predictor.as_ref();
                let predictor = predictor.and_then(|whole| if coarse { whole.coarse.as_deref() } else { Some(whole) });
                let predictor = predictor.ok_or_else(|| Error::Pool("windows came before their network".to_owned()))?;
                let values = floats(message.part(0)?);
                if values.len() != shape.iter().product::<usize>() {
                    return Err(Error::Pool(format!("{} values are not {shape:?}", values.len())));
                }
                vec![to_bytes(&predictor.run_windows((values, shape), &config).await?)]
            }
        };
        Message::new(Kind::Segmentation, &(), parts)
    }

    fn load(&self, files: &[Arc<Vec<u8>>]) -> Result<Predictor> {
        let members = files
            .iter()
            .map(|file| Ok((String::new(), Predictor::load(file, &self.device)?)));
        Ok(Predictor::ensemble(members.collect::<Result<Vec<_>>>()?)?)
    }
}
