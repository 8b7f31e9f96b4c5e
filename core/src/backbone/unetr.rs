//! UNETR: a vision transformer over 16³-voxel tokens with a convolutional decoder.
//!
//! Hatamizadeh et al., "UNETR: Transformers for 3D Medical Image Segmentation" (arXiv 2103.10504),
//! as MONAI 1.5 builds it with instance norm. MedContext (arXiv 2402.17725, section 3) adds the
//! mask token. Parameter names are MONAI's, see
//! [`Model::reference_name`](super::Model::reference_name).

mod config;
mod layers;

use self::config::TOKEN;
use super::architecture::LOSS;
use super::cost::{conv, conv_block, decoder_up, transformer_block, volume};
use super::encoder::EncoderShape;
use super::{
    Architecture, Holds, Label, Named, PatchRule, RecipeFamily, RecognitionError, Recognized, ReferenceTensor,
    ReferenceValues, Registered, Shapes, Untold,
};
use crate::nn::Init;
use crate::volume::AxisOrder;
pub use config::{PatchProjection, UnetrConfig};
pub use layers::Unetr;

/// The anchor in MedContext's student, which has the transformer at the top level.
const TOP_LEVEL_TRANSFORMER: &str = "patch_embedding.position_embeddings";

impl Architecture for UnetrConfig {
    type Layers = Unetr;

    fn patch_rule(&self) -> PatchRule {
        PatchRule::multiples([TOKEN; 3])
    }

    fn token(&self) -> [usize; 3] {
        [TOKEN; 3]
    }

    fn encoder(&self) -> Option<EncoderShape> {
        Some(EncoderShape {
            channels: self.hidden,
            stride: TOKEN,
            token: TOKEN,
            leaves_out: true,
            decoder: None,
        })
    }

    /// Some 10 maps of `feature` channels at full resolution, a third as much below it.
    fn training_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * (LOSS + 13.4 * self.feature as f64)
    }

    fn inference_values(&self, patch: [usize; 3]) -> f64 {
        volume(patch) * 6.5 * self.feature as f64
    }

    fn largest_values(&self, patch: [usize; 3]) -> f64 {
        // The last skip, concatenated with the upsampled features.
        volume(patch) * 2.0 * self.feature as f64
    }

    fn multiply_adds(&self, channels: usize, classes: usize, patch: [usize; 3]) -> u64 {
        let (f, residual) = (self.feature, self.res_block);
        let voxels: usize = patch.iter().product();
        let tokens = voxels / TOKEN.pow(3);
        let patches = conv(voxels, channels, self.hidden, 1);
        let blocks = self.layers as u64 * transformer_block(tokens, self.hidden, self.mlp);
        // A skip's levels, each at eight times the voxels of the one before.
        let skip = |levels: u32, out: usize| {
            let first = conv(8 * tokens, self.hidden, out, 1);
            let level = |level: u32| {
                let voxels = tokens * 8usize.pow(level + 2);
                let convolutions = if self.conv_block {
                    conv_block(voxels, out, out, residual)
                } else {
                    0
                };
                conv(voxels, out, out, 1) + convolutions
            };
            first + (0..levels).map(level).sum::<u64>()
        };
        let skips = skip(2, 2 * f) + skip(1, 4 * f) + skip(0, 8 * f);
        let decoder = decoder_up(8 * tokens, self.hidden, 8 * f, residual)
            + decoder_up(64 * tokens, 8 * f, 4 * f, residual)
            + decoder_up(512 * tokens, 4 * f, 2 * f, residual)
            + decoder_up(voxels, 2 * f, f, residual);
        let ends = conv_block(voxels, channels, f, residual) + conv(voxels, f, classes, 1);
        patches + blocks + skips + decoder + ends
    }

    fn check(&self, _patch: [usize; 3]) -> Result<(), String> {
        if self.hidden == 0 || self.heads == 0 || !self.hidden.is_multiple_of(self.heads) {
            return Err(format!(
                "unetr cannot split {} hidden channels over {} heads: make hidden a multiple of heads",
                self.hidden, self.heads
            ));
        }
        if self.layers == 0 || !self.layers.is_multiple_of(4) {
            return Err(format!(
                "unetr cannot take its skips from {} layers: make layers a multiple of 4",
                self.layers
            ));
        }
        if self.mlp == 0 || self.feature == 0 {
            return Err("unetr needs at least one mlp channel and one feature".to_owned());
        }
        Ok(())
    }

    fn build(&self, channels: usize, classes: usize, patch: [usize; 3], init: &mut Init) -> Unetr {
        Unetr::new(self, channels, classes, patch, init)
    }

    fn untold_options(&self) -> &'static str {
        "--heads N"
    }

    /// MONAI's transformer blocks hold a cross attention since 1.3, which UNETR never uses.
    fn reference_tensors(&self, _parameters: &[String], _patch: [usize; 3]) -> Vec<ReferenceTensor> {
        (0..self.layers)
            .flat_map(|block| unused_cross_attention(block, self.hidden))
            .collect()
    }
}

impl Registered for UnetrConfig {
    const NAMES: &'static [Named<Self>] = &[Named {
        label: Label {
            name: "unetr",
            title: "UNETR",
            parameters: [2_440_000, 8_900_000, 102_000_000],
            pace: "quick",
            recipes: RecipeFamily::Monai,
        },
        numbers: Self::new,
    }];

    const ANCHOR: &'static str = "vit.patch_embedding.position_embeddings";

    const OTHER_ANCHORS: &'static [&'static str] = &[TOP_LEVEL_TRANSFORMER];

    fn canonical_name(name: &str, has: Holds<'_>) -> Option<String> {
        let transformer = ["blocks.", "norm.", "patch_embedding."];
        let of_student = has(TOP_LEVEL_TRANSFORMER) && transformer.iter().any(|start| name.starts_with(start));
        of_student.then(|| format!("vit.{name}"))
    }

    fn is_unused(name: &str) -> bool {
        name.contains(".cross_attn.") || name.contains(".norm_cross_attn.")
    }

    fn recognize(shapes: &Shapes<'_>, untold: &Untold<'_, Self>) -> Result<Recognized<Self>, RecognitionError> {
        let hidden = shapes.side(Self::ANCHOR, 2)?;
        let tokens = shapes.side(Self::ANCHOR, 1)?;
        let mut assumed = Vec::new();
        let expected = untold.expected.map(|expected| expected.heads);
        let heads = untold.heads.or(expected).unwrap_or_else(|| {
            // A head of 64 channels, as in ViT and in the paper.
            let heads = (hidden / 64).max(1);
            assumed.push(format!("{heads} attention heads"));
            heads
        });
        let side = (1..=64usize).find(|side| side.pow(3) == tokens);
        let patch = untold.patch.or(side.map(|side| [16 * side; 3]));
        let patch = patch.ok_or_else(|| {
            RecognitionError::Unsuitable(format!(
                "are for {tokens} tokens, which make no cube; say for which patch: `core convert --patch D,H,W`"
            ))
        })?;
        let needed: usize = patch.map(|side| side / 16).iter().product();
        if needed != tokens {
            return Err(RecognitionError::Unsuitable(format!(
                "are for {tokens} tokens, and a patch of {patch:?} has {needed}; choose the patch that they are for"
            )));
        }
        let perceptron = shapes.has("vit.patch_embedding.patch_embeddings.1.weight");
        let config = UnetrConfig {
            hidden,
            mlp: shapes.side("vit.blocks.0.mlp.linear1.weight", 0)?,
            heads,
            layers: shapes.count(|i| format!("vit.blocks.{i}.norm1.weight")),
            feature: shapes.side("encoder1.layer.conv1.conv.weight", 0)?,
            projection: if perceptron {
                PatchProjection::Perceptron
            } else {
                PatchProjection::Conv
            },
            conv_block: shapes.has("encoder2.blocks.0.1.conv1.conv.weight"),
            res_block: shapes.has("decoder5.conv_block.conv3.conv.weight"),
        };
        Ok(Recognized {
            network: config,
            channels: shapes.side("encoder1.layer.conv1.conv.weight", 1)?,
            classes: shapes.side("out.conv.conv.weight", 0)?,
            patch,
            axes: AxisOrder::Xyz,
            assumed,
        })
    }
}

/// Parameters of a block that are never used; zeros, and ones where a norm scales.
fn unused_cross_attention(block: usize, hidden: usize) -> [ReferenceTensor; 7] {
    let tensor = |name: &str, shape: &[usize], value: f32| ReferenceTensor {
        name: format!("vit.blocks.{block}.{name}"),
        shape: shape.to_vec(),
        values: ReferenceValues::Constant(value),
    };
    let (square, vector) = ([hidden; 2], [hidden]);
    [
        tensor("cross_attn.out_proj.weight", &square, 0.0),
        tensor("cross_attn.to_q.weight", &square, 0.0),
        tensor("cross_attn.to_k.weight", &square, 0.0),
        tensor("cross_attn.to_v.weight", &square, 0.0),
        tensor("cross_attn.out_proj.bias", &vector, 0.0),
        tensor("norm_cross_attn.weight", &vector, 1.0),
        tensor("norm_cross_attn.bias", &vector, 0.0),
    ]
}
