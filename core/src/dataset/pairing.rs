//! From file names to cases. Only names are looked at, so that the page and the command line agree.

use std::collections::BTreeMap;

use super::names::{CONTRASTS, Kind, Name, stem, tidy};

/// What a case is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Role {
    /// It has labels to learn from.
    Train,
    /// It has labels and is held out: measured while others are learned from.
    Validate,
    /// It is to be segmented.
    Predict,
}

impl Role {
    /// Train with a label, predict without.
    pub fn of(labelled: bool) -> Role {
        if labelled { Role::Train } else { Role::Predict }
    }
}

/// The files of one case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CaseFiles {
    /// Name of the case.
    pub id: String,
    /// Path of the image or of its first channel, as given.
    pub image: String,
    /// Paths of the second channel and those after it.
    #[serde(default)]
    pub other_channels: Vec<String>,
    /// Path of its label map, as given.
    pub label: Option<String>,
}

impl CaseFiles {
    /// Train with a label, predict without.
    pub fn role(&self) -> Role {
        Role::of(self.label.is_some())
    }

    /// Paths of all its files: channels, then the label map.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.image)
            .chain(&self.other_channels)
            .chain(&self.label)
    }
}

/// A file that belongs to no case.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Leftover {
    /// The path, as given.
    pub path: String,
    /// Why it was left out, one sentence.
    pub reason: String,
}

/// Cases found in a list of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pairing {
    /// The cases, sorted by id.
    pub cases: Vec<CaseFiles>,
    /// NIfTI files that belong to none, and a dataset.json that could not be used.
    pub leftovers: Vec<Leftover>,
}

impl Pairing {
    /// Gives a case the label map that someone chose by hand, or none, whatever the names say. The file may
    /// belong to no case, to another one, or have been taken for an image of its own. A case or a file that is
    /// not here changes nothing.
    pub fn assign(&mut self, case: &str, label: Option<&str>) {
        let Some(place) = self.cases.iter().position(|files| files.id == case) else {
            return;
        };
        let before = self.cases[place].label.take();
        if let Some(path) = label {
            let known = before.as_deref() == Some(path) || self.free(path);
            self.cases[place].label = known.then(|| path.to_owned());
        }
        let after = &self.cases[place].label;
        if let Some(path) = before.filter(|path| after.as_ref() != Some(path)) {
            let reason = "a label map of no case, as chosen by hand".to_owned();
            self.leftovers.push(Leftover { path, reason });
        }
        let chosen = after.clone();
        self.cases
            .retain(|files| files.id == case || Some(&files.image) != chosen.as_ref());
    }

    /// Takes a file from where it is; false where there is no such file.
    fn free(&mut self, path: &str) -> bool {
        let leftovers = self.leftovers.len();
        self.leftovers.retain(|leftover| leftover.path != path);
        let mut found = self.leftovers.len() < leftovers;
        for files in &mut self.cases {
            found |= files.image == path || files.label.as_deref() == Some(path);
            files.label.take_if(|label| label == path);
        }
        found
    }
}

/// Finds the cases in a list of paths (`/` or `\` between folders). A Decathlon dataset.json decides
/// where it lists the files; nnU-Net's `imagesTr/CASE_0000.nii.gz` with `labelsTr/CASE.nii.gz` and
/// BraTS's four contrasts (`CASE_flair`, `CASE_t1ce`, `CASE_t1`, `CASE_t2` with `CASE_seg`), and
/// loose names (`CASE_seg`, `CASE-label`, `img0001` with `label0001`, a `labels` folder, a folder per
/// case) follow. Files that are not NIfTI, and macOS's `._` files, are passed over.
pub fn pair(paths: &[String], dataset_json: Option<&str>) -> Pairing {
    let mut names: Vec<Name> = paths.iter().filter_map(|path| Name::parse(path)).collect();
    names.sort_by(|a, b| a.path.cmp(&b.path));
    names.dedup_by(|a, b| a.path == b.path);

    let mut found = Pairing::default();
    if let Some(json) = dataset_json {
        take_listed(&mut names, json, &mut found);
    }
    take_channels(&mut names, &mut found);
    take_contrasts(&mut names);
    pass_over_series(&mut names, &mut found);
    take_by_name(names, &mut found);
    make_ids_unique(&mut found.cases);
    found.cases.sort_by(|a, b| a.id.cmp(&b.id));
    found
}

/// Decathlon: dataset.json lists `training` pairs and `test` images, with paths from its own folder.
fn take_listed(names: &mut Vec<Name>, json: &str, found: &mut Pairing) {
    let listed: serde_json::Value = match serde_json::from_str(json) {
        Ok(listed) => listed,
        Err(error) => {
            let reason =
                format!("it is not valid JSON ({error}), so files are paired by their names");
            found.leftovers.push(Leftover {
                path: "dataset.json".into(),
                reason,
            });
            return;
        }
    };
    let entries = |list: &str| listed[list].as_array().cloned().unwrap_or_default();
    let mut missing = 0;
    let mut take = |path: Option<&str>, names: &mut Vec<Name>| -> Option<Name> {
        let wanted = tidy(path?);
        let ending = format!("/{wanted}");
        let index = names.iter().position(|name| {
            let given = tidy(&name.path);
            given == wanted || given.ends_with(&ending)
        });
        missing += usize::from(index.is_none());
        index.map(|index| names.remove(index))
    };
    for entry in entries("training").iter().chain(&entries("test")) {
        // A test image is listed as a plain path.
        let image = take(entry["image"].as_str().or(entry.as_str()), names);
        let label = entry["label"].as_str();
        match image {
            Some(image) => {
                let label = take(label, names).map(|label| label.path);
                found.cases.push(CaseFiles {
                    id: image.id,
                    image: image.path,
                    other_channels: image.other_channels,
                    label,
                });
            }
            // The label map stays among the names and is reported below.
            None => continue,
        }
    }
    if missing > 0 {
        let reason =
            format!("files that it lists and that are not here: {missing}; the others are used");
        found.leftovers.push(Leftover {
            path: "dataset.json".into(),
            reason,
        });
    }
}

/// nnU-Net: `CASE_0000` is the first channel of `CASE`. Names that merely end in four digits are told
/// apart by a file `CASE` beside them (the label map) or by nnU-Net's folder names.
fn take_channels(names: &mut Vec<Name>, found: &mut Pairing) {
    let mut bases: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.kind == Kind::Image) {
        if let Some((base, channel)) = name.channel() {
            bases.entry(base.to_owned()).or_default().push(channel);
        }
    }
    let all_numbered = names
        .iter()
        .filter(|name| name.in_nnunet_folder)
        .all(|name| name.channel().is_some());
    bases.retain(|base, channels| {
        let has_label = names.iter().any(|name| name.key == *base);
        let in_folder = names.iter().any(|name| {
            name.in_nnunet_folder && name.channel().is_some_and(|(other, _)| other == base)
        });
        // A label map with the same digits: they are part of the name.
        let counted = names.iter().any(|name| {
            name.kind == Kind::Label && name.channel().is_some_and(|(other, _)| other == base)
        });
        channels.contains(&0) && !counted && (has_label || (in_folder && all_numbered))
    });
    for name in names.iter_mut() {
        if name.kind == Kind::Image && bases.contains_key(&name.key) {
            name.kind = Kind::Label;
        }
    }
    bases.retain(|base, channels| {
        channels.sort_unstable();
        let complete = channels.iter().copied().eq(0..channels.len() as u16);
        if !complete {
            let listed: Vec<String> = channels.iter().map(u16::to_string).collect();
            let reason = format!(
                "case {base} has the channels {}; number them from 0 without gaps or doubles",
                listed.join(", ")
            );
            let of_case = |name: &Name| {
                name.kind == Kind::Image && name.channel().is_some_and(|(other, _)| other == base)
            };
            names.retain(|name| {
                if of_case(name) {
                    let (path, reason) = (name.path.clone(), reason.clone());
                    found.leftovers.push(Leftover { path, reason });
                }
                !of_case(name)
            });
        }
        complete
    });
    for (base, channels) in bases {
        merge(names, &base, channels.len(), |name| {
            let (other, channel) = name.channel()?;
            (other == base).then_some(usize::from(channel))
        });
    }
}

/// Makes `count` images one case `base`: `channel` says which channel an image is, if any.
fn merge(
    names: &mut Vec<Name>,
    base: &str,
    count: usize,
    channel: impl Fn(&Name) -> Option<usize>,
) {
    let mut paths = vec![String::new(); count];
    names.retain(|name| match channel(name) {
        Some(index) if name.kind == Kind::Image => {
            paths[index].clone_from(&name.path);
            index == 0
        }
        _ => true,
    });
    let is_first = |name: &&mut Name| name.kind == Kind::Image && channel(name) == Some(0);
    if let Some(first) = names.iter_mut().find(is_first) {
        first.other_channels = paths.split_off(1);
        first.become_case(base);
    }
}

/// BraTS: four contrasts of one name in one folder are the channels of a case.
fn take_contrasts(names: &mut Vec<Name>) {
    let mut found: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for name in names.iter().filter(|name| name.kind == Kind::Image) {
        if let Some((base, contrast)) = name.contrast() {
            let case = (name.scope.clone(), base.to_owned());
            found.entry(case).or_default().push(contrast);
        }
    }
    for ((scope, base), mut contrasts) in found {
        contrasts.sort_unstable();
        if contrasts.into_iter().eq(0..CONTRASTS.len()) {
            merge(names, &base, CONTRASTS.len(), |name| {
                let (other, contrast) = name.contrast()?;
                (other == base && name.scope == scope).then_some(contrast)
            });
        }
    }
}

/// ACDC: `CASE_4d` is the beating heart that `CASE_frame01` and others are taken from.
fn pass_over_series(names: &mut Vec<Name>, found: &mut Pairing) {
    let keys: Vec<String> = names.iter().map(|name| name.key.clone()).collect();
    names.retain(|name| {
        let has_frames = name.key.strip_suffix("_4d").is_some_and(|base| {
            let frame = format!("{base}_frame");
            keys.iter().any(|key| key.starts_with(&frame))
        });
        if has_frames {
            found.leftovers.push(Leftover {
                path: name.path.clone(),
                reason: "a series over time; its single frames are used".into(),
            });
        }
        !has_frames
    });
}

/// Everything else: a label map belongs to the one image whose name fits, nearest folder first.
fn take_by_name(names: Vec<Name>, found: &mut Pairing) {
    let (labels, images): (Vec<Name>, Vec<Name>) =
        names.into_iter().partition(|name| name.kind == Kind::Label);
    let mut label_of: Vec<Option<String>> = vec![None; images.len()];
    for label in labels {
        let fits = |image: &Name, near: bool, short: bool| {
            let key = if short { &image.short_key } else { &image.key };
            *key == label.key && (!near || image.scope == label.scope)
        };
        let candidates = [(true, false), (true, true), (false, false), (false, true)]
            .into_iter()
            .map(|(near, short)| {
                (0..images.len())
                    .filter(|&index| fits(&images[index], near, short))
                    .collect()
            })
            .find(|candidates: &Vec<usize>| !candidates.is_empty())
            .unwrap_or_default();
        let reason = match candidates[..] {
            [index] => match &label_of[index] {
                None => {
                    label_of[index] = Some(label.path);
                    continue;
                }
                Some(other) => format!("its image already has the label map {other}"),
            },
            [] => "no image has a name that fits this label map; name them alike, as case.nii.gz and case_seg.nii.gz".into(),
            _ => "several images have a name that fits this label map; name them alike, as case.nii.gz and case_seg.nii.gz".into(),
        };
        found.leftovers.push(Leftover {
            path: label.path,
            reason,
        });
    }
    let cases = images
        .into_iter()
        .zip(label_of)
        .map(|(image, label)| CaseFiles {
            id: image.id,
            image: image.path,
            other_channels: image.other_channels,
            label,
        });
    found.cases.extend(cases);
}

/// Cases of the same name in different folders get their whole path as name.
fn make_ids_unique(cases: &mut [CaseFiles]) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for case in cases.iter() {
        *counts.entry(case.id.clone()).or_default() += 1;
    }
    for case in cases.iter_mut().filter(|case| counts[&case.id] > 1) {
        let path = tidy(&case.image);
        case.id = stem(&path).unwrap_or(&path).replace('/', "_");
    }
}
