//! The predictor: trained networks, ready to segment.

use burn::tensor::{Device, Tensor};

use super::ensemble::{self, EnsembleError};
use super::{Inference, PostProcessing, PredictConfig, mirror_tta};
use crate::backbone::Model;
use crate::transform::MirrorAxes;
use crate::weights::{self, Metadata};
use crate::{Error, Result};

/// A trained network, or an ensemble of several, ready to segment.
#[derive(Debug)]
pub struct Predictor {
    /// At least one.
    pub(super) members: Vec<Member>,
    /// The first stage of a cascade.
    pub(super) coarse: Option<Box<Self>>,
    metadata: Metadata,
    pub(super) device: Device,
}

/// One network of a predictor.
#[derive(Debug)]
pub(super) struct Member {
    pub model: Model,
    pub mirror_axes: MirrorAxes,
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

    /// Where the networks are.
    pub(super) fn device(&self) -> &Device {
        &self.device
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

/// The device does not answer.
pub(super) fn lost() -> Error {
    Error::Lost("segmenting".to_owned())
}
