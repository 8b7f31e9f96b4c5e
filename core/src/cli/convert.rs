//! `core convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use futures::executor::block_on;

use super::console::Console;
use super::files::{read, write};
use super::inputs::refuse_inputs;
use super::{Failure, Outcome, sides};
use crate::backbone::Merging;
use crate::device::{self, DeviceKind};
use crate::transform::Normalization;
use crate::volume::AxisOrder;
use crate::weights::{self, ImportOptions, Precision};

#[derive(Args)]
pub(super) struct Arguments {
    /// A checkpoint of PyTorch (.pt, .pth, .bin, .model) or a .safetensors file.
    input: PathBuf,
    /// The .safetensors file to write.
    output: PathBuf,
    /// Whose names to write: this program's file, or what the reference in PyTorch loads.
    #[arg(long, default_value = "core")]
    to: Form,
    /// The patch that the weights are for, where they do not tell.
    #[arg(long, value_name = "D,H,W", value_parser = sides)]
    patch: Option<[usize; 3]>,
    /// UNETR's attention heads, which weights do not tell; by default one per 64 channels.
    #[arg(long)]
    heads: Option<usize>,
    /// How the SwinUNETR that the weights come from merges patches.
    #[arg(long, default_value = "legacy")]
    merging: MergingChoice,
    /// The order of the axes in training: xyz as MONAI loads volumes, zyx as nnU-Net does; by default
    /// the reference's.
    #[arg(long)]
    axes: Option<AxesChoice>,
    /// How intensities were normalized in training.
    #[arg(long, alias = "normalisation", default_value = "z-score")]
    normalization: NormalizationChoice,
    /// Change the number of input channels: from one to several or back.
    #[arg(long)]
    channels: Option<usize>,
    /// Change the number of classes, background included; the last layer is then reinitialized.
    #[arg(long)]
    classes: Option<usize>,
    /// Names of the classes in order, without the background.
    #[arg(long, value_name = "NAME,NAME", value_delimiter = ',')]
    names: Vec<String>,
    /// Which network of a file that holds several, such as a student and its teacher: its path in the file.
    #[arg(long)]
    part: Option<String>,
    /// How values are stored.
    #[arg(long, default_value = "f32")]
    precision: PrecisionChoice,
    /// Overwrite the output.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// A file that train, predict and the page take.
    Core,
    /// MONAI's names for UNETR and SwinUNETR, the released ones for the others.
    #[value(alias = "pytorch")]
    Monai,
}

#[derive(Clone, Copy, ValueEnum)]
enum MergingChoice {
    /// MONAI 0.9 to 1.4 and all published weights.
    Legacy,
    /// MONAI 1.5.
    #[value(name = "monai-1.5")]
    Monai15,
    /// MONAI's mergingv2.
    V2,
}

#[derive(Clone, Copy, ValueEnum)]
enum AxesChoice {
    Zyx,
    Xyz,
}

#[derive(Clone, Copy, ValueEnum)]
enum NormalizationChoice {
    /// Mean 0 and standard deviation 1 over a volume.
    ZScore,
    /// Not at all: volumes hold what the network expects.
    None,
}

#[derive(Clone, Copy, ValueEnum)]
enum PrecisionChoice {
    F32,
    F16,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    if arguments.output.exists() && !arguments.force {
        return Err(Failure::Message(format!(
            "{} exists; choose another name or add --force to overwrite",
            arguments.output.display()
        )));
    }
    refuse_inputs([&arguments.output], [&arguments.input])?;
    let options = options(&arguments)?;
    let bytes = read(&arguments.input)?;
    let cpu = block_on(device::open(DeviceKind::Cpu))?;
    let imported = weights::import(&bytes, &options, &cpu.device);
    let imported = imported.map_err(|error| unusable(&arguments, &error))?;

    console.say(format!(
        "{}, {} parameters",
        imported.metadata.describe(),
        imported.model.parameters()
    ));
    if !imported.others.is_empty() {
        console.say(format!(
            "taken: {}; the file also holds {}, which --part chooses",
            imported.place,
            imported.others.join(", ")
        ));
    }
    for (what, names) in [
        ("assumed", &imported.assumed),
        ("new, for they are not in the file", &imported.missing),
        ("ignored, for the network has no place for them", &imported.ignored),
    ] {
        if !names.is_empty() {
            console.say(format!("{what}: {}", shortened(names)));
        }
    }
    let (model, metadata) = (&imported.model, &imported.metadata);
    let precision = match arguments.precision {
        PrecisionChoice::F32 => Precision::F32,
        PrecisionChoice::F16 => Precision::F16,
    };
    let written = match arguments.to {
        Form::Core => block_on(weights::save_cascade(
            model,
            imported.coarse.as_ref(),
            metadata,
            precision,
        )),
        Form::Monai => block_on(weights::to_reference(model, metadata)),
    };
    let written = written.map_err(|error| unusable(&arguments, &error))?;
    write(&arguments.output, &written)?;
    console.say(format!("wrote {}", arguments.output.display()));
    Ok(())
}

fn options(arguments: &Arguments) -> Result<ImportOptions, Failure> {
    for (name, count) in [("channels", arguments.channels), ("classes", arguments.classes)] {
        if count == Some(0) {
            return Err(Failure::Message(format!("--{name} is 0: make it at least 1")));
        }
    }
    if arguments.to == Form::Monai && matches!(arguments.precision, PrecisionChoice::F16) {
        return Err(Failure::Message(
            "PyTorch's networks hold f32: leave out --precision f16".to_owned(),
        ));
    }
    Ok(ImportOptions {
        patch: arguments.patch,
        heads: arguments.heads,
        merging: match arguments.merging {
            MergingChoice::Legacy => Merging::Legacy,
            MergingChoice::Monai15 => Merging::Monai15,
            MergingChoice::V2 => Merging::V2,
        },
        axes: arguments.axes.map(|axes| match axes {
            AxesChoice::Zyx => AxisOrder::Zyx,
            AxesChoice::Xyz => AxisOrder::Xyz,
        }),
        normalization: match arguments.normalization {
            NormalizationChoice::ZScore => Normalization::ZScore,
            NormalizationChoice::None => Normalization::None,
        },
        channels: arguments.channels,
        classes: arguments.classes,
        names: arguments.names.clone(),
        part: arguments.part.clone(),
        expected: None,
    })
}

fn unusable(arguments: &Arguments, error: &weights::WeightsError) -> Failure {
    let file = arguments.input.display();
    Failure::Message(format!("{file}: the weights {error}"))
}

/// The first few names, and how many more there are.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 8;
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
