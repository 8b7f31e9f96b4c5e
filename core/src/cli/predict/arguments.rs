//! The options of `core predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::device::DeviceKind;
use crate::infer::{Blend, InferenceOverrides};

#[derive(Args)]
pub(in crate::cli) struct Arguments {
    /// Weights from `core train` or from the page; several segment together as an ensemble, by the mean of their
    /// probabilities. The folder of `core train --folds` stands for the weights of all its folds.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub weights: Vec<PathBuf>,
    /// A volume file, or a folder of them.
    #[arg(long)]
    pub input: PathBuf,
    /// Folder for the segmentations.
    #[arg(long)]
    pub output: PathBuf,
    /// Windows per forward pass.
    #[arg(long, default_value_t = 1)]
    pub batch_size: usize,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs.
    #[arg(long, default_value = "cpu")]
    pub device: DeviceKind,
    #[command(flatten)]
    pub inference: InferenceArguments,
    /// Part of the cases: I/N, or N where a cluster numbers the parts.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Also write the blended logits, as CASE.logits.safetensors.
    #[arg(long)]
    pub logits: bool,
    /// Also write every voxel's uncertainty as CASE_uncertainty.nii.gz, and rank the cases by it: what to label next.
    /// Of several weights, also write their disagreement as CASE_disagreement.nii.gz.
    #[arg(long)]
    pub uncertainty: bool,
    /// Overwrite segmentations that are there already; what is read is never overwritten.
    #[arg(long)]
    pub force: bool,
}

/// What is chosen in place of the settings that the weights hold. Without either, the overlap is 0.5, blending is
/// gaussian, and nothing else is done.
#[derive(Args)]
pub(in crate::cli) struct InferenceArguments {
    /// Overlap of neighboring windows, 0 to below 1 [default: that of the weights, else 0.5].
    #[arg(long)]
    overlap: Option<f64>,
    /// How overlapping windows are blended [default: that of the weights, else gaussian].
    #[arg(long)]
    blend: Option<BlendName>,
    /// Test-time mirroring: average the logits of every window's mirror images along the axes that training mirrored,
    /// up to eight at eight times the work [default: that of the weights, else false].
    #[arg(long, alias = "flips", value_name = SWITCH, num_args = 0..=1, default_missing_value = "true")]
    mirror: Option<bool>,
    /// Keep only the largest connected component of every label [default: that of the weights, else false].
    #[arg(long, value_name = SWITCH, num_args = 0..=1, default_missing_value = "true")]
    largest_component: Option<bool>,
    /// Fill background that one label encloses [default: that of the weights, else false].
    #[arg(long, value_name = SWITCH, num_args = 0..=1, default_missing_value = "true")]
    fill_holes: Option<bool>,
    /// Remove connected components below this many milliliters; 0 keeps all [default: that of the weights, else 0].
    #[arg(long, value_name = "ML")]
    smallest_ml: Option<f64>,
}

/// What switches take; nothing means true.
const SWITCH: &str = "true|false";

impl InferenceArguments {
    pub fn overrides(&self) -> InferenceOverrides {
        InferenceOverrides {
            overlap: self.overlap,
            blend: self.blend.map(|name| match name {
                BlendName::Constant => Blend::Constant,
                BlendName::Gaussian => Blend::Gaussian,
            }),
            mirror: self.mirror,
            largest_component: self.largest_component,
            fill_holes: self.fill_holes,
            smallest_ml: self.smallest_ml,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
enum BlendName {
    Constant,
    Gaussian,
}
