//! The cases to segment, and the files for the results.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::arguments::Arguments;
use crate::Error;
use crate::cli::Failure;
use crate::cli::console::Console;
use crate::cli::file_name::{readable, volume_stem};
use crate::cli::folder::{Folder, FolderOptions, read_image_file};
use crate::cli::inputs::{is_same, refuse_inputs};
use crate::cli::listing::Listing;
use crate::cli::shard::Shard;
use crate::dataset::{Case, CaseFiles};
use crate::file_names::{FileNames, LONGEST};
use crate::infer::{DISAGREEMENT_ENDING, LOGITS_ENDING, SEGMENTATION_ENDING, UNCERTAINTY_ENDING};

/// A case to segment.
pub(super) struct Job {
    pub case: String,
    scan: Scan,
    pub segmentation: PathBuf,
    /// Written only if asked for.
    pub uncertainty: Option<PathBuf>,
    /// Of an ensemble.
    pub disagreement: Option<PathBuf>,
    pub logits: Option<PathBuf>,
}

/// Where a case's images are.
enum Scan {
    /// In one file.
    File(PathBuf),
    /// In files of a folder.
    Files(Arc<Folder>, CaseFiles),
}

impl Job {
    /// Reads the case's `channels` channels.
    pub fn read(&self, channels: usize) -> Result<Case, Error> {
        match &self.scan {
            Scan::File(path) => read_image_file(path, &self.case, channels),
            Scan::Files(folder, files) => folder.read_images(files, channels),
        }
    }

    /// All files that are written.
    pub fn results(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.segmentation)
            .chain(&self.uncertainty)
            .chain(&self.disagreement)
            .chain(&self.logits)
    }
}

/// The cases of a shard that these weights are to segment, and how much of the input could not be listed. All names are
/// chosen here, the same in every shard: no two results share a file, and none is an input.
pub(super) fn jobs(
    arguments: &Arguments,
    weights: &[PathBuf],
    shard: Shard,
    console: &Console,
) -> Result<(Vec<Job>, usize), Failure> {
    let mut read = weights.to_vec();
    let mut unknown = 0;
    let cases = if arguments.input.is_dir() {
        if is_same(&arguments.output, &arguments.input) {
            return Err(Failure::Message(format!(
                "{} is read: segmentations in it would be taken for scans the next time; choose another folder for \
                 them",
                arguments.output.display()
            )));
        }
        let listing = Listing::without(&arguments.input, Some(&arguments.output))?;
        let folder = Folder::open(&arguments.input, listing, FolderOptions::default(), console)?;
        unknown = folder.listing.problems().count();
        if lies_in(&arguments.output, &arguments.input) {
            console.say(format!("what is already in {} is skipped", arguments.output.display()));
        }
        read.extend(folder.listing.paths().map(Path::to_owned));
        let folder = Arc::new(folder);
        let scan = |files: &CaseFiles| Scan::Files(Arc::clone(&folder), files.clone());
        let cases = folder.pairing.cases.iter();
        cases.map(|files| (files.id.clone(), scan(files))).collect()
    } else {
        read.push(arguments.input.clone());
        vec![(name_of(&arguments.input), Scan::File(arguments.input.clone()))]
    };
    let jobs = shard.take(named(cases, arguments, weights.len() > 1));
    refuse_inputs(jobs.iter().flat_map(Job::results), &read)?;
    for job in &jobs {
        say_other_names(job, console);
    }
    Ok((jobs, unknown))
}

/// The name of a case that is a single file.
fn name_of(input: &Path) -> String {
    let name = input.file_name().map(readable);
    volume_stem(input).or(name).unwrap_or_else(|| "segmentation".to_owned())
}

/// Whether a folder exists and lies inside another.
fn lies_in(folder: &Path, other: &Path) -> bool {
    match (fs::canonicalize(folder), fs::canonicalize(other)) {
        (Ok(folder), Ok(other)) => folder != other && folder.starts_with(other),
        _ => false,
    }
}

fn named(cases: Vec<(String, Scan)>, arguments: &Arguments, ensemble: bool) -> Vec<Job> {
    let mut names = FileNames::default();
    // Segmentations first, so that they keep the names of their cases wherever possible.
    let segmentations: Vec<String> = cases
        .iter()
        .map(|(case, _)| names.take(case, SEGMENTATION_ENDING))
        .collect();
    let jobs = cases.into_iter().zip(segmentations);
    jobs.map(|((case, scan), segmentation)| {
        let stem = segmentation.strip_suffix(SEGMENTATION_ENDING).unwrap_or(&case);
        let mut beside = |ending| arguments.output.join(names.take(stem, ending));
        Job {
            scan,
            uncertainty: arguments.uncertainty.then(|| beside(UNCERTAINTY_ENDING)),
            disagreement: (arguments.uncertainty && ensemble).then(|| beside(DISAGREEMENT_ENDING)),
            logits: arguments.logits.then(|| beside(LOGITS_ENDING)),
            segmentation: arguments.output.join(&segmentation),
            case,
        }
    })
    .collect()
}

/// Reports results that are not named after their case.
fn say_other_names(job: &Job, console: &Console) {
    let results = [
        ("segmentation", Some(&job.segmentation), SEGMENTATION_ENDING),
        ("map of uncertainty", job.uncertainty.as_ref(), UNCERTAINTY_ENDING),
        ("map of disagreement", job.disagreement.as_ref(), DISAGREEMENT_ENDING),
        ("logits", job.logits.as_ref(), LOGITS_ENDING),
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
            console.say(format!("{}: {why}; the {what} goes to {}", job.case, path.display()));
        }
    }
}
