//! The predictor: trained networks, and what is to be segmented with them.

use burn::tensor::{Device, Tensor};

use super::ensemble::{self, EnsembleError};
use super::{Inference, PostProcessing, PredictConfig, Run, mirror_tta};
use crate::backbone::Model;
use crate::transform::MirrorAxes;
use crate::volume::Image;
use crate::weights::{self, Metadata};
use crate::{Error, Result};

/// A trained network, or an ensemble of several, ready to segment.
#[derive(Debug)]
pub struct Predictor {
    /// At least one.
    members: Vec<Member>,
    /// The first stage of a cascade.
    coarse: Option<Box<Self>>,
    metadata: Metadata,
    pub(super) device: Device,
}

/// One network of a predictor.
#[derive(Debug)]
struct Member {
    model: Model,
    mirror_axes: MirrorAxes,
}

impl Member {
    /// The logits of windows.
    fn logits(&self, x: Tensor<5>, mirror: bool) -> Tensor<5> {
        let forward = |x| self.model.forward(x, None);
        match mirror {
            true => mirror_tta(&x, self.mirror_axes, forward),
            false => forward(x),
        }
    }
}

impl Predictor {
    /// Loads a weights file onto a device.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn load(bytes: &[u8], device: &Device) -> Result<Self> {
        let loaded = weights::load(bytes, device)?;
        let coarse = loaded.metadata.coarse.clone().zip(loaded.coarse);
        Ok(Self {
            coarse: coarse.map(|(metadata, model)| Box::new(Self::new(model, *metadata, device))),
            ..Self::new(loaded.model, loaded.metadata, device)
        })
    }

    /// A cascade: `coarse` finds the region in which this one segments.
    pub(crate) fn around(self, coarse: Self) -> Self {
        Self {
            metadata: Metadata {
                coarse: Some(Box::new(coarse.metadata.clone())),
                ..self.metadata
            },
            coarse: Some(Box::new(coarse)),
            ..self
        }
    }

    /// A predictor for a network in memory, on `device`.
    pub fn new(model: Model, metadata: Metadata, device: &Device) -> Self {
        Self {
            members: vec![Member {
                model,
                mirror_axes: metadata.mirror_axes,
            }],
            coarse: None,
            metadata,
            device: device.clone(),
        }
    }

    /// Networks that segment together, each with the name of its file for messages: windows are segmented with the mean
    /// of the members' probabilities, at the cost of all members. An ensemble of one equals its member to the last bit.
    /// All are on the device of the first.
    ///
    /// # Errors
    /// When there is none, or two differ in labels, channels, patch or preprocessing.
    pub fn ensemble(members: Vec<(String, Self)>) -> Result<Self, EnsembleError> {
        let mut members = members.into_iter();
        let (first, mut whole) = members.next().ok_or(EnsembleError::Empty)?;
        let mut stages = Vec::from_iter(whole.coarse.take().map(|coarse| (first.clone(), *coarse)));
        for (name, member) in members {
            ensemble::check((&first, &whole.metadata), (&name, &member.metadata))?;
            whole.members.extend(member.members);
            stages.extend(member.coarse.map(|coarse| (name, *coarse)));
        }
        if !stages.is_empty() {
            whole.coarse = Some(Box::new(Self::ensemble(stages)?));
        }
        Ok(whole)
    }

    /// The same networks, with post-processing in place of that of their weights.
    pub fn with_post_processing(mut self, post_processing: PostProcessing) -> Self {
        self.metadata.inference = Some(Inference {
            post_processing,
            ..self.metadata.inference.unwrap_or_default()
        });
        self
    }

    /// Number of networks that segment together.
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The metadata of the weights; of an ensemble, those of its first member.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Prepares an image of one channel; see [`Predictor::start_channels`].
    ///
    /// # Errors
    /// As [`Predictor::start_channels`].
    pub fn start(&self, image: &Image, config: PredictConfig) -> Result<Run<'_>> {
        self.start_channels(&[image], config)
    }

    /// Prepares the channels of a case, all on one grid and in the order of training; the images may be dropped
    /// afterwards. Nothing is computed until [`Run::next`] is called; dropping the run frees everything.
    ///
    /// # Errors
    /// When the network takes another number of channels, these lie on different grids, a setting of inference is out
    /// of range, or the batch size is 0.
    pub fn start_channels(&self, images: &[&Image], config: PredictConfig) -> Result<Run<'_>> {
        self.metadata.check_channels(images.len())?;
        let &image = images
            .first()
            .ok_or_else(|| Error::Config("a network without input cannot segment".to_owned()))?;
        if let Some(other) = images.iter().find(|other| other.grid() != image.grid()) {
            return Err(Error::Config(format!(
                "the channels lie on different grids ({} and {}): put them together as a case first",
                image.grid().describe(),
                other.grid().describe()
            )));
        }
        if let Some(problem) = config.inference.problem() {
            return Err(Error::Config(problem));
        }
        if config.batch_size == 0 {
            return Err(Error::Config("a batch needs at least one window".to_owned()));
        }
        match &self.coarse {
            Some(coarse) => Ok(Run::cascade(
                self,
                coarse.start_channels(images, config)?,
                images,
                config,
            )),
            None => Ok(Run::over(self, images, config)),
        }
    }

    /// Whether the disagreement of members is computed.
    pub(super) fn shows_disagreement(&self, config: &PredictConfig) -> bool {
        config.uncertainty && self.members.len() > 1
    }

    /// The logits of windows, or those of the members' mean probabilities and, where asked for, their disagreement.
    pub(super) fn logits(&self, x: Tensor<5>, config: &PredictConfig) -> Option<Tensor<5>> {
        if let [member] = &self.members[..] {
            return Some(member.logits(x, config.inference.mirror));
        }
        let logits = (self.members.iter()).map(|member| member.logits(x.clone(), config.inference.mirror));
        let regions = self.metadata.labels.regions().is_some();
        ensemble::mean(logits, regions, self.shows_disagreement(config))
    }
}
