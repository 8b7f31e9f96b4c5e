//! Encoder-decoder networks, one file each, behind one [`Model`].
//!
//! A backbone maps `[batch, channel, depth, height, width]` to logits of the same size. It can see
//! its input masked: a [`TokenMask`] replaces tokens where the method
//! says (for UNETR after patch and position embedding, see `unetr.rs`).

mod unetr;

use std::fmt;
use std::str::FromStr;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::medcontext::TokenMask;
use crate::nn::Init;

pub use unetr::{PatchProjection, Unetr, UnetrConfig};

/// The networks that can be chosen by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backbone {
    /// UNETR (Hatamizadeh et al., 2022, arXiv 2103.10504).
    Unetr,
}

/// Named sizes of a backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Under 3 million parameters: trains in a browser on an integrated GPU.
    Tiny,
    /// About 9 million parameters: trains on a CPU or a small GPU.
    Small,
    /// The size of the MedContext paper.
    Paper,
}

/// Architectural numbers of one network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Network {
    /// UNETR.
    Unetr(UnetrConfig),
}

impl Network {
    /// A named size of a backbone.
    pub fn new(backbone: Backbone, size: Size) -> Self {
        match backbone {
            Backbone::Unetr => Self::Unetr(UnetrConfig::new(size)),
        }
    }

    /// Which backbone this is.
    pub fn backbone(&self) -> Backbone {
        match self {
            Self::Unetr(_) => Backbone::Unetr,
        }
    }

    /// What every axis of a patch must be a multiple of, in voxels.
    pub fn patch_multiple(&self) -> [usize; 3] {
        match self {
            Self::Unetr(_) => [unetr::TOKEN; 3],
        }
    }

    /// Tokens along each axis of a patch: the grid on which masks are drawn.
    pub fn token_grid(&self, patch: [usize; 3]) -> [usize; 3] {
        let unit = self.patch_multiple();
        std::array::from_fn(|axis| patch[axis] / unit[axis])
    }

    /// Estimated memory of a MedContext training step in bytes: parameters with gradients, two
    /// moments and a teacher, and the activations that the backward pass of both views keeps.
    pub fn training_bytes(&self, parameters: usize, patch: [usize; 3], batch: usize) -> u64 {
        let voxels = patch.iter().product::<usize>() * batch;
        let per_voxel = match self {
            Self::Unetr(config) => config.activations_per_voxel(),
        };
        4 * (5 * parameters + 2 * voxels * per_voxel) as u64
    }

    /// Why these numbers cannot make a network for `patch`, in one sentence.
    pub fn check(&self, patch: [usize; 3]) -> Result<(), String> {
        let unit = self.patch_multiple();
        if (0..3).any(|axis| patch[axis] == 0 || !patch[axis].is_multiple_of(unit[axis])) {
            return Err(format!(
                "a patch of {patch:?} voxels does not fit {}: make each side a multiple of {unit:?}",
                self.backbone()
            ));
        }
        match self {
            Self::Unetr(config) => config.check(),
        }
    }

    /// Builds the network with `channels` input and `classes` output channels, drawn from `seed`.
    pub fn build(
        &self,
        channels: usize,
        classes: usize,
        patch: [usize; 3],
        seed: u64,
        device: &Device,
    ) -> Model {
        let mut init = Init::new(seed, device);
        match self {
            Self::Unetr(config) => {
                Model::Unetr(Unetr::new(config, channels, classes, patch, &mut init))
            }
        }
    }
}

/// A network with its parameters.
#[derive(Module, Debug)]
pub enum Model {
    /// UNETR.
    Unetr(Unetr),
}

impl Model {
    /// Logits `[batch, class, d, h, w]` of `x` `[batch, channel, d, h, w]`, seen whole or masked.
    pub fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>) -> Tensor<5> {
        match self {
            Self::Unetr(unetr) => unetr.forward(x, mask),
        }
    }

    /// The name that the reference implementation gives to the parameter at `path` of this module.
    pub fn reference_name(&self, path: &str) -> String {
        match self {
            Self::Unetr(unetr) => unetr.reference_name(path),
        }
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unetr => "unetr",
        })
    }
}

impl FromStr for Backbone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "unetr" => Ok(Self::Unetr),
            _ => Err(format!("there is no backbone {name:?}: choose unetr")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Paper => "paper",
        })
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "tiny" => Ok(Self::Tiny),
            "small" => Ok(Self::Small),
            "paper" => Ok(Self::Paper),
            _ => Err(format!(
                "there is no size {name:?}: choose tiny, small or paper"
            )),
        }
    }
}
