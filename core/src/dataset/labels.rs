//! Label sets: the labels and the class index of each.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::{Array2, Array3, ArrayView3};

use super::{Case, CaseFingerprint, DatasetError, Regions, Result};
use crate::loss::IGNORED;
use crate::volume::{LabelImage, names_ignored};

/// The labels to learn. Class 0 is background (id 0); class c is the c-th smallest id. A network has an
/// output for each class, or for each region where the labels are learned as regions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "StoredLabelSet")]
pub struct LabelSet {
    ids: Vec<u16>,
    names: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regions: Option<Regions>,
    /// The id of voxels that are not labeled; not one of `ids`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore: Option<u16>,
}

/// A label set as read from a file, unchecked.
#[derive(serde::Deserialize)]
struct StoredLabelSet {
    ids: Vec<u16>,
    names: Vec<String>,
    #[serde(default)]
    regions: Option<Regions>,
    #[serde(default)]
    ignore: Option<u16>,
}

impl TryFrom<StoredLabelSet> for LabelSet {
    type Error = DatasetError;

    fn try_from(stored: StoredLabelSet) -> Result<LabelSet> {
        let names = stored.ids.iter().copied().zip(stored.names.iter().cloned()).collect();
        let set = LabelSet::from_ids(stored.ids.iter().copied(), &names)?;
        if set.ids != stored.ids || set.ids.len() != stored.names.len() {
            return Err(DatasetError::BadLabelSet);
        }
        let set = LabelSet {
            names: stored.names,
            ..set
        };
        let set = match stored.regions {
            Some(regions) => set.with_regions(regions)?,
            None => set,
        };
        match stored.ignore {
            Some(id) => set.with_ignore(id),
            None => Ok(set),
        }
    }
}

/// What is known of a case's label map.
struct Found {
    present: Vec<u16>,
    names: BTreeMap<u16, String>,
    /// The id of its ignored voxels, where it has any.
    ignored: Option<u16>,
}

impl LabelSet {
    /// Ids that occur in the labeled cases, named by `names` (see
    /// [`DatasetJson::names`](super::DatasetJson::names)), else by the label files' own header extensions,
    /// else "label 3". The id of [ignored](LabelImage::ignored) voxels, or one that is named `ignore`, is no label.
    ///
    /// # Errors
    /// When no case has a label map, all of them hold only background, or there are more than 255 ids (254 beside one
    /// of ignored voxels).
    pub fn from_cases<'a>(
        cases: impl IntoIterator<Item = &'a Case>,
        names: &BTreeMap<u16, String>,
    ) -> Result<LabelSet> {
        let labels = cases.into_iter().filter_map(|case| case.label.as_ref());
        let found = labels.map(|label| Found {
            present: label.present(),
            names: label.names(),
            ignored: label.ignored().filter(|_| label.has_ignored()),
        });
        LabelSet::from_found(found, names)
    }

    /// The same, from fingerprints.
    ///
    /// # Errors
    /// As [`LabelSet::from_cases`].
    pub fn from_fingerprints(cases: &[CaseFingerprint], names: &BTreeMap<u16, String>) -> Result<LabelSet> {
        let found = cases.iter().filter(|case| case.labeled).map(|case| Found {
            present: case.labels.iter().copied().collect(),
            names: case.names.clone(),
            ignored: case.ignored,
        });
        LabelSet::from_found(found, names)
    }

    fn from_found(found: impl Iterator<Item = Found>, names: &BTreeMap<u16, String>) -> Result<LabelSet> {
        let mut ids = BTreeSet::new();
        let mut known = BTreeMap::new();
        let (mut labeled, mut ignore) = (false, None);
        for case in found {
            labeled = true;
            ids.extend(case.present);
            known.extend(case.names);
            ignore = ignore.or(case.ignored);
        }
        known.extend(names.clone());
        let named = || {
            ids.iter()
                .copied()
                .find(|id| known.get(id).is_some_and(|name| names_ignored(name)))
        };
        let ignore = ignore.or_else(named);
        if let Some(id) = &ignore {
            ids.remove(id);
        }
        if ids.is_empty() {
            return Err(match labeled {
                true => DatasetError::OnlyBackground,
                false => DatasetError::NoLabeledCase,
            });
        }
        let set = LabelSet::from_ids(ids, &known)?;
        match ignore {
            Some(id) => set.with_ignore(id),
            None => Ok(set),
        }
    }

    /// The given ids (0 is added), named by `names`, else "label 3".
    ///
    /// # Errors
    /// When there are more than 255 ids.
    pub fn from_ids(ids: impl IntoIterator<Item = u16>, names: &BTreeMap<u16, String>) -> Result<LabelSet> {
        let mut ids: BTreeSet<u16> = ids.into_iter().collect();
        ids.remove(&0);
        if ids.len() > usize::from(u8::MAX) {
            return Err(DatasetError::TooManyLabels(ids.len()));
        }
        let name = |id: &u16| names.get(id).cloned().unwrap_or_else(|| format!("label {id}"));
        let names = std::iter::once("background".to_owned())
            .chain(ids.iter().map(name))
            .collect();
        let ids = std::iter::once(0).chain(ids).collect();
        Ok(LabelSet {
            ids,
            names,
            regions: None,
            ignore: None,
        })
    }

    /// Background alone: what there is to learn without labels.
    pub fn background() -> LabelSet {
        LabelSet {
            ids: vec![0],
            names: vec!["background".to_owned()],
            regions: None,
            ignore: None,
        }
    }

    /// The same labels, beside an id of voxels that are not labeled, which take no part in losses and measures.
    ///
    /// # Errors
    /// When the id is background or one of the labels, or there are more than 254 labels.
    pub fn with_ignore(self, id: u16) -> Result<LabelSet> {
        if self.class_of(id).is_some() {
            return Err(DatasetError::IgnoredIsLearned(id));
        }
        // The classes, background among them, must leave the index of ignored voxels free.
        if self.classes() > usize::from(IGNORED) {
            return Err(DatasetError::TooManyBesideIgnored(self.classes() - 1));
        }
        Ok(LabelSet {
            ignore: Some(id),
            ..self
        })
    }

    /// The id of voxels that are not labeled, if there are such.
    pub fn ignore(&self) -> Option<u16> {
        self.ignore
    }

    /// The same labels, learned as regions.
    ///
    /// # Errors
    /// When a region names a label that is not in the set, or there are no regions.
    pub fn with_regions(self, regions: Regions) -> Result<LabelSet> {
        let known = |label: &u16| *label > 0 && self.class_of(*label).is_some();
        let sound = regions
            .0
            .iter()
            .all(|region| region.labels.iter().all(known) && known(&region.paint));
        if regions.0.is_empty() || !sound {
            return Err(DatasetError::BadRegions);
        }
        Ok(LabelSet {
            regions: Some(regions),
            ..self
        })
    }

    /// The regions that the labels are learned as, if any.
    pub fn regions(&self) -> Option<&Regions> {
        self.regions.as_ref()
    }

    /// The network's output channels: one for each class, or one for each region.
    pub fn outputs(&self) -> usize {
        match &self.regions {
            Some(regions) => regions.0.len(),
            None => self.classes(),
        }
    }

    /// Number of classes, background included.
    pub fn classes(&self) -> usize {
        self.ids.len()
    }

    /// Ids by class index; the first is 0, background.
    pub fn ids(&self) -> &[u16] {
        &self.ids
    }

    /// Names by class index; the first is "background".
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Class index of an id.
    pub fn class_of(&self, id: u16) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// Class indices, row-major, of a plane of label ids; ids outside the set become background.
    pub fn encode_plane(&self, labels: Array2<u16>) -> Vec<u8> {
        let class = |id| self.class_of(id).unwrap_or(0) as u8; // at most 255, see from_ids
        labels.into_iter().map(class).collect()
    }

    /// Label ids to class indices; the ignored id becomes [`IGNORED`], and others outside the set background.
    pub fn encode(&self, labels: ArrayView3<'_, u16>) -> Array3<u8> {
        self.encode_with(labels, self.ignore)
    }

    /// The class indices of a label map with axes \[S, A, R\]; voxels that the map itself ignores become [`IGNORED`]
    /// too, unless that is the index of a class.
    pub fn encode_map(&self, map: &LabelImage) -> Array3<u8> {
        let free = self.classes() <= usize::from(IGNORED);
        let own = map.ignored().filter(|_| free);
        self.encode_with(map.canonical().view(), self.ignore.into_iter().chain(own))
    }

    fn encode_with(&self, labels: ArrayView3<'_, u16>, ignored: impl IntoIterator<Item = u16>) -> Array3<u8> {
        let mut class = vec![0u8; 1 << 16];
        for (index, &id) in self.ids.iter().enumerate() {
            class[usize::from(id)] = index as u8; // at most 255, see from_ids
        }
        for id in ignored {
            class[usize::from(id)] = IGNORED;
        }
        labels.map(|&id| class[usize::from(id)])
    }

    /// Class indices to label ids; indices outside the set become background.
    pub fn decode(&self, classes: ArrayView3<'_, u8>) -> Array3<u16> {
        classes.map(|&class| self.ids.get(usize::from(class)).copied().unwrap_or(0))
    }
}

/// Labels of held-out cases that are not learned and therefore not measured; one sentence each.
pub fn not_learned(labels: &LabelSet, held_out: &[CaseFingerprint]) -> Vec<String> {
    let mut found: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
    for case in held_out {
        let known = |id: u16| labels.class_of(id).is_some() || labels.ignore() == Some(id);
        let unknown = case.labels.iter().filter(|id| !known(**id));
        for id in unknown {
            found.entry(*id).or_default().push(&case.id);
        }
    }
    let sentence = |(id, cases): (u16, Vec<&str>)| {
        format!(
            "no training case has label {id}, which validation has ({}): it is not learned and not measured",
            cases.join(", ")
        )
    };
    found.into_iter().map(sentence).collect()
}
