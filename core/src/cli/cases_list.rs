//! `core cases`: what is found in a folder, and how it is read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::console::Console;
use super::folder::{Folder, FolderOptions};
use super::listing::Listing;
use super::{Failure, Outcome};
use crate::dataset::{CaseFiles, Leftover, Reading, Role};
use crate::infer::LabelVolume;
use crate::volume::format_dims;

#[derive(Args)]
pub(super) struct Arguments {
    /// Folder with scans and labels.
    folder: PathBuf,
    /// Resample label maps that do not lie on their images' grid: nearest neighbor, in millimeters.
    #[arg(long)]
    resample_labels: bool,
    /// Combine label maps of one structure each (TotalSegmentator) into one a case.
    #[arg(long)]
    combine_structures: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Everything that was found.
#[derive(Serialize)]
struct Found {
    cases: Vec<Listed>,
    /// Files that belong to no case.
    leftovers: Vec<Leftover>,
    /// Images that cannot be read and folders that cannot be looked into.
    problems: Vec<String>,
}

/// A case.
#[derive(Serialize)]
struct Listed {
    id: String,
    role: Role,
    image: String,
    label: Option<String>,
    channels: usize,
    /// Voxels along i, j and k, the file's order.
    dims: [usize; 3],
    /// In mm, along the same.
    spacing: [f64; 3],
    orientation: String,
    labels: Option<Vec<LabelVolume>>,
    warnings: Vec<String>,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let listing = Listing::of(&arguments.folder)?;
    let options = FolderOptions {
        combine_structures: arguments.combine_structures,
        resample_labels: arguments.resample_labels,
        lists: true,
        ..FolderOptions::default()
    };
    let folder = Folder::open(&arguments.folder, listing, options, console)?;
    let names = folder.library.label_names();
    let mut found = Found {
        cases: Vec::new(),
        leftovers: folder.pairing.leftovers.clone(),
        problems: folder.listing.problems().collect(),
    };
    for files in &folder.pairing.cases {
        match folder.reading(files) {
            Ok(reading) => found.cases.push(Listed::of(files, &reading, &names)),
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    if arguments.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|error| Failure::Message(format!("the list cannot be written: {error}")))?;
        console.say(text);
    } else {
        found.say(console);
    }
    Ok(())
}

impl Listed {
    fn of(files: &CaseFiles, reading: &Reading, names: &BTreeMap<u16, String>) -> Self {
        let case = &reading.case;
        let (grid, label) = (case.image.grid(), case.label.as_ref());
        Self {
            id: files.id.clone(),
            role: Role::of(label.is_some(), files.part),
            image: files.image().to_owned(),
            label: files.label.clone(),
            channels: case.images().len(),
            dims: grid.dims,
            spacing: grid.spacing(),
            orientation: grid.orientation(),
            labels: label.map(|label| LabelVolume::all_of(label, names)),
            warnings: reading.sentences(),
        }
    }

    /// The case in one line.
    fn line(&self) -> String {
        let dims = format_dims(&self.dims);
        let labels = self.labels.iter().flatten();
        let labels = labels.map(|label| format!("{} {:.2} mL", label.name, label.milliliters));
        let labels: Vec<String> = labels.collect();
        let labels = match (&self.labels, labels.is_empty()) {
            (None, _) => "no labels".to_owned(),
            (_, true) => "only background".to_owned(),
            _ => labels.join(", "),
        };
        let role = match self.role {
            Role::Train => "to train on",
            Role::Validate => "held out",
            Role::Predict => "to segment",
        };
        let channels = match self.channels {
            1 => String::new(),
            channels => format!(", {channels} channels"),
        };
        format!("{}: {role}, {dims} {}{channels}, {labels}", self.id, self.orientation)
    }
}

impl Found {
    fn say(&self, console: &Console) {
        for case in &self.cases {
            console.say(case.line());
            for warning in &case.warnings {
                console.warn(format!("{}: {warning}", case.id));
            }
        }
        for problem in &self.problems {
            console.warn(problem.clone());
        }
    }
}
