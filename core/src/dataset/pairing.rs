//! The result of pairing files: the cases, and the files that belong to none.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{CaseFiles, Structure};

/// A file that belongs to no case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// The path, as given.
    pub path: String,
    /// Why it was left out, one sentence.
    pub reason: String,
}

/// Label maps of one structure each that belong to one image, as TotalSegmentator writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructureMaps {
    /// Path of the image, as given.
    pub image: String,
    /// Name of each structure and path of its file, as given.
    pub maps: Vec<(String, String)>,
}

/// Cases found in a list of files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pairing {
    /// The cases, sorted by id.
    pub cases: Vec<CaseFiles>,
    /// Files that belong to none, each with the reason, except hidden ones; and what is wrong with a dataset.json.
    pub leftovers: Vec<Leftover>,
    /// Label maps of one structure each, which are among the leftovers until they are
    /// [combined](Self::combine_structures).
    #[serde(default)]
    pub structures: Vec<StructureMaps>,
}

impl Pairing {
    pub(super) fn leave(&mut self, path: &str, reason: &str) {
        self.leftovers.push(Leftover {
            path: path.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Gives every image that only has label maps of one structure each a label map combined from them. Structures get
    /// ids by the order of their names over all images.
    pub fn combine_structures(&mut self) {
        let names: BTreeSet<String> = self
            .structures
            .iter()
            .flat_map(|found| found.maps.iter().map(|(name, _)| name.clone()))
            .collect();
        let ids: BTreeMap<String, u16> = names.into_iter().zip(1..=u16::MAX).collect();
        for found in std::mem::take(&mut self.structures) {
            let case = self
                .cases
                .iter_mut()
                .find(|case| case.image() == found.image && case.label.is_none());
            let Some(case) = case else { continue };
            let maps = found.maps.into_iter();
            let structures = maps.filter_map(|(name, path)| {
                let id = *ids.get(&name)?;
                Some(Structure { id, name, path })
            });
            case.structures = structures.collect();
            case.structures.sort_by_key(|structure| structure.id);
            let used: BTreeSet<&String> = case.structures.iter().map(|s| &s.path).collect();
            self.leftovers.retain(|leftover| !used.contains(&leftover.path));
        }
    }

    /// Gives a case the label map that someone chose by hand, or none, whatever the names say. The file may belong to
    /// no case, to another one, or have been taken for an image. An unknown case or file changes nothing.
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
            self.leave(&path, "a label map of no case, as chosen by hand");
        }
        let chosen = self.cases[place].label.clone();
        self.cases
            .retain(|files| files.id == case || Some(files.image()) != chosen.as_deref());
    }

    /// Detaches a file from its case or the leftovers; false if there is no such file.
    fn free(&mut self, path: &str) -> bool {
        let leftovers = self.leftovers.len();
        self.leftovers.retain(|leftover| leftover.path != path);
        let mut found = self.leftovers.len() < leftovers;
        for files in &mut self.cases {
            found |= files.image() == path || files.label.as_deref() == Some(path);
            files.label.take_if(|label| label == path);
        }
        found
    }
}
