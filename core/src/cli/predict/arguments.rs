//! The options of `core predict`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::device::DeviceKind;

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
    /// Overlap of neighboring windows, 0 to below 1.
    #[arg(long, default_value_t = 0.5)]
    pub overlap: f64,
    /// How overlapping windows are blended.
    #[arg(long, default_value = "gaussian")]
    pub blend: BlendName,
    /// Windows per forward pass.
    #[arg(long, default_value_t = 1)]
    pub batch_size: usize,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs.
    #[arg(long, default_value = "cpu")]
    pub device: DeviceKind,
    /// Test-time mirroring: average the logits of every window's eight mirror images, at eight times the work.
    #[arg(long, alias = "flips")]
    pub mirror: bool,
    /// Keep only the largest connected component of every label.
    #[arg(long)]
    pub largest_component: bool,
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

#[derive(Clone, Copy, ValueEnum)]
pub(in crate::cli) enum BlendName {
    Constant,
    Gaussian,
}
