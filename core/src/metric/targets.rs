//! What is measured in a case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CaseScore, Protocol, Region};
use crate::dataset::{DatasetError, LabelSet};
use crate::volume::LabelImage;

/// What an evaluation reports: regions, else the labels chosen, else all that occur.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Targets {
    /// Ids of labels.
    pub labels: Vec<u16>,
    /// Regions; in scores they are labels 1, 2, ….
    pub regions: Vec<Region>,
}

impl Targets {
    /// Whether nothing is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.regions.is_empty()
    }

    /// Measures one case, as [`CaseScore::of_images`] does.
    ///
    /// # Errors
    /// When the shapes differ, or there are more than 255 labels.
    pub fn score(
        &self,
        case: &str,
        prediction: &LabelImage,
        truth: &LabelImage,
        protocol: Protocol,
    ) -> Result<CaseScore, DatasetError> {
        if !self.regions.is_empty() {
            return CaseScore::of_regions(case, prediction, truth, &self.regions, protocol);
        }
        let ids = match &self.labels[..] {
            [] => {
                let found = [prediction.present(), truth.present()].concat().into_iter();
                found.filter(|id| Some(*id) != truth.ignored()).collect()
            }
            chosen => chosen.to_vec(),
        };
        let labels = LabelSet::from_ids(ids, &BTreeMap::new())?;
        CaseScore::of_images(case, prediction, truth, &labels, protocol)
    }

    /// The labels of a whole evaluation: those that the cases' scores hold and those asked for, named
    /// by `names`.
    ///
    /// # Errors
    /// When there are more than 255.
    pub fn label_set(&self, scores: &[CaseScore], names: &BTreeMap<u16, String>) -> Result<LabelSet, DatasetError> {
        if !self.regions.is_empty() {
            let names: BTreeMap<u16, String> = (1..)
                .zip(self.regions.iter().map(|region| region.name.clone()))
                .collect();
            return LabelSet::from_ids(names.keys().copied(), &names);
        }
        let scored = scores.iter().flat_map(|case| &case.labels);
        let ids = scored.map(|score| score.label).chain(self.labels.clone());
        LabelSet::from_ids(ids, names)
    }
}
