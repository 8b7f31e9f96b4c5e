//! From file names to cases. Only names are looked at, so that the page and the command line agree.

use std::collections::{BTreeMap, BTreeSet};

use super::case_ids::make_ids_unique;
use super::channels::{take_channels, take_contrasts};
use super::listed::take_listed;
use super::names::{Kind, Name, is_hidden, tidy};
use super::{CaseFiles, DatasetJson, Pairing, Part, StructureMaps};
use crate::volume::format;

/// Finds the cases in a list of paths (`/` or `\` between folders). A dataset.json decides where it lists the files;
/// nnU-Net's `imagesTr/CASE_0000.nii.gz` with `labelsTr/CASE.nii.gz` and BraTS's four contrasts (`CASE_flair`,
/// `CASE_t1ce`, `CASE_t1`, `CASE_t2` with `CASE_seg`), and loose names (`CASE_seg`, `CASE-label`, `img0001` with
/// `label0001`, a `labels` folder, a folder per case) follow. Folders and lists determine the part of the data set that
/// a case belongs to. Hidden files and macOS's `._` files are skipped.
pub fn pair(paths: &[String], dataset_json: Option<&DatasetJson>) -> Pairing {
    let mut found = Pairing::default();
    let all: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    // The folder that was asked for is never skipped, whatever its name.
    let root = common_root(&all);
    let shown = |path: &&str| !is_hidden(path, root.as_deref());
    let paths: BTreeSet<&str> = all.into_iter().filter(shown).collect();
    let root = root.or_else(|| common_root(&paths));
    let mut names = volumes(&paths, root.as_deref(), dataset_json, &mut found);
    let entries = dataset_json.iter().flat_map(|json| &json.entries);
    let listed = entries.flat_map(|entry| &entry.images).map(|path| tidy(path));
    take_channels(&mut names, dataset_json, &listed.collect(), &mut found);
    take_contrasts(&mut names);
    if let Some(json) = dataset_json {
        found.leftovers.extend(json.problems.clone());
        take_listed(&mut names, json, &mut found);
    }
    pass_over_series(&mut names, &mut found);
    pass_over_doubles(&mut names, &mut found);
    take_by_name(names, &mut found);
    make_ids_unique(&mut found.cases, root.as_deref());
    found.cases.sort_by(|a, b| a.id.cmp(&b.id));
    found.leftovers.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The common folder of all files, if there is one.
fn common_root(paths: &BTreeSet<&str>) -> Option<String> {
    let mut roots = paths.iter().map(|path| {
        let tidy = tidy(path);
        tidy.split_once('/').map(|(root, _)| root.to_owned())
    });
    let first = roots.next()??;
    roots.all(|root| root.as_ref() == Some(&first)).then_some(first)
}

/// The volumes among the paths; other files are left over.
fn volumes(paths: &BTreeSet<&str>, root: Option<&str>, json: Option<&DatasetJson>, found: &mut Pairing) -> Vec<Name> {
    let mut names = Vec::new();
    for path in paths {
        match Name::parse(path, root) {
            Some(name) => names.push(name),
            None if json.is_some_and(|json| json.file == *path) => {}
            None => found.leave(path, &why_not_a_volume(path)),
        }
    }
    // Where label maps have their own folder, so do images, whatever their names say.
    let labels: BTreeSet<(String, Option<Part>)> = names
        .iter()
        .filter(|name| name.kind == Kind::Label && name.by_folder)
        .map(|name| (name.scope.clone(), name.part))
        .collect();
    for name in &mut names {
        let beside = labels.contains(&(name.scope.clone(), name.part));
        if name.kind == Kind::Label && name.in_image_folder && beside {
            name.become_image();
        }
    }
    names
}

/// The reason for leaving out a file that is clearly not a volume.
pub fn not_a_volume() -> String {
    format!("not a volume; those end in {}", format::endings())
}

/// The reason for not reading a file, by its ending.
fn why_not_a_volume(path: &str) -> String {
    let lower = path.to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| lower.ends_with(ending));
    let reason = if ends(&[".hdr", ".img", ".img.gz", ".hdr.gz"]) {
        "half of a .hdr/.img pair, which is not read; save the volume as one .nii or .nii.gz file"
    } else if ends(&[".dcm", ".dicom", ".ima", "dicomdir"]) {
        "DICOM, which is not read; convert the series to .nii.gz, for example with dcm2niix"
    } else if ends(&[
        ".nrrd", ".nhdr", ".mha", ".mhd", ".mgz", ".mgh", ".mnc", ".par", ".rec", ".gipl", ".vtk", ".tif", ".tiff",
    ]) {
        "a format that is not read; convert it to .nii.gz"
    } else {
        return not_a_volume();
    };
    reason.to_owned()
}

/// ACDC: `CASE_4d` is the cine series that `CASE_frame01` and others are taken from.
fn pass_over_series(names: &mut Vec<Name>, found: &mut Pairing) {
    let keys: Vec<String> = names.iter().map(|name| name.key.clone()).collect();
    names.retain(|name| {
        let has_frames = name.key.strip_suffix("_4d").is_some_and(|base| {
            let frame = format!("{base}_frame");
            keys.iter().any(|key| key.starts_with(&frame))
        });
        if has_frames {
            found.leave(&name.path, "a series over time; its single frames are used");
        }
        !has_frames
    });
}

/// The same volume stored twice, compressed and uncompressed.
fn pass_over_doubles(names: &mut Vec<Name>, found: &mut Pairing) {
    let mut first: BTreeMap<(String, String), String> = BTreeMap::new();
    names.retain(|name| {
        // Of a case with several channels, only one file name is known here.
        if name.numbered {
            return true;
        }
        let place = (name.folder.clone(), name.stem.clone());
        match first.get(&place) {
            Some(other) => {
                let reason = format!("it has the same name as {other}, which is used; remove one of them");
                found.leave(&name.path, &reason);
                false
            }
            None => {
                first.insert(place, name.path.clone());
                true
            }
        }
    });
}

/// Whether a label map fits an image, by some rule.
type Fits = fn(&Name, &Name) -> bool;

/// Rules by which a label map belongs to an image, most reliable first.
const RULES: [Fits; 6] = [
    |label, image| near(label, image) && label.stem == image.stem,
    |label, image| near(label, image) && label.key == image.key,
    |label, image| near(label, image) && label.short_key == image.key,
    |label, image| near(label, image) && label.short_key == image.short_key,
    |label, image| label.key == image.key || label.short_key == image.key,
    |label, image| label.short_key == image.short_key,
];

fn near(label: &Name, image: &Name) -> bool {
    label.scope == image.scope && label.part == image.part
}

/// Everything else: a label map belongs to the one image whose name fits, nearest folder first.
fn take_by_name(names: Vec<Name>, found: &mut Pairing) {
    let (mut labels, images): (Vec<Name>, Vec<Name>) = names.into_iter().partition(|name| name.kind == Kind::Label);
    // Labels corrected by hand take precedence over predicted ones (MONAI Label).
    labels.sort_by_key(|label| label.folder.to_lowercase().ends_with("original"));
    let mut label_of: Vec<Option<&Name>> = vec![None; images.len()];
    let mut unpaired = Vec::new();
    for label in &labels {
        let candidates = RULES
            .into_iter()
            .map(|fits| {
                let fits = |image: &Name| !label.other_part(image) && fits(label, image);
                (0..images.len()).filter(|&index| fits(&images[index])).collect()
            })
            .find(|candidates: &Vec<usize>| !candidates.is_empty())
            .unwrap_or_default();
        match candidates[..] {
            [index] => match label_of[index] {
                None => label_of[index] = Some(label),
                Some(other) => {
                    let reason = format!("its image already has the label map {}", other.path);
                    found.leave(&label.path, &reason);
                }
            },
            [] => unpaired.push(label),
            _ => found.leave(
                &label.path,
                "several images have a name that fits this label map; match the names, as case.nii.gz and \
                 case_seg.nii.gz",
            ),
        }
    }
    take_structures(&unpaired, &images, found);
    let cases = images.iter().zip(label_of).map(|(image, label)| CaseFiles {
        id: image.id.clone(),
        channels: image.channels(),
        label: label.map(|label| label.path.clone()),
        structures: Vec::new(),
        part: image.part.or(label.and_then(|label| label.part)),
    });
    found.cases.extend(cases);
}

/// Label maps whose names fit no image: structures of the only image in the folder above, or leftovers.
fn take_structures(unpaired: &[&Name], images: &[Name], found: &mut Pairing) {
    let mut maps: BTreeMap<&str, Vec<(String, String)>> = BTreeMap::new();
    for label in unpaired {
        let above = label.folder.rsplit_once('/').map_or("", |(above, _)| above);
        let mut beside = images.iter().filter(|image| image.folder == above);
        match (beside.next(), beside.next()) {
            (Some(image), None) if label.by_folder => {
                let reason = "one structure of an image, as TotalSegmentator writes them; combine such files into \
                    label maps with --combine-structures";
                found.leave(&label.path, reason);
                let map = (label.stem.clone(), label.path.clone());
                maps.entry(image.path.as_str()).or_default().push(map);
            }
            _ => found.leave(
                &label.path,
                "no image has a name that fits this label map; match the names, as case.nii.gz and case_seg.nii.gz",
            ),
        }
    }
    let maps = maps.into_iter().map(|(image, maps)| StructureMaps {
        image: image.to_owned(),
        maps,
    });
    found.structures = maps.collect();
}
