//! `core predict`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};
use futures::executor::block_on;

use super::console::{Console, Progress, interrupt_flag};
use super::files::{nifti_stem, read, write};
use super::folder::{Folder, FolderOptions, read_image_file};
use super::listing::Listing;
use super::shard::Shard;
use super::{Failure, Outcome};
use crate::Error;
use crate::dataset::{Case, CaseFiles};
use crate::device::{self, DeviceKind};
use crate::infer::{
    Blend, Event, PredictConfig, Predictor, Segmentation, Spot, Uncertainty, logits_file,
    logits_name, segmentation_name, uncertainty_name,
};
use crate::volume::gzip;

#[derive(Args)]
pub(super) struct Arguments {
    /// Weights from `core train` or from the page.
    #[arg(long)]
    weights: PathBuf,
    /// A NIfTI file, or a folder of them.
    #[arg(long)]
    input: PathBuf,
    /// Folder for the segmentations.
    #[arg(long)]
    output: PathBuf,
    /// Overlap of neighbouring windows, 0 to below 1.
    #[arg(long, default_value_t = 0.5)]
    overlap: f64,
    /// How overlapping windows are blended.
    #[arg(long, default_value = "gaussian")]
    blend: BlendName,
    /// Windows per forward pass.
    #[arg(long, default_value_t = 1)]
    batch_size: usize,
    /// Where to compute: cpu, wgpu, cuda, cuda:N, or ws://host:port where `core serve` runs.
    #[arg(long, default_value = "cpu")]
    device: DeviceKind,
    /// Average the eight mirror images of every window: eight times the work.
    #[arg(long)]
    flips: bool,
    /// Keep only the largest connected component of every label.
    #[arg(long)]
    largest_component: bool,
    /// Part of the cases: I/N, or N where a cluster numbers the parts.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Also write the blended logits, as CASE.logits.safetensors.
    #[arg(long)]
    logits: bool,
    /// Also write how uncertain every voxel is, as CASE_uncertainty.nii.gz, and rank the cases by it: what to
    /// label next.
    #[arg(long)]
    uncertainty: bool,
    /// Overwrite segmentations that are there already.
    #[arg(long)]
    force: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum BlendName {
    Constant,
    Gaussian,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let shard = Shard::choose(arguments.shard.as_deref())?;
    let inputs = shard.take(inputs(&arguments.input, console)?);
    if !shard.is_whole() {
        console.say(format!("{shard}: {} cases", inputs.len()));
    }
    std::fs::create_dir_all(&arguments.output)
        .map_err(|error| super::files::unwritable(&arguments.output, &error))?;
    let weights = read(&arguments.weights)?;
    let device = block_on(device::open(arguments.device.clone()))?;
    let predictor = Predictor::load(&weights, &device.device)?;
    let training = &predictor.metadata().training;
    console.say(format!(
        "{} after {} steps, on {}",
        predictor.metadata().describe(),
        training.iterations,
        device.description
    ));
    let interrupted = interrupt_flag();
    let mut failed = 0;
    let mut doubts = Vec::new();
    for (index, input) in inputs.iter().enumerate() {
        let title = format!("{} ({} of {})", input.id(), index + 1, inputs.len());
        match segment(
            &arguments,
            &predictor,
            input,
            &title,
            &interrupted,
            console,
        ) {
            Ok(doubt) => doubts.extend(doubt),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // What is wrong with the only case is what is wrong.
            Err(failure) if inputs.len() == 1 => return Err(failure),
            Err(failure) => {
                failed += 1;
                console.warn(failure.to_string());
            }
        }
    }
    rank(doubts, console);
    if failed > 0 {
        return Err(Failure::Partial {
            failed,
            total: inputs.len(),
        });
    }
    Ok(())
}

/// A case to segment: the file of its image, or its files in a folder.
enum Input {
    File(PathBuf, String),
    Case(Arc<Folder>, CaseFiles),
}

impl Input {
    /// What the case is called.
    fn id(&self) -> &str {
        match self {
            Self::File(_, id) => id,
            Self::Case(_, files) => &files.id,
        }
    }

    /// Reads its channels, of which there are so many.
    fn read(&self, channels: usize) -> Result<Case, Error> {
        match self {
            Self::File(path, id) => read_image_file(path, id, channels),
            Self::Case(folder, files) => folder.read_images(files, channels),
        }
    }
}

/// Cases to segment.
fn inputs(input: &Path, console: &Console) -> Result<Vec<Input>, Failure> {
    if input.is_dir() {
        let folder = Folder::open(input, Listing::of(input)?, FolderOptions::default(), console)?;
        let folder = Arc::new(folder);
        let cases = folder.pairing.cases.iter();
        let input = |files: &CaseFiles| Input::Case(Arc::clone(&folder), files.clone());
        return Ok(cases.map(input).collect());
    }
    let name = input
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let case = nifti_stem(input)
        .or(name)
        .unwrap_or_else(|| "segmentation".to_owned());
    Ok(vec![Input::File(input.to_owned(), case)])
}

/// Segments a case and says how uncertain that is, where asked for.
fn segment(
    arguments: &Arguments,
    predictor: &Predictor,
    input: &Input,
    title: &str,
    interrupted: &AtomicBool,
    console: &Console,
) -> Result<Option<Doubt>, Failure> {
    let case = input.id();
    let target = arguments.output.join(segmentation_name(case));
    refuse_used(&target, arguments.force)?;
    if arguments.uncertainty {
        refuse_used(&uncertainty_path(&target, case), arguments.force)?;
    }
    let read = input.read(predictor.metadata().channels)?;
    for warning in read.warnings() {
        console.warn(format!("{case}: {warning}"));
    }
    let mut progress: Option<Progress> = None;
    let mut run = predictor.start_channels(&read.images(), config(arguments))?;
    // The run has what it needs of it.
    drop(read);
    let mut doubt = None;
    while let Some(event) = block_on(run.next())? {
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
        match event {
            Event::Started { windows } => progress = Some(console.progress(windows, "window")),
            Event::Window {
                done,
                remaining_seconds,
                ..
            } => {
                if let Some(progress) = &mut progress {
                    progress.at(done, remaining_seconds, title);
                }
            }
            Event::Finished { segmentation, .. } => {
                if let Some(progress) = progress.take() {
                    progress.clear();
                }
                keep(&segmentation, case, &target)?;
                console.say(describe(title, &segmentation));
                doubt = (segmentation.uncertainty).map(|found| Doubt::of(case, &found));
            }
        }
    }
    Ok(doubt)
}

fn config(arguments: &Arguments) -> PredictConfig {
    PredictConfig {
        overlap: arguments.overlap,
        blend: match arguments.blend {
            BlendName::Constant => Blend::Constant,
            BlendName::Gaussian => Blend::Gaussian,
        },
        batch_size: arguments.batch_size,
        flips: arguments.flips,
        largest_component: arguments.largest_component,
        keep_logits: arguments.logits,
        uncertainty: arguments.uncertainty,
    }
}

/// Refuses a file that is there already unless `force`.
fn refuse_used(path: &Path, force: bool) -> Outcome {
    if path.exists() && !force {
        return Err(Failure::Message(format!(
            "{} is there already; choose another folder or add --force to overwrite",
            path.display()
        )));
    }
    Ok(())
}

/// Where a case's map of uncertainty goes, beside its labels.
fn uncertainty_path(target: &Path, case: &str) -> PathBuf {
    target.with_file_name(uncertainty_name(case))
}

/// How uncertain a case is, without the map.
struct Doubt {
    mean: f64,
    line: String,
}

impl Doubt {
    fn of(case: &str, found: &Uncertainty) -> Self {
        let place = found.most().map_or(String::new(), |Spot { slice, voxel }| {
            let (slice, slices) = (slice + 1, found.slices.len());
            let [i, j, k] = voxel;
            format!(", most in slice {slice} of {slices} from the feet, at voxel {i}, {j}, {k}")
        });
        Self {
            mean: found.mean,
            line: format!("{case}: {:.3}{place}", found.mean),
        }
    }
}

/// Says how uncertain the cases are, most uncertain first.
fn rank(mut doubts: Vec<Doubt>, console: &Console) {
    if doubts.is_empty() {
        return;
    }
    doubts.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    console.say("uncertainty, most first (0 certain, 1 all classes alike):");
    for doubt in doubts {
        console.say(doubt.line);
    }
}

fn keep(segmentation: &Segmentation, case: &str, target: &Path) -> Outcome {
    write(target, &gzip(&segmentation.labels.to_nifti()))?;
    if let Some(uncertainty) = &segmentation.uncertainty {
        let path = uncertainty_path(target, case);
        write(&path, &gzip(&uncertainty.map.to_nifti()))?;
    }
    let Some(logits) = &segmentation.logits else {
        return Ok(());
    };
    let file = logits_file(logits).map_err(|error| {
        Failure::Message(format!("{case}: the logits cannot be written: {error}"))
    })?;
    write(&target.with_file_name(logits_name(case)), &file)
}

fn describe(title: &str, segmentation: &Segmentation) -> String {
    let volumes = segmentation.volumes.iter();
    let volumes: Vec<String> = volumes
        .map(|label| format!("{} {:.2} mL", label.name, label.millilitres))
        .collect();
    format!("{title}: {}", volumes.join(", "))
}
