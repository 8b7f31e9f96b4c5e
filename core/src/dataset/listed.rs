//! Finds the cases that a dataset.json lists among the given files.

use super::names::{Kind, Name, tidy};
use super::{CaseFiles, DatasetJson, Pairing, Source};
use crate::volume;

/// Files that a dataset.json lists, with paths from its own folder.
pub(super) fn take_listed(names: &mut Vec<Name>, json: &DatasetJson, found: &mut Pairing) {
    let mut missing = Vec::new();
    for entry in &json.entries {
        let mut images: Vec<Name> = Vec::new();
        for path in &entry.images {
            match take(names, path) {
                Some(image) => images.push(image),
                None => missing.push(tidy(path)),
            }
        }
        let mut images = images.into_iter();
        // Without its image, a label map stays among the names and is reported as unpaired.
        let Some(image) = images.next() else { continue };
        let label = match entry.label.as_deref() {
            Some(path) => {
                let label = take(names, path).or_else(|| take_label_of(names, &image));
                if label.is_none() {
                    missing.push(tidy(path));
                }
                label
            }
            // Test images are listed alone, but may have labels.
            None => take_label_of(names, &image),
        };
        let mut channels = image.channels();
        channels.extend(images.map(|image| Source::file(image.path)));
        found.cases.push(CaseFiles {
            id: image.id,
            channels,
            label: label.map(|label| label.path),
            structures: Vec::new(),
            part: Some(entry.part),
        });
    }
    if let Some(first) = missing.first() {
        let reason = format!(
            "files that it lists and that are not here: {} ({first}{}); the others are used",
            missing.len(),
            if missing.len() > 1 { ", …" } else { "" }
        );
        found.leave(&json.file, &reason);
    }
}

/// Takes the file that a list names. Absolute paths from another machine are matched by their last parts, and nnU-Net
/// cases by name without the channel number.
fn take(names: &mut Vec<Name>, path: &str) -> Option<Name> {
    let wanted = tidy(path);
    let parts: Vec<&str> = wanted.split('/').collect();
    // The whole path first, then without more and more leading folders; never the bare file name, unless that is all
    // that is listed.
    let least = parts.len().min(2);
    (0..=parts.len() - least).find_map(|skip| {
        let ending = parts[skip..].join("/");
        let fits = |given: &str| {
            let before = given.strip_suffix(ending.as_str());
            before.is_some_and(|before| before.is_empty() || before.ends_with('/'))
        };
        let unnumbered = |name: &&Name| {
            name.numbered
                && with_ending(&name.stem, &ending).is_some_and(|file| fits(&format!("{}/{file}", name.folder)))
        };
        let index = names.iter().position(|name| fits(&name.tidy));
        let index = index.or_else(|| names.iter().position(|name| unnumbered(&name)))?;
        Some(names.remove(index))
    })
}

/// A stem with the ending of the listed path, where that names a volume.
fn with_ending(stem: &str, listed: &str) -> Option<String> {
    let ending = &listed[volume::stem(listed)?.len()..];
    Some(format!("{stem}{ending}"))
}

/// The label map that matches an image's name, if it is listed without its ending, in other case or not at all.
fn take_label_of(names: &mut Vec<Name>, image: &Name) -> Option<Name> {
    let fits = |name: &Name| {
        name.kind == Kind::Label && name.key == image.key && name.scope == image.scope && !name.other_part(image)
    };
    let index = names.iter().position(fits)?;
    Some(names.remove(index))
}
