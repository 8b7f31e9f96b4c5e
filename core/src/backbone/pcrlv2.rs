//! The 3D CNN of PCRLv2: a U-shaped network of plain convolutions.
//!
//! Zhou et al., "A Unified Visual Information Preservation Framework for Self-supervised Pre-training in Medical Image
//! Analysis" (arXiv 2301.00772), as `SegmentationModel` in the authors' `finetune` branch (298a7ef), without the
//! pre-training heads and the final sigmoid: the output is logits. Parameter names are the released code's.
//!
//! The network has no tokens, and MedContext's paper does not say how it is masked. Our choice: tubes
//! of 16×16 voxels of the input become one learned value per channel, so that nothing bypasses the
//! mask.

mod config;
mod layers;

use self::config::{CELL, GROUPS, LEVELS};
use super::architecture::LOSS;
use super::cost::{conv, volume};
use super::encoder::EncoderShape;
use super::{
    Architecture, Label, Named, PatchRule, RecipeFamily, RecognitionError, Recognized, Registered, Shapes, Untold,
};
use crate::nn::Init;
use crate::volume::AxisOrder;
pub use config::{NormKind, Pcrlv2Config};
pub use layers::Pcrlv2;

impl Architecture for Pcrlv2Config {
    type Layers = Pcrlv2;

    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([1 << (LEVELS - 1); 3])
    }

    fn token(&self) -> [usize; 3] {
        [CELL; 3]
    }

    fn encoder(&self) -> Option<EncoderShape> {
        Some(EncoderShape {
            channels: (2 * self.width) << (LEVELS - 1),
            stride: 1 << (LEVELS - 1),
            token: CELL,
            leaves_out: false,
            decoder: Some([2, 1, 0].map(|level| (2 * self.width) << level)),
        })
    }

    fn mixes_samples(&self) -> bool {
        self.norm == NormKind::Batch
    }

    /// Some 33 maps of `width` channels at full resolution, a third as much below it.
    fn training_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * (LOSS + 43.0 * self.width as f64)
    }

    fn inference_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * 14.5 * self.width as f64
    }

    fn largest_values(&self, patch: [usize; 3]) -> f64 {
        // The finest decoder level, with its skip if there is one.
        let channels = if self.skip { 6 } else { 4 };
        volume(patch) * (channels * self.width) as f64
    }

    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        let voxels: usize = patch.iter().product();
        let down = (0..LEVELS).map(|level| {
            let (voxels, half) = (voxels >> (3 * level), self.width << level);
            let input = if level == 0 { channels } else { half };
            conv(voxels, input + 2 * half, half, 27)
        });
        let up = (0..LEVELS - 1).map(|level| {
            let (voxels, output) = (voxels >> (3 * level), (2 * self.width) << level);
            let joined = if self.skip { 3 * output } else { 2 * output };
            conv(voxels, 2 * output, 2 * output, 1) + conv(voxels, joined + output, output, 27)
        });
        let last = conv(voxels, 2 * self.width, classes, 1);
        down.sum::<u64>() + up.sum::<u64>() + last
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), String> {
        if self.width == 0 || !self.width.is_multiple_of(GROUPS) {
            return Err(format!(
                "pcrlv2 cannot split {} channels into {GROUPS} groups: make width a multiple of {GROUPS}",
                self.width
            ));
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, _patch: [usize; 3], init: &mut Init) -> Pcrlv2 {
        Pcrlv2::new(self, channels, classes, init)
    }
}

impl Registered for Pcrlv2Config {
    const NAMES: &'static [Named<Self>] = &[Named {
        label: Label {
            name: "pcrlv2",
            title: "PCRLv2",
            parameters: [1_200_000, 4_700_000, 16_800_000],
            pace: "slower than UNETR at the same size",
            recipes: RecipeFamily::Monai,
        },
        numbers: Self::new,
    }];

    const ANCHOR: &'static str = "down_tr64.ops.0.conv1.weight";

    /// PyTorch's batch norms count their batches.
    fn is_unused(name: &str) -> bool {
        name.ends_with("num_batches_tracked")
    }

    fn recognize(shapes: &Shapes<'_>, _untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError> {
        let width = shapes.side(Self::ANCHOR, 0)?;
        let joined = shapes.side("up_tr256.ops.0.conv1.weight", 1)?;
        let config = Pcrlv2Config {
            width,
            norm: if shapes.has("down_tr64.ops.0.bn1.running_mean") {
                NormKind::Batch
            } else {
                NormKind::Group
            },
            skip: joined > 16 * width,
        };
        Ok(Recognized {
            network: config,
            channels: shapes.side(Self::ANCHOR, 1)?,
            classes: shapes.side("out_tr.final_conv.weight", 0)?,
            patch: [96; 3],
            axes: AxisOrder::Xyz,
            assumed: Vec::new(),
        })
    }
}
