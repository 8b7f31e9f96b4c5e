//! What is segmented, and the files that the results go to.

use std::fs;
use std::path::{Path, PathBuf};

use super::Arguments;
use crate::cli::Failure;
use crate::cli::console::Console;
use crate::cli::files::{Folder, nifti_stem};
use crate::cli::inputs::{is_same, refuse_inputs};
use crate::cli::listing::readable;
use crate::cli::shard::Shard;
use crate::file_names::{FileNames, LONGEST};

/// A case to segment.
pub(super) struct Job {
    pub case: String,
    /// Paths of the channels.
    pub images: Vec<PathBuf>,
    pub segmentation: PathBuf,
    /// The others where they are asked for.
    pub uncertainty: Option<PathBuf>,
    pub logits: Option<PathBuf>,
}

impl Job {
    /// Everything that is written.
    pub fn results(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.segmentation)
            .chain(&self.uncertainty)
            .chain(&self.logits)
    }
}

/// The cases of a part, and how much of the input could not be looked into. All names are chosen here, alike in
/// every part: no two results are one file, and none is a file that is read.
pub(super) fn jobs(
    arguments: &Arguments,
    shard: Shard,
    console: &Console,
) -> Result<(Vec<Job>, usize), Failure> {
    let mut read = vec![arguments.weights.clone()];
    let mut unknown = 0;
    let cases = if arguments.input.is_dir() {
        if is_same(&arguments.output, &arguments.input) {
            return Err(Failure::Message(format!(
                "{} is read: segmentations in it would be taken for scans the next time; choose another folder for them",
                arguments.output.display()
            )));
        }
        let folder = Folder::open_without(&arguments.input, &arguments.output)?;
        unknown = folder.listing.warn(console);
        if lies_in(&arguments.output, &arguments.input) {
            console.say(format!(
                "what is in {} already is passed over",
                arguments.output.display()
            ));
        }
        read.extend(folder.listing.paths().map(Path::to_owned));
        let cases = folder.pairing.cases.iter();
        cases
            .map(|files| (files.id.clone(), folder.image_paths(files)))
            .collect()
    } else {
        read.push(arguments.input.clone());
        vec![(name_of(&arguments.input), vec![arguments.input.clone()])]
    };
    let jobs = shard.take(named(cases, arguments));
    refuse_inputs(jobs.iter().flat_map(Job::results), &read)?;
    for job in &jobs {
        say_other_names(job, console);
    }
    Ok((jobs, unknown))
}

/// What a case of a single file is called.
fn name_of(input: &Path) -> String {
    let name = input.file_name().map(readable);
    nifti_stem(input)
        .or(name)
        .unwrap_or_else(|| "segmentation".to_owned())
}

/// Whether a folder is there, inside of another.
fn lies_in(folder: &Path, other: &Path) -> bool {
    match (fs::canonicalize(folder), fs::canonicalize(other)) {
        (Ok(folder), Ok(other)) => folder != other && folder.starts_with(other),
        _ => false,
    }
}

/// How the names of results end, after the case's.
const SEGMENTATION: &str = ".nii.gz";
const MAP: &str = "_uncertainty.nii.gz";
const LOGITS: &str = ".logits.safetensors";

fn named(cases: Vec<(String, Vec<PathBuf>)>, arguments: &Arguments) -> Vec<Job> {
    let mut names = FileNames::default();
    // All segmentations come first, so that they are called as the cases are wherever that can be.
    let segmentations: Vec<String> = cases
        .iter()
        .map(|(case, _)| names.take(case, SEGMENTATION))
        .collect();
    let jobs = cases.into_iter().zip(segmentations);
    jobs.map(|((case, images), segmentation)| {
        let stem = segmentation.strip_suffix(SEGMENTATION).unwrap_or(&case);
        let mut beside = |ending| arguments.output.join(names.take(stem, ending));
        Job {
            images,
            uncertainty: arguments.uncertainty.then(|| beside(MAP)),
            logits: arguments.logits.then(|| beside(LOGITS)),
            segmentation: arguments.output.join(&segmentation),
            case,
        }
    })
    .collect()
}

/// Says which results are not called as their case is.
fn say_other_names(job: &Job, console: &Console) {
    let results = [
        ("segmentation", Some(&job.segmentation), SEGMENTATION),
        ("map of uncertainty", job.uncertainty.as_ref(), MAP),
        ("logits", job.logits.as_ref(), LOGITS),
    ];
    let results = results
        .into_iter()
        .filter_map(|(what, path, ending)| Some((what, path?, ending)));
    for (what, path, ending) in results {
        let wanted = format!("{}{ending}", job.case);
        if path.file_name().is_none_or(|name| *name != *wanted) {
            let why = match wanted.len() > LONGEST {
                true => "the case's name is too long",
                false => "the case's name is taken",
            };
            console.say(format!(
                "{}: {why}; the {what} goes to {}",
                job.case,
                path.display()
            ));
        }
    }
}
