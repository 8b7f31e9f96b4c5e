//! `core surface`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::files::{list_files, make_folder, nifti_stem, read_label, write};
use super::{Failure, Outcome};
use crate::infer::UNCERTAINTY_SUFFIX;
use crate::volume::SurfaceNames;

/// A map of more labels than this is taken for an image of whole numbers.
const MOST_LABELS: usize = 1000;

#[derive(Args)]
pub(super) struct Arguments {
    /// A label map (.nii or .nii.gz), or a folder of them.
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
    let maps = maps(&arguments.labels)?;
    make_folder(&arguments.out, arguments.force)?;
    let mut failed = 0;
    let mut files = SurfaceNames::default();
    for (case, path) in &maps {
        match surfaces(case, path, &arguments.out, &mut files, console) {
            Ok(()) => {}
            // What is wrong with the only map is what is wrong.
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
            total: maps.len(),
        });
    }
    Ok(())
}

/// Label maps to read: name of the case, with the folders that it lies in, and path.
fn maps(labels: &Path) -> Result<Vec<(String, PathBuf)>, Failure> {
    if !labels.is_dir() {
        let case = nifti_stem(labels).unwrap_or_else(|| "labels".to_owned());
        return Ok(vec![(case, labels.to_owned())]);
    }
    let mut maps = Vec::new();
    for name in list_files(labels)? {
        let relative = Path::new(&name);
        let stem = nifti_stem(relative).filter(|stem| !stem.ends_with(UNCERTAINTY_SUFFIX));
        if let Some(stem) = stem {
            let case = relative.with_file_name(stem).display().to_string();
            maps.push((case.replace(['/', '\\'], "_"), labels.join(&name)));
        }
    }
    if maps.is_empty() {
        return Err(Failure::Message(format!(
            "{} holds no label map; choose a folder of .nii or .nii.gz files",
            labels.display()
        )));
    }
    Ok(maps)
}

/// Writes the surface of every label of a map.
fn surfaces(
    case: &str,
    path: &Path,
    out: &Path,
    files: &mut SurfaceNames,
    console: &Console,
) -> Outcome {
    let map = read_label(path)?;
    let volumes = map.volumes_ml();
    if volumes.len() > MOST_LABELS {
        return Err(Failure::Message(format!(
            "{}: {} different values are more than the {MOST_LABELS} labels that are written: this looks like an image; choose the label map",
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
    let names = map.names();
    for (id, by_voxels) in volumes {
        let name = names.get(&id).cloned().unwrap_or_else(|| id.to_string());
        let file = files.take(case, &name, id);
        let surface = map.surface(id);
        write(&out.join(&file), &surface.to_stl(&format!("{case} {name}")))?;
        console.say(format!(
            "{file}: {} triangles, {:.3} mL ({by_voxels:.3} mL by voxels)",
            surface.triangles.len(),
            surface.volume_ml()
        ));
    }
    Ok(())
}
