//! `core info`.

use std::path::{Path, PathBuf};

use clap::Args;
use futures::executor::block_on;

use super::console::Console;
use super::files::read;
use super::{Failure, Outcome, sides};
use crate::Error;
use crate::backbone::{Backbone, Network, Size};
use crate::device::{self, DeviceKind};
use crate::medcontext::MedContext;
use crate::train::TrainConfig;
use crate::volume::{Format, Limits, format_dims};
use crate::weights::{Metadata, Summary, WeightsError, examine, is_checkpoint};

#[derive(Args)]
pub(super) struct Arguments {
    /// A NIfTI or weights file. Without one, the devices are shown.
    file: Option<PathBuf>,
    /// Show parameters and memory of a network.
    #[arg(long)]
    backbone: Option<Backbone>,
    /// The network's size.
    #[arg(long, default_value = "small")]
    size: Size,
    /// The patch for which memory is estimated.
    #[arg(long, value_name = "D,H,W", value_parser = sides, default_value = "96,96,96")]
    patch: [usize; 3],
    /// The batch for which memory is estimated.
    #[arg(long, default_value_t = 2)]
    batch_size: usize,
    /// Output classes, background included.
    #[arg(long, default_value_t = 3)]
    classes: usize,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    if let Some(backbone) = arguments.backbone {
        return network(&arguments, backbone, console);
    }
    match &arguments.file {
        Some(path) => {
            let bytes = read(path)?;
            let named = path.extension().is_some_and(|e| e == "safetensors");
            if named || is_checkpoint(&bytes) {
                weights(path, &bytes, console)
            } else {
                volume(path, &bytes, console)
            }
        }
        None => {
            devices(console);
            Ok(())
        }
    }
}

fn devices(console: &Console) {
    for kind in [DeviceKind::Cpu, DeviceKind::Wgpu, DeviceKind::Cuda(0)] {
        match block_on(device::open(kind.clone())) {
            Ok(device) => console.say(format!("{kind:<8} {}", device.description)),
            // The line names the device already.
            Err(Error::Device { problem, remedy, .. }) => {
                console.say(format!("{kind:<8} not available: {problem}; {remedy}"))
            }
            Err(error) => console.say(format!("{kind:<8} not available: {error}")),
        }
    }
}

fn network(arguments: &Arguments, backbone: Backbone, console: &Console) -> Outcome {
    let patch = arguments.patch;
    let network = Network::new(backbone, arguments.size);
    network.check(patch).map_err(Error::Config)?;
    let cpu = block_on(device::open(DeviceKind::Cpu))?;
    let model = network.build(1, arguments.classes, patch, 0, &cpu.device);
    let parameters = model.parameters();
    console.say(format!("{backbone} {}: {parameters} parameters", arguments.size));
    let work = network.multiply_adds(1, arguments.classes, patch);
    console.say(format!(
        "one patch of {patch:?}: {:.2} GFLOPs ({:.2} G multiplications with addition)",
        2e-9 * work as f64,
        1e-9 * work as f64
    ));
    let gib = |bytes: u64| bytes as f64 / (1u64 << 30) as f64;
    console.say(format!(
        "segmenting: about {:.2} GiB for a patch, and the volume",
        gib(network.inference_bytes(parameters, patch))
    ));
    let batch = arguments.batch_size;
    let training = |medcontext| {
        let config = TrainConfig {
            medcontext,
            ..TrainConfig::default()
        };
        gib(network.training_bytes(parameters, patch, batch, config.kept()))
    };
    console.say(format!(
        "training with batch {batch}: about {:.2} GiB with MedContext, {:.2} GiB without; weights file {:.1} MiB",
        training(MedContext::paper()),
        training(MedContext::off()),
        (parameters * 4) as f64 / (1u64 << 20) as f64
    ));
    Ok(())
}

fn weights(path: &Path, bytes: &[u8], console: &Console) -> Outcome {
    let unusable = |error| Failure::Message(format!("{}: the weights {error}", path.display()));
    let metadata = match Metadata::read(bytes) {
        Err(WeightsError::NoMetadata) => {
            foreign(path, &examine(bytes).map_err(unusable)?, console);
            return Ok(());
        }
        metadata => metadata.map_err(unusable)?,
    };
    let training = &metadata.training;
    console.say(format!("{}: {}", path.display(), metadata.describe()));
    if let Some(method) = training.pretraining {
        console.say(format!(
            "the encoder alone, pretrained with {} for {} steps on {} cases, seed {}, version {}; train from it: \
             `core train --start-from`",
            method.title(),
            training.iterations,
            training.cases,
            training.seed,
            metadata.version
        ));
        return Ok(());
    }
    let named: Vec<String> = (metadata.labels.ids().iter().zip(metadata.labels.names()))
        .map(|(id, name)| format!("{id} {name}"))
        .collect();
    console.say(format!("labels: {}", named.join(", ")));
    if let Some(id) = metadata.labels.ignore() {
        console.say(format!(
            "not learned where label maps have {id}, which stands for voxels that are not labeled"
        ));
    }
    console.say(format!(
        "trained for {} steps on {} cases, MedContext {}, seed {}, version {}",
        training.iterations,
        training.cases,
        if training.medcontext { "on" } else { "off" },
        training.seed,
        metadata.version
    ));
    if let Some(first) = &metadata.coarse {
        console.say(format!(
            "it looks where a first stage in the file finds something: {}, trained for {} steps",
            first.describe(),
            first.training.iterations
        ));
    }
    if let Some(inference) = metadata.inference {
        console.say(format!("inference: {}", inference.describe()));
    }
    if let Some(dice) = training.validation_dice {
        console.say(format!("validation Dice {dice:.4}"));
    }
    Ok(())
}

/// Describes weights from other programs, as far as their tensors tell.
fn foreign(path: &Path, found: &Summary, console: &Console) {
    console.say(format!(
        "{}: weights from another program, of {} as far as their tensors tell",
        path.display(),
        found.network
    ));
    if !found.others.is_empty() {
        console.say(format!(
            "taken: {}; the file also holds {}, which --part chooses",
            found.place,
            found.others.join(", ")
        ));
    }
    console.say(format!(
        "to use them: core convert {} NEW.safetensors {}",
        path.display(),
        found.options
    ));
}

fn volume(path: &Path, bytes: &[u8], console: &Console) -> Outcome {
    let refused = |source| Error::Volume {
        file: path.display().to_string(),
        source,
    };
    let format = Format::of(&path.to_string_lossy(), bytes).map_err(refused)?;
    let facts = format.inspect(&[bytes]).map_err(refused)?;
    let [x, y, z] = facts.spacing;
    console.say(format!(
        "{}: {} voxels of {x:.3}×{y:.3}×{z:.3} mm, {:?}, {}",
        path.display(),
        format_dims(&facts.grid.dims),
        facts.datatype,
        facts.orientation
    ));
    if facts.oblique_degrees > 0.1 {
        console.say(format!("oblique by {:.1} degrees", facts.oblique_degrees));
    }
    let image = format.read(&[bytes], &Limits::default(), None);
    let image = image.map_err(refused)?;
    for warning in image.warnings() {
        console.say(warning);
    }
    let values = image.canonical();
    let (low, high) = values
        .iter()
        .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &v| {
            (low.min(v), high.max(v))
        });
    console.say(format!("values {low} to {high}"));
    Ok(())
}
