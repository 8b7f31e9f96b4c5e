//! `core surface`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::file_name::volume_stem;
use super::files::{make_folder, read_label, refuse_used_folder, write};
use super::inputs::refuse_inputs;
use super::listing::Listing;
use super::{Failure, Outcome};
use crate::file_names::FileNames;
use crate::infer::{DISAGREEMENT_SUFFIX, UNCERTAINTY_SUFFIX};
use crate::volume::{self, SurfaceNames, format};

/// A map with more labels than this is taken for an image with integer values.
const MOST_LABELS: usize = 1000;

#[derive(Args)]
pub(super) struct Arguments {
    /// A label map, or a folder of them.
    #[arg(long, value_name = "FILE_OR_FOLDER")]
    labels: PathBuf,
    /// Folder for the STL files (binary, mm, RAS+), one for each case and label.
    #[arg(long)]
    out: PathBuf,
    /// Write into a folder that is not empty.
    #[arg(long)]
    force: bool,
}

pub(super) fn run(arguments: Arguments, console: &Console) -> Outcome {
    let (maps, unknown) = maps(&arguments.labels, console)?;
    refuse_used_folder(&arguments.out, arguments.force)?;
    let mut failed = unknown;
    let mut files = Files {
        out: &arguments.out,
        maps: &maps,
        names: SurfaceNames::default(),
    };
    for (case, path) in &maps {
        match surfaces(case, path, &mut files, console) {
            Ok(()) => {}
            // With a single map, its failure is the command's.
            Err(failure) if maps.len() == 1 => return Err(failure),
            Err(failure) => {
                failed += 1;
                console.warn(failure.to_string());
            }
        }
    }
    if failed > 0 {
        return Err(Failure::Partial {
            failed,
            total: maps.len() + unknown,
        });
    }
    Ok(())
}

/// Label maps to read: case name including folders, and path; and how much of the folder could not be listed.
fn maps(labels: &Path, console: &Console) -> Result<(Vec<(String, PathBuf)>, usize), Failure> {
    if !labels.is_dir() {
        let case = volume_stem(labels).unwrap_or_else(|| "labels".to_owned());
        return Ok((vec![(case, labels.to_owned())], 0));
    }
    let listing = Listing::of(labels)?;
    let unknown = listing.warn(console);
    let (mut maps, mut names) = (Vec::new(), FileNames::default());
    for (name, path) in listing.files() {
        let is_map = |stem: &&str| !stem.ends_with(UNCERTAINTY_SUFFIX) && !stem.ends_with(DISAGREEMENT_SUFFIX);
        let stem = volume::stem(name).filter(is_map);
        if let Some(stem) = stem {
            // a/b and a_b must stay two cases.
            let case = names.take(&stem.replace('/', "_"), "");
            maps.push((case, path.to_owned()));
        }
    }
    if maps.is_empty() {
        return Err(Failure::Message(format!(
            "{} holds no label map; choose a folder of {} files",
            labels.display(),
            format::endings()
        )));
    }
    Ok((maps, unknown))
}

/// The files that are written.
struct Files<'a> {
    out: &'a Path,
    /// The inputs, which are never overwritten.
    maps: &'a [(String, PathBuf)],
    names: SurfaceNames,
}

/// Writes the surface of every label of a map.
fn surfaces(case: &str, path: &Path, files: &mut Files<'_>, console: &Console) -> Outcome {
    let map = read_label(path)?;
    let volumes = map.volumes_ml();
    if volumes.len() > MOST_LABELS {
        return Err(Failure::Message(format!(
            "{}: {} different values are more than the {MOST_LABELS} labels that are written: this looks like an \
             image; choose the label map",
            path.display(),
            volumes.len()
        )));
    }
    for warning in map.warnings() {
        console.warn(format!("{case}: {warning}"));
    }
    if volumes.is_empty() {
        console.say(format!("{case}: no label"));
    }
    make_folder(files.out, true)?;
    let names = map.names();
    for (id, by_voxels) in volumes {
        let name = names.get(&id).cloned().unwrap_or_else(|| id.to_string());
        let file = files.names.take(case, &name, id);
        let path = files.out.join(&file);
        refuse_inputs([&path], files.maps.iter().map(|(_, path)| path))?;
        let surface = map.surface(id);
        write(&path, &surface.to_stl(&format!("{case} {name}")))?;
        console.say(format!(
            "{file}: {} triangles, {:.3} mL ({by_voxels:.3} mL by voxels)",
            surface.triangles.len(),
            surface.volume_ml()
        ));
    }
    Ok(())
}
