//! What a method of pretraining is told.

use super::Pretraining;
use crate::backbone::{EncoderShape, Model, Network};

/// A network in pretraining, at one step of the run.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// The network.
    pub model: &'a Model,
    /// What its encoder is like.
    pub encoder: EncoderShape,
    /// The method's numbers.
    pub settings: &'a Pretraining,
    /// Share of the run that is done, 0 to 1.
    pub progress: f64,
}

impl<'a> Task<'a> {
    /// `model` is the network `network`; `None` where this cannot be pretrained.
    pub fn new(model: &'a Model, network: &Network, settings: &'a Pretraining, progress: f64) -> Option<Self> {
        Some(Self {
            model,
            encoder: network.encoder()?,
            settings,
            progress,
        })
    }
}
