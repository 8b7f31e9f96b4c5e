//! The data sets of the paper as they were trained on: labels, lists of cases, preprocessing and
//! settings.
//!
//! Where the paper and the released code differ or say nothing, the choice is documented where it is made.

mod layout;
mod lists;
mod name;
mod recipe;

use std::collections::BTreeMap;

use crate::backbone::Backbone;
use crate::dataset::{CaseFiles, CaseFingerprint, DatasetError, LabelSet, Part, Regions, Result};
use crate::loss::{Activation, Loss};
use crate::metric::{self, Targets};
use crate::train::TrainConfig;

pub use layout::lay_out;
pub use name::Preset;

/// The settings of a preset.
#[derive(Debug, Clone, PartialEq)]
pub struct PresetSettings {
    /// Settings of a run; other options override them.
    pub config: TrainConfig,
    /// The labels to learn; `None` if they come from the cases.
    pub labels: Option<LabelSet>,
    /// Ids of the labels whose mean is reported; all if empty.
    pub reported: Vec<u16>,
}

impl PresetSettings {
    /// What is reported for the data set: the regions that are learned, else the labels that the paper reports, else
    /// all labels that are learned.
    pub fn targets(&self) -> Targets {
        let learned = self.labels.as_ref();
        if let Some(regions) = learned.and_then(LabelSet::regions) {
            let regions = regions.0.iter().map(|region| metric::Region {
                name: region.name.clone(),
                labels: region.labels.clone(),
            });
            return Targets {
                regions: regions.collect(),
                labels: Vec::new(),
            };
        }
        let labels = match (&self.reported[..], learned) {
            ([], Some(learned)) => learned.ids()[1..].to_vec(),
            (reported, _) => reported.to_vec(),
        };
        Targets {
            labels,
            regions: Vec::new(),
        }
    }
}

impl Preset {
    /// Settings for a backbone and the given labeled cases. Any nnFormer selects the variant made for the data set.
    ///
    /// # Errors
    /// When the labels of the preset contradict each other, which would be a defect of the preset.
    pub fn settings(self, backbone: Backbone, cases: &[CaseFingerprint]) -> Result<PresetSettings> {
        self.with(recipe::config(self, backbone, cases))
    }

    /// The same for `cases` training cases, without reading them; `None` for a preset whose settings depend on them.
    ///
    /// # Errors
    /// As [`Preset::settings`].
    pub fn published(self, backbone: Backbone, cases: usize) -> Result<Option<PresetSettings>> {
        let config = recipe::published(self, backbone, cases);
        config.map(|config| self.with(config)).transpose()
    }

    fn with(self, config: TrainConfig) -> Result<PresetSettings> {
        Ok(PresetSettings {
            labels: self.labels(&config)?,
            reported: self.reported(),
            config: TrainConfig {
                reported: self.reported(),
                ..config
            },
        })
    }

    /// Labels in the files. A sigmoid learns them as regions.
    fn labels(self, config: &TrainConfig) -> Result<Option<LabelSet>> {
        let (names, regions): (&[(u16, &str)], _) = match self {
            Preset::Synapse => (&SYNAPSE, None),
            Preset::Acdc => (&ACDC, None),
            Preset::Brats21 => (&BRATS21, Some(Regions::brats21())),
            Preset::Brats17 => (&BRATS17, Some(Regions::decathlon_brain())),
            Preset::Decathlon => return Ok(None),
        };
        let names: BTreeMap<u16, String> = names.iter().map(|&(id, name)| (id, name.to_owned())).collect();
        let labels = LabelSet::from_ids(names.keys().copied(), &names)?;
        let sigmoid = config.loss.activation() == Activation::Sigmoid;
        match regions.filter(|_| sigmoid) {
            Some(regions) => labels.with_regions(regions).map(Some),
            None => Ok(Some(labels)),
        }
    }

    /// The eight organs of Synapse that papers report: spleen, kidneys, gallbladder, liver, stomach,
    /// aorta, pancreas.
    fn reported(self) -> Vec<u16> {
        match self {
            Preset::Synapse => vec![1, 2, 3, 4, 6, 7, 8, 11],
            _ => Vec::new(),
        }
    }

    /// Names of the lists of cases.
    pub fn lists(self) -> Vec<&'static str> {
        let lists = lists::lists(self).into_iter();
        lists.map(|list| list.name).collect()
    }

    /// The labeled cases of a list, in the order of `cases`. A case is identified by its name or that of its image
    /// file, in any folder; a patient's name stands for all of its frames. Images without a label map are not members,
    /// even under a member's name.
    ///
    /// # Errors
    /// When the list does not exist, or none of its cases is here with a label map.
    pub fn select(self, list: &str, cases: &[CaseFiles]) -> Result<Vec<CaseFiles>> {
        let members = self.list(list)?;
        let mut unlabeled = 0;
        let mut selected = Vec::new();
        for case in cases {
            let named = members.contains(&case.id) || members.contains(file_name(case));
            // Only a list of every case depends on the part of the data set that a case belongs to.
            let held_out = members.is_open() && !matches!(case.part, None | Some(Part::Training));
            if named && !held_out {
                match case.is_labeled() {
                    true => selected.push(case.clone()),
                    false => unlabeled += 1,
                }
            }
        }
        let (preset, list) = (self.name().to_owned(), list.to_owned());
        match (selected.is_empty(), unlabeled) {
            (false, _) => Ok(selected),
            (true, 0) => Err(DatasetError::EmptyList { preset, list }),
            (true, cases) => Err(DatasetError::UnlabeledList { preset, list, cases }),
        }
    }

    /// How many cases a list was published with; `None` if unknown, or if the list does not exist.
    pub fn published_cases(self, list: &str) -> Option<usize> {
        self.list(list).ok()?.published()
    }

    /// A warning if the number of cases selected from a list differs from the published one.
    pub fn differing(self, list: &str, selected: &[CaseFiles]) -> Option<String> {
        /// Maximum number of absent cases named one by one.
        const NAMED: usize = 5;
        let members = self.list(list).ok()?;
        let published = members.published()?;
        let here = selected.len();
        if here > published {
            return Some(format!(
                "{self} {list}: {here} cases are here, more than the {published} published"
            ));
        }
        if here == published {
            return None;
        }
        let names: Vec<&str> = selected
            .iter()
            .flat_map(|case| [case.id.as_str(), file_name(case)])
            .collect();
        let absent = members.absent(&names);
        let named = absent.iter().take(NAMED).cloned().collect::<Vec<_>>();
        let named = named.join(", ");
        let absent = match absent.len() {
            0 => String::new(),
            count if count > NAMED => format!("; absent: {named} and {} more", count - NAMED),
            _ => format!("; absent: {named}"),
        };
        Some(format!(
            "{self} {list}: {here} of {published} published cases are here{absent}"
        ))
    }

    fn list(self, name: &str) -> Result<lists::List> {
        let mut lists = lists::lists(self).into_iter();
        lists
            .find(|list| list.name == name)
            .ok_or_else(|| DatasetError::NoPresetList {
                preset: self.name().to_owned(),
                list: name.to_owned(),
                known: self.lists().join(", "),
            })
    }
}

/// The name of a case's image file, without its ending and nnU-Net's number of the first channel.
pub(crate) fn file_name(case: &CaseFiles) -> &str {
    let file = case.image().rsplit(['/', '\\']).next();
    let file = file.unwrap_or(case.image());
    let stem = crate::volume::stem(file).unwrap_or(file);
    stem.strip_suffix("_0000").unwrap_or(stem)
}

const SYNAPSE: [(u16, &str); 13] = [
    (1, "spleen"),
    (2, "right kidney"),
    (3, "left kidney"),
    (4, "gallbladder"),
    (5, "esophagus"),
    (6, "liver"),
    (7, "stomach"),
    (8, "aorta"),
    (9, "inferior vena cava"),
    (10, "portal and splenic veins"),
    (11, "pancreas"),
    (12, "right adrenal gland"),
    (13, "left adrenal gland"),
];
const ACDC: [(u16, &str); 3] = [(1, "right ventricle"), (2, "myocardium"), (3, "left ventricle")];
const BRATS21: [(u16, &str); 3] = [(1, "necrotic core"), (2, "edema"), (4, "enhancing tumor")];
const BRATS17: [(u16, &str); 3] = [(1, "edema"), (2, "non-enhancing tumor"), (3, "enhancing tumor")];

#[cfg(test)]
mod tests;
