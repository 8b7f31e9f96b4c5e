//! `core predict`.

mod arguments;
mod jobs;
mod weights;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::executor::block_on;

pub(super) use self::arguments::Arguments;
use self::jobs::{Job, jobs};
use self::weights::{load, weights_files};
use super::console::{Console, Progress, interrupt_flag};
use super::files::{holds_scan, make_folder, write};
use super::shard::Shard;
use super::{Failure, Outcome};
use crate::device;
use crate::infer::{Event, PredictConfig, Predictor, Segmentation, label_file, logits_file, uncertainty_file};
use crate::transform::MirrorAxes;

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let shard = Shard::choose(arguments.shard.as_deref())?;
    let weights = weights_files(&arguments.weights)?;
    let (jobs, unknown) = jobs(&arguments, &weights.files, shard, console)?;
    if !shard.is_whole() {
        console.say(format!("{shard}: {} cases", jobs.len()));
    }
    let device = block_on(device::open(arguments.device.clone()))?;
    let predictor = load(&weights, &device.device)?;
    let training = &predictor.metadata().training;
    let members = match predictor.members() {
        1 => String::new(),
        members => format!("ensemble of {members}: "),
    };
    console.say(format!(
        "{members}{} after {} steps, on {}",
        predictor.metadata().describe(),
        training.iterations,
        device.description
    ));
    let settings = config(&arguments, &predictor).inference;
    if predictor.metadata().inference.is_some() {
        console.say(format!("inference: {}", settings.describe()));
    }
    if settings.mirror && predictor.metadata().mirror_axes == MirrorAxes::NONE {
        console.warn("the network never saw mirror images, so test-time mirroring changes nothing");
    }
    let interrupted = interrupt_flag();
    let mut failed = unknown;
    let mut doubts = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        let title = format!("{} ({} of {})", job.case, index + 1, jobs.len());
        match segment(&arguments, &predictor, job, &title, &interrupted, console) {
            Ok(doubt) => doubts.extend(doubt),
            Err(Failure::Interrupted) => return Err(Failure::Interrupted),
            // With a single case, its failure is the command's.
            Err(failure) if jobs.len() == 1 => return Err(failure),
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
            total: jobs.len() + unknown,
        });
    }
    Ok(())
}

/// Segments a case, with its uncertainty where asked for.
fn segment(
    arguments: &Arguments,
    predictor: &Predictor,
    job: &Job,
    title: &str,
    interrupted: &AtomicBool,
    console: &Console,
) -> Result<Option<Doubt>, Failure> {
    let case = &job.case;
    refuse_used(job, arguments.force)?;
    let scan = job.read(predictor.metadata().channels)?;
    for warning in scan.warnings() {
        console.warn(format!("{case}: {warning}"));
    }
    let mut progress: Option<Progress> = None;
    let mut run = predictor.start_channels(&scan.images(), config(arguments, predictor))?;
    // Not earlier, so that a refused command leaves nothing behind; before the work, since it may fail.
    make_folder(&arguments.output, true)?;
    // The run holds what it needs of the scan.
    drop(scan);
    let mut doubt = None;
    while let Some(event) = block_on(run.next())? {
        if interrupted.load(Ordering::SeqCst) {
            return Err(Failure::Interrupted);
        }
        match event {
            Event::Started { windows } => progress = Some(console.progress(windows, "window")),
            Event::Window {
                done,
                windows,
                remaining_seconds,
            } => {
                if let Some(progress) = &mut progress {
                    // The second stage of a cascade has windows of its own.
                    progress.set_length(windows);
                    progress.at(done, remaining_seconds, title);
                }
            }
            Event::Finished { segmentation, .. } => {
                if let Some(progress) = progress.take() {
                    progress.clear();
                }
                keep(&segmentation, job)?;
                console.say(describe(title, &segmentation));
                doubt = Doubt::of(case, &segmentation);
            }
        }
    }
    Ok(doubt)
}

/// The settings of the weights, but for what the arguments give.
fn config(arguments: &Arguments, predictor: &Predictor) -> PredictConfig {
    let stored = predictor.metadata().inference;
    PredictConfig {
        inference: arguments.inference.overrides().over(stored),
        batch_size: arguments.batch_size,
        keep_logits: arguments.logits,
        uncertainty: arguments.uncertainty,
    }
}

/// Refuses to overwrite results unless `force`, and to overwrite a scan in any case.
fn refuse_used(job: &Job, force: bool) -> Outcome {
    let used = |path: &&PathBuf| fs::symlink_metadata(path).is_ok();
    if let Some(path) = job.results().find(used).filter(|_| !force) {
        return Err(Failure::Message(format!(
            "{} is there already; choose another folder or add --force to overwrite",
            path.display()
        )));
    }
    if holds_scan(&job.segmentation) {
        return Err(Failure::Message(format!(
            "{} is there already and is not a segmentation that was written here, so --force does not \
             overwrite it; move it away or choose another folder",
            job.segmentation.display()
        )));
    }
    Ok(())
}

/// The uncertainty of a case, without the map.
struct Doubt {
    mean: f64,
    line: String,
}

impl Doubt {
    /// `None` where it was not asked for.
    fn of(case: &str, segmentation: &Segmentation) -> Option<Self> {
        let found = segmentation.uncertainty.as_ref()?;
        let disagreement = (segmentation.disagreement.as_ref())
            .map_or(String::new(), |found| format!(", disagreement {:.3}", found.mean));
        let place = found.most().map_or(String::new(), |spot| {
            let (slice, slices) = (spot.slice_number(), found.slices.len());
            let [i, j, k] = spot.voxel;
            format!(", most in slice {slice} of {slices} from the feet, at voxel {i}, {j}, {k}")
        });
        Some(Self {
            mean: found.mean,
            line: format!("{case}: {:.3}{disagreement}{place}", found.mean),
        })
    }
}

/// Ranks the cases, most uncertain first.
fn rank(mut doubts: Vec<Doubt>, console: &Console) {
    if doubts.is_empty() {
        return;
    }
    doubts.sort_by(|a, b| b.mean.total_cmp(&a.mean));
    console.say("uncertainty, highest first (0 certain, 1 all classes equally likely):");
    for doubt in doubts {
        console.say(doubt.line);
    }
}

fn keep(segmentation: &Segmentation, job: &Job) -> Outcome {
    write(&job.segmentation, &label_file(&segmentation.labels))?;
    for (path, found) in [
        (&job.uncertainty, &segmentation.uncertainty),
        (&job.disagreement, &segmentation.disagreement),
    ] {
        if let (Some(path), Some(found)) = (path, found) {
            write(path, &uncertainty_file(found))?;
        }
    }
    if let (Some(path), Some(logits)) = (&job.logits, &segmentation.logits) {
        let file = logits_file(logits).map_err(|error| {
            let case = &job.case;
            Failure::Message(format!("{case}: the logits cannot be written: {error}"))
        })?;
        write(path, &file)?;
    }
    Ok(())
}

fn describe(title: &str, segmentation: &Segmentation) -> String {
    let volumes = segmentation.volumes.iter();
    let volumes: Vec<String> = volumes
        .map(|label| format!("{} {:.2} mL", label.name, label.milliliters))
        .collect();
    format!("{title}: {}", volumes.join(", "))
}
