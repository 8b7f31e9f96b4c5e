//! What a method of pretraining adds to the encoder.

use burn::module::Module;
use burn::tensor::Tensor;
use rand::Rng;

use super::mae::MaeDecoder;
use super::pcrlv2::Pcrlv2Head;
use super::simclr::SimclrHead;
use super::simmim::SimmimHead;
use super::{Method, Pretraining, Task};
use crate::backbone::Network;
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
    /// Of PCRLv2.
    Pcrlv2(Pcrlv2Head),
}

impl Head {
    /// A new head for a network on patches of `patch` voxels with so many channels; `None` where the network cannot be
    /// pretrained by this method.
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
            Method::Pcrlv2 => Self::Pcrlv2(Pcrlv2Head::new(encoder, channels, init)?),
        })
    }

    /// The self-supervised loss of a batch `[batch, channel, d, h, w]`, `[1]`, with all randomness from `rng`; `None`
    /// where the network cannot be pretrained by this method.
    pub fn loss(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<Tensor<1>> {
        match self {
            Self::Mae(head) => head.loss(task, x, rng),
            Self::Simmim(head) => head.loss(task, x, rng),
            Self::Simclr(head) => head.loss(task, x),
            Self::Pcrlv2(head) => head.loss(task, x, rng),
        }
    }

    /// A batch as it is restored, and 1 where a voxel was masked, both `[batch, channel, d, h, w]`; `None` where the
    /// method does not restore what is masked.
    pub fn restore(&self, task: &Task<'_>, x: Tensor<5>, rng: &mut impl Rng) -> Option<[Tensor<5>; 2]> {
        match self {
            Self::Mae(head) => head.restore(task, x, rng),
            Self::Simmim(head) => head.restore(task, x, rng),
            Self::Simclr(_) | Self::Pcrlv2(_) => None,
        }
    }
}
