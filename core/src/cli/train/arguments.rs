//! The options of `core train`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::backbone::{Backbone, Size};
use crate::cli::outcome::sides;
use crate::device::DeviceKind;
use crate::experiment::FoldCount;
use crate::medcontext::MedContext;
use crate::preset::Preset;
use crate::volume::SliceAxis;

#[derive(Args, Default)]
pub(in crate::cli) struct Arguments {
    /// Folder with scans and labels: Decathlon, nnU-Net, or any names that pair.
    #[arg(long)]
    pub data: PathBuf,
    /// Labels, lists, preprocessing and settings of a public data set: synapse, acdc, brats21, brats17 or decathlon.
    /// Other options override it.
    #[arg(long)]
    pub preset: Option<Preset>,
    /// Minutes of training to plan for (30 where nothing else tells): settings that are not given are planned for the
    /// cases and for the time that steps take on the device, as `core plan` shows them.
    #[arg(long, value_name = "M", conflicts_with = "preset")]
    pub budget_minutes: Option<f64>,
    /// Plan a single network, even where a cascade of two stages would be planned.
    #[arg(long, conflicts_with = "preset")]
    pub single_stage: bool,
    /// Train on one list of a JSON file of case names: FILE:LIST; or on a list of the preset, such as
    /// five-shot.
    #[arg(long, value_name = "FILE:LIST")]
    pub split: Option<String>,
    /// Validate on one list of a JSON file of case names: FILE:LIST; or on a list of the preset.
    #[arg(long, value_name = "FILE:LIST")]
    pub val: Option<String>,
    /// Cross-validate: divide the cases into so many folds (all: one for each subject), train on the others of each and
    /// measure its own. The settings come from all cases; --budget-minutes is shared by the folds. `core predict
    /// --weights OUT` segments with all of them.
    #[arg(long, value_name = "K", conflicts_with = "val")]
    pub folds: Option<FoldCount>,
    /// Folder for weights, log and summary.
    #[arg(long)]
    pub out: PathBuf,
    /// Settings in TOML; options on the command line override them.
    #[arg(long)]
    pub config: Option<PathBuf>,
    /// Weights to start from: a network (fine-tuning), or the encoder that `core pretrain` trained.
    #[arg(long, visible_alias = "start-from")]
    pub start: Option<PathBuf>,
    /// The weights to start from may have other labels: their last layer is replaced.
    #[arg(long, requires = "start")]
    pub new_head: bool,
    #[arg(long, help = format!("Network: {}", Backbone::choices()))]
    pub backbone: Option<Backbone>,
    /// Its size: tiny, small or paper.
    #[arg(long)]
    pub size: Option<Size>,
    /// Patch in voxels.
    #[arg(long, value_name = "D,H,W", value_parser = sides)]
    pub patch: Option<[usize; 3]>,
    /// The joint self-supervised part; values in [medcontext] of --config override it.
    #[arg(long)]
    pub medcontext: Option<Method>,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs; several, with
    /// commas between them, share the batches of every step.
    #[arg(long, default_value = "cpu", value_delimiter = ',')]
    pub device: Vec<DeviceKind>,
    /// Optimizer steps (iterations).
    #[arg(long)]
    pub iterations: Option<usize>,
    /// Patches per batch.
    #[arg(long)]
    pub batch_size: Option<usize>,
    /// Batches per step, whose gradients are averaged (gradient accumulation); at least as many as devices.
    #[arg(long)]
    pub accumulation: Option<usize>,
    /// Learning rate after warmup.
    #[arg(long)]
    pub learning_rate: Option<f64>,
    /// Seed of every random choice.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Resume the run in --out from its last checkpoint, or start it if there is none.
    #[arg(long)]
    pub resume: bool,
    /// Cache folder for prepared cases, used by this and other runs instead of memory.
    #[arg(long, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,
    /// Resample label maps that do not lie on their images' grid: nearest neighbor.
    #[arg(long)]
    pub resample_labels: bool,
    /// Id of voxels that are not labeled, which are neither learned nor measured; by default the one that dataset.json
    /// or a label map names "ignore".
    #[arg(long, value_name = "ID")]
    pub ignore_label: Option<u16>,
    /// Only slices with a label count, along axial, coronal, sagittal or auto; the others are not labeled.
    #[arg(long, value_name = "AXIS")]
    pub labeled_slices: Option<SliceAxis>,
    /// Share of the patches from scans without a label map, which teach by consistency alone: 0 to below 1.
    #[arg(long, value_name = "SHARE")]
    pub unlabeled_share: Option<f64>,
    /// Combine label maps of one structure each (TotalSegmentator) into one for each image.
    #[arg(long)]
    pub combine_structures: bool,
    /// Refuse a case or a folder that cannot be read instead of leaving it out.
    #[arg(long)]
    pub strict: bool,
    /// Write into a folder that is not empty; resume a run although its settings changed.
    #[arg(long)]
    pub force: bool,
    /// Whether this is `core pretrain`, which takes of a plan only what a scan decides.
    #[arg(skip)]
    pub pretraining: bool,
}

/// Published settings of the method.
#[derive(Clone, Copy, ValueEnum)]
pub(in crate::cli) enum Method {
    /// The paper's settings.
    Paper,
    /// The paper's, with a teacher that suits the length of the run: the default.
    Fitted,
    /// The released code's for UNETR.
    ReleasedUnetr,
    /// The released code's for nnFormer.
    ReleasedNnformer,
    /// Without MedContext.
    Off,
}

impl Method {
    /// What it sets.
    pub(super) fn settings(self) -> MedContext {
        match self {
            Self::Paper => MedContext::paper(),
            Self::Fitted => MedContext::default(),
            Self::ReleasedUnetr => MedContext::released_unetr(),
            Self::ReleasedNnformer => MedContext::released_nnformer(),
            Self::Off => MedContext::off(),
        }
    }
}
