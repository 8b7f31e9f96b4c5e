//! What a method of pretraining adds to the encoder.

use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;

use super::mae::MaeDecoder;
use super::simclr::SimclrHead;
use super::simmim::SimmimHead;
use super::{Method, Pretraining};
use crate::backbone::{Model, Network};
use crate::nn::Init;

/// Layers that are only used in pretraining.
#[derive(Module, Debug)]
// One value of this type lives at a time; a box would be one more step for every visitor.
#[allow(clippy::large_enum_variant)]
pub enum Head {
    /// Of a masked autoencoder.
    Mae(MaeDecoder),
    /// Of SimMIM.
    Simmim(SimmimHead),
    /// Of SimCLR.
    Simclr(SimclrHead),
}

impl Head {
    /// A new head for a network on patches of `patch` voxels with so many channels; `None` where the network cannot be
    /// pretrained.
    pub fn new(
        settings: &Pretraining,
        network: &Network,
        patch: [usize; 3],
        channels: usize,
        init: &mut Init,
    ) -> Option<Self> {
        let encoder = network.encoder()?;
        Some(match settings.method {
            Method::Mae => Self::Mae(MaeDecoder::new(encoder, patch, channels, init)),
            Method::Simmim => Self::Simmim(SimmimHead::new(encoder, channels, init)),
            Method::Simclr => Self::Simclr(SimclrHead::new(encoder, settings, init)),
        })
    }

    /// The self-supervised loss of a batch `[batch, channel, d, h, w]`, `[1]`, with masks from `rng`; `None` where
    /// `network`, which `model` is, cannot be pretrained.
    pub fn loss(
        &self,
        model: &Model,
        network: &Network,
        x: Tensor<5>,
        settings: &Pretraining,
        rng: &mut impl Rng,
    ) -> Option<Tensor<1>> {
        let encoder = network.encoder()?;
        match self {
            Self::Mae(head) => head.loss(model, x, encoder, settings, rng),
            Self::Simmim(head) => head.loss(model, x, encoder, settings, rng),
            Self::Simclr(head) => head.loss(model, x, settings),
        }
    }

    /// A batch as it is restored, and 1 where a voxel was masked, both `[batch, channel, d, h, w]`; `None` where the
    /// method restores nothing.
    pub fn restore(
        &self,
        model: &Model,
        network: &Network,
        x: Tensor<5>,
        settings: &Pretraining,
        rng: &mut impl Rng,
    ) -> Option<[Tensor<5>; 2]> {
        let encoder = network.encoder()?;
        match self {
            Self::Mae(head) => head.restore(model, x, encoder, settings, rng),
            Self::Simmim(head) => head.restore(model, x, encoder, settings, rng),
            Self::Simclr(_) => None,
        }
    }
}
