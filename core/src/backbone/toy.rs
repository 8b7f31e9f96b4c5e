//! A network for tests, and the shortest example of a backbone's file: one level down and up again.
//!
//! The header of a file names the paper, the reference implementation and its version, and what was chosen here where
//! both are silent. This network has neither, so everything is our choice: cells of 4³ voxels of the input become one
//! learned value per channel where the mask hides them, as in PCRLv2.

#[cfg(test)]
mod tests;

use burn::module::{Module, Param};
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use serde::{Deserialize, Serialize};

use super::architecture::LOSS;
use super::cost::{conv, volume};
use super::{
    Architecture, Label, Named, PatchRule, RecipeFamily, RecognitionError, Recognized, Registered, Segmenter, Shapes,
    Size, Untold,
};
use crate::nn::{Conv3d, Init, TokenMask, TransposedConv3d, max_pool2};
use crate::volume::AxisOrder;

/// Side of a masked cell in voxels.
const CELL: usize = 4;

/// Architectural numbers of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ToyConfig {
    /// Channels at full resolution.
    pub width: usize,
}

impl Default for ToyConfig {
    fn default() -> Self {
        Self::new(Size::Small)
    }
}

impl ToyConfig {
    /// A named size.
    pub fn new(size: Size) -> Self {
        Self {
            width: match size {
                Size::Tiny => 2,
                Size::Small => 4,
                Size::Paper => 8,
            },
        }
    }
}

impl Registered for ToyConfig {
    const NAMES: &'static [Named<Self>] = &[Named {
        label: Label {
            name: "toy",
            title: "Toy",
            parameters: [350, 1_256, 4_748],
            pace: "for tests",
            recipes: RecipeFamily::Monai,
        },
        numbers: Self::new,
    }];

    const ANCHOR: &'static str = "toy_encoder.weight";

    fn recognize(shapes: &Shapes<'_>, _untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError> {
        let config = Self {
            width: shapes.side(Self::ANCHOR, 0)?,
        };
        Ok(Recognized {
            network: config,
            channels: shapes.side(Self::ANCHOR, 1)?,
            classes: shapes.side("head.weight", 0)?,
            patch: [16; 3],
            axes: AxisOrder::Xyz,
            assumed: Vec::new(),
        })
    }
}

impl Architecture for ToyConfig {
    type Layers = Toy;

    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([2; 3])
    }

    fn token(&self) -> [usize; 3] {
        [CELL; 3]
    }

    fn training_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * (LOSS + 4.0 * self.width as f64)
    }

    fn inference_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * 2.0 * self.width as f64
    }

    fn largest_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * self.width as f64
    }

    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        let (voxels, width) = (patch.iter().product::<usize>(), self.width);
        conv(voxels, channels, width, 27)
            + conv(voxels / 8, width, 2 * width, 27)
            + conv(voxels, 2 * width, width, 1)
            + conv(voxels, width, classes, 1)
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), String> {
        match self.width {
            0 => Err("toy needs a width of at least 1".to_owned()),
            _ => Ok(()),
        }
    }

    fn build(&self, channels: usize, classes: usize, _patch: [usize; 3], init: &mut Init) -> Toy {
        Toy::new(self, channels, classes, init)
    }
}

/// The network.
#[derive(Module, Debug)]
pub struct Toy {
    /// What masked voxels become, `[1, channel, 1, 1, 1]`; zero at the start.
    mask_token: Param<Tensor<5>>,
    down: Conv3d,
    inner: Conv3d,
    up: TransposedConv3d,
    out: Conv3d,
}

impl Toy {
    /// A new network.
    pub fn new(config: &ToyConfig, channels: usize, classes: usize, init: &mut Init) -> Self {
        let width = config.width;
        Self {
            mask_token: init.constant([1, channels, 1, 1, 1], 0.0),
            down: Conv3d::new(channels, width, 3, true, init),
            inner: Conv3d::new(width, 2 * width, 3, true, init),
            up: TransposedConv3d::double(2 * width, width, init),
            out: Conv3d::new(width, classes, 1, true, init),
        }
    }
}

impl Segmenter for Toy {
    fn forward(&self, x: Tensor<5>, mask: Option<&TokenMask>, _scales: usize) -> Vec<Tensor<5>> {
        let x = match mask {
            Some(mask) => mask.apply_to_voxels(x, CELL, self.mask_token.val()),
            None => x,
        };
        let skip = relu(self.down.forward(x));
        let inner = relu(self.inner.forward(max_pool2(skip.clone())));
        vec![self.out.forward(self.up.forward(inner) + skip)]
    }

    fn reference_name(&self, path: &str) -> String {
        match path.split_once('.') {
            Some(("down", rest)) => format!("toy_encoder.{rest}"),
            Some(("out", rest)) => format!("head.{rest}"),
            _ => path.to_owned(),
        }
    }

    fn head_prefix(&self) -> &'static str {
        "head."
    }

    fn input_prefixes(&self) -> &'static [&'static str] {
        &["toy_encoder.weight", "mask_token"]
    }
}
