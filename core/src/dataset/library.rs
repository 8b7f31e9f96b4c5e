//! The files that someone is working with and what was decided about them by hand, kept in step with the cases
//! that they make. Nothing is read or written here: a front fetches bytes and stores files, and does what the
//! verbs return.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::{CaseFiles, DatasetJson, Frames, LabelSet, Leftover, Pairing, ReadOptions, Result, pair};
use crate::volume::{Format, SliceAxis};

#[cfg(test)]
mod tests;

/// The folder of label maps that were drawn or repaired here: `/drawings/CASE.nii.gz`. They are paired by the case's
/// name and by nothing else. No file that comes from elsewhere has a path that begins with a slash.
const DRAWINGS_FOLDER: &str = "/drawings/";

/// Where earlier versions had them: among the files that came from elsewhere.
const EARLIER_DRAWINGS_FOLDER: &str = "drawn/";

/// How a drawing's file ends.
const DRAWN_ENDING: &str = ".nii.gz";

/// What was decided by hand about the files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choices {
    /// The label map of a case, or none, by case.
    pub labels: BTreeMap<String, Option<String>>,
    /// How a series is used, by the path of its file.
    pub frames: BTreeMap<String, Frames>,
    /// Whether label maps of one structure each are combined.
    pub combine_structures: bool,
    /// Whether label maps that lie elsewhere are brought onto their images; not written where they are not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resample_labels: bool,
    /// The id of voxels that are not labeled, before what dataset.json says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ignored: Option<u16>,
    /// Along which axis only the slices with a label count, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labeled_slices: Option<SliceAxis>,
}

/// All files, by path, each as an `F`: whatever a front needs to get at the bytes. It is serialized to be handed
/// to another front, which then is told of every case as new.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Library<F> {
    /// Every volume, drawings among them.
    files: BTreeMap<String, F>,
    /// Paths of files that are not volumes, to be listed as unused.
    unsupported: BTreeSet<String>,
    /// Paths of drawings, by case.
    drawn: BTreeMap<String, String>,
    /// What the newest dataset.json says, and the file.
    dataset_json: Option<(DatasetJson, F)>,
    choices: Choices,
    /// Paths of volumes that are not stored yet, in the order in which they came.
    unstored: VecDeque<String>,
    /// The cases as of the last [`refresh`](Self::refresh), by id, those aside that have changed since.
    #[serde(skip)]
    known: BTreeMap<String, CaseFiles>,
}

/// What [`Library::refresh`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ids of cases that are gone.
    pub removed: Vec<String>,
    /// Cases that are new, have other files than before, or files with other contents.
    pub changed: Vec<CaseFiles>,
    /// Files that belong to no case.
    pub leftovers: Vec<Leftover>,
    /// Whether some of them are label maps of one structure each, which can be combined.
    pub structures: bool,
}

impl<F> Default for Library<F> {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            unsupported: BTreeSet::new(),
            drawn: BTreeMap::new(),
            dataset_json: None,
            choices: Choices::default(),
            unstored: VecDeque::new(),
            known: BTreeMap::new(),
        }
    }
}

/// What may be done to the files. Cases follow with the next [`refresh`](Library::refresh).
impl<F> Library<F> {
    /// Adds a file. A volume of the same path is [replaced](Self::replace); a file that is not a volume is only listed,
    /// and a hidden one is ignored.
    pub fn add(&mut self, path: &str, file: F) {
        let name = path.rsplit('/').next().unwrap_or(path);
        if Format::by_name(name).is_some() {
            self.replace(path, file);
            self.unstored.push_back(path.to_owned());
        } else if !name.starts_with('.') {
            self.unsupported.insert(path.to_owned());
        }
    }

    /// Puts a file in the place of the one of this path, if there is one: what was known of its case holds no
    /// longer.
    pub fn replace(&mut self, path: &str, file: F) {
        if self.files.insert(path.to_owned(), file).is_some() {
            self.forget_cases_of(path);
        }
    }

    /// Takes a dataset.json, read from `bytes`, in place of an earlier one. Returns the path of that one where it
    /// is another: it is not used any more.
    pub fn add_dataset_json(&mut self, path: &str, bytes: &[u8], file: F) -> Option<String> {
        self.unsupported.remove(path);
        let json = DatasetJson::parse(path, bytes);
        let ignored = self.ignored();
        let before = self.dataset_json.replace((json, file));
        if self.ignored() != ignored {
            self.forget_labeled();
        }
        let (before, _) = before?;
        let unused = Some(before.file).filter(|before| before != path)?;
        self.unsupported.insert(unused.clone());
        Some(unused)
    }

    /// Puts back a volume that is stored already; a drawing becomes that of its case again.
    pub fn restore(&mut self, path: &str, file: F) {
        if let Some(case) = drawn_case(path) {
            self.drawn.insert(case.to_owned(), path.to_owned());
        }
        self.replace(path, file);
    }

    /// Takes for drawings what earlier versions left among the files: `drawn/CASE.nii.gz` where there is such a case.
    /// Returns the paths that they had, each with its case.
    pub fn adopt_earlier_drawings(&mut self) -> Vec<(String, String)> {
        let case = |path: &str| {
            let name = path.strip_prefix(EARLIER_DRAWINGS_FOLDER)?;
            name.strip_suffix(DRAWN_ENDING).map(str::to_owned)
        };
        let (drawings, others): (Vec<String>, Vec<String>) =
            self.files.keys().cloned().partition(|path| case(path).is_some());
        let cases: BTreeSet<String> = pair(&others, None).cases.into_iter().map(|files| files.id).collect();
        let known = |path: String| Some((case(&path).filter(|id| cases.contains(id))?, path));
        let adopted: Vec<(String, String)> = drawings.into_iter().filter_map(known).collect();
        for (case, path) in &adopted {
            if let Some(file) = self.files.remove(path) {
                self.draw(case, file);
            }
        }
        adopted.into_iter().map(|(case, path)| (path, case)).collect()
    }

    /// Puts back what was decided by hand.
    pub fn restore_choices(&mut self, choices: Choices) {
        self.choices = choices;
    }

    /// Gives a case the label map at `label`, or none. A drawing came before what is chosen now: it is removed,
    /// and its path returned.
    pub fn pair(&mut self, case: &str, label: Option<String>) -> Option<String> {
        self.choices.labels.insert(case.to_owned(), label);
        let drawing = self.drawn.remove(case)?;
        self.files.remove(&drawing);
        Some(drawing)
    }

    /// Says how the series at these paths are used.
    pub fn use_frames(&mut self, images: impl IntoIterator<Item = String>, frames: Frames) {
        for image in images {
            self.forget_cases_of(&image);
            self.choices.frames.insert(image, frames);
        }
    }

    /// Combines label maps of one structure each into one for each image.
    pub fn combine_structures(&mut self) {
        self.choices.combine_structures = true;
    }

    /// Brings label maps that lie elsewhere onto their images, each voxel from the nearest by millimeters.
    pub fn resample_labels(&mut self) {
        self.choices.resample_labels = true;
        self.forget_labeled();
    }

    /// Chooses the id of voxels that are not labeled; `None` leaves it to dataset.json and the label maps.
    pub fn ignore_label(&mut self, id: Option<u16>) {
        self.choices.ignored = id;
        self.forget_labeled();
    }

    /// Counts only the slices along an axis that hold a label, or all with `None`.
    pub fn count_labeled_slices(&mut self, axis: Option<SliceAxis>) {
        self.choices.labeled_slices = axis;
        self.forget_labeled();
    }

    /// Takes a drawing as a case's label map, before any that was found. Its path is that of
    /// [`drawing_path`].
    pub fn draw(&mut self, case: &str, file: F) {
        let path = drawing_path(case);
        self.files.insert(path.clone(), file);
        self.drawn.insert(case.to_owned(), path);
        // It has another label map now, or the same one with other voxels.
        self.known.remove(case);
    }

    /// Removes a case and its files; returns their paths.
    pub fn remove(&mut self, case: &str) -> Vec<String> {
        let Some(files) = self.known.remove(case) else {
            return Vec::new();
        };
        let paths: Vec<String> = files.names().cloned().collect();
        self.drawn.remove(case);
        self.remove_files(paths)
    }

    /// Removes a case whose image cannot be used, and the image's files; returns their paths.
    pub fn drop_case(&mut self, files: &CaseFiles) -> Vec<String> {
        self.known.remove(&files.id);
        self.remove_files(files.image_files().cloned().collect())
    }

    /// Removes the files that belong to no case; returns the paths of those that were volumes.
    pub fn discard(&mut self) -> Vec<String> {
        let leftovers = self.pairing().leftovers.into_iter();
        let paths = leftovers.map(|leftover| leftover.path).collect();
        self.unsupported.clear();
        self.remove_files(paths)
    }

    /// Forgets what was decided by hand.
    pub fn forget_choices(&mut self) {
        self.choices = Choices::default();
    }

    fn remove_files(&mut self, mut paths: Vec<String>) -> Vec<String> {
        paths.retain(|path| self.files.remove(path).is_some());
        paths
    }

    /// Label maps are read otherwise than before.
    fn forget_labeled(&mut self) {
        self.known.retain(|_, files| !files.is_labeled());
    }

    fn forget_cases_of(&mut self, path: &str) {
        let of_path = |files: &CaseFiles| files.names().any(|name| name == path);
        self.known.retain(|_, files| !of_path(files));
    }
}

/// The cases.
impl<F> Library<F> {
    /// The cases and what is left over, by the names of the files and by what was decided by hand. A drawing is a
    /// case's label map before any that was found.
    pub fn pairing(&self) -> Pairing {
        let json = self.dataset_json.as_ref().map(|(json, _)| json);
        let drawings: BTreeSet<&String> = self.drawn.values().collect();
        let volumes = self.files.keys().filter(|path| !drawings.contains(path));
        let paths = volumes.chain(&self.unsupported);
        let paths = paths.chain(json.map(|json| &json.file));
        let mut pairing = pair(&paths.cloned().collect::<Vec<_>>(), json);
        if self.choices.combine_structures {
            pairing.combine_structures();
        }
        for (case, label) in &self.choices.labels {
            pairing.assign(case, label.as_deref());
        }
        for files in &mut pairing.cases {
            if let Some(path) = self.drawn.get(&files.id) {
                files.label = Some(path.clone());
                files.structures.clear();
                // Who draws labels means them to be learned from, also those of a test case.
                files.part = None;
            }
        }
        pairing
    }

    /// Pairs the files again and returns what has changed.
    pub fn refresh(&mut self) -> Changes {
        let pairing = self.pairing();
        let cases = pairing.cases.into_iter();
        let cases: BTreeMap<String, CaseFiles> = cases.map(|files| (files.id.clone(), files)).collect();
        let before = std::mem::replace(&mut self.known, cases);
        let gone = |id: &&String| !self.known.contains_key(*id);
        let new = |files: &&CaseFiles| before.get(&files.id) != Some(*files);
        Changes {
            removed: before.keys().filter(gone).cloned().collect(),
            changed: self.known.values().filter(new).cloned().collect(),
            leftovers: pairing.leftovers,
            structures: !pairing.structures.is_empty(),
        }
    }

    /// How a case's files are to be read.
    pub fn read_options(&self, files: &CaseFiles) -> ReadOptions {
        let json = self.dataset_json.as_ref();
        ReadOptions {
            channels: json.and_then(|(json, _)| json.channels).unwrap_or(1),
            channel_names: json.map(|(json, _)| json.channel_names.clone()).unwrap_or_default(),
            frames: self.choices.frames.get(files.image()).copied(),
            resample_labels: self.choices.resample_labels,
            ignored: self.ignored(),
            labeled_slices: self.choices.labeled_slices,
        }
    }

    /// The id of voxels that are not labeled: the one chosen, else the one that dataset.json names.
    fn ignored(&self) -> Option<u16> {
        let declared = || self.dataset_json().and_then(|json| json.ignore);
        self.choices.ignored.or_else(declared)
    }

    /// Names of labels by id, as far as dataset.json gives them.
    pub fn label_names(&self) -> BTreeMap<u16, String> {
        let json = self.dataset_json();
        json.map_or_else(BTreeMap::new, |json| json.names.clone())
    }
}

/// What is in it.
impl<F> Library<F> {
    /// The volume at a path.
    pub fn file(&self, path: &str) -> Option<&F> {
        self.files.get(path)
    }

    /// Every file that a session is made of, with its path: volumes, drawings, dataset.json.
    pub fn files(&self) -> impl Iterator<Item = (&String, &F)> {
        let json = self.dataset_json.iter();
        let json = json.map(|(json, file)| (&json.file, file));
        self.files.iter().chain(json)
    }

    /// What the newest dataset.json says.
    pub fn dataset_json(&self) -> Option<&DatasetJson> {
        self.dataset_json.as_ref().map(|(json, _)| json)
    }

    /// What dataset.json has to say of labels that are to be learned, one sentence each.
    ///
    /// # Errors
    /// As [`DatasetJson::check`].
    pub fn check_labels(&self, labels: &LabelSet) -> Result<Vec<String>> {
        self.dataset_json()
            .map_or_else(|| Ok(Vec::new()), |json| json.check(labels))
    }

    /// The newest dataset.json, its path before it.
    pub fn dataset_json_file(&self) -> Option<(&String, &F)> {
        let json = self.dataset_json.as_ref();
        json.map(|(json, file)| (&json.file, file))
    }

    /// What was decided by hand.
    pub fn choices(&self) -> &Choices {
        &self.choices
    }

    /// The path of the next volume to be stored.
    pub fn next_unstored(&self) -> Option<&String> {
        self.unstored.front()
    }

    /// Says that the volume at this path, the [next](Self::next_unstored) one, is stored.
    pub fn stored(&mut self, path: &str) {
        self.unstored.pop_front_if(|next| next == path);
    }
}

/// The path of the drawing for a case.
pub fn drawing_path(case: &str) -> String {
    format!("{DRAWINGS_FOLDER}{case}{DRAWN_ENDING}")
}

/// The case that a drawing's path names.
fn drawn_case(path: &str) -> Option<&str> {
    path.strip_prefix(DRAWINGS_FOLDER)?.strip_suffix(DRAWN_ENDING)
}
