//! The data sets that have a preset, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A data set with known settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// BTCV's 30 abdominal CTs: 13 organs are learned, 8 are reported.
    Synapse,
    /// ACDC's 100 patients of cardiac MR, two frames each.
    Acdc,
    /// BraTS 2021: four contrasts, three overlapping regions.
    Brats21,
    /// Brain tumors of BraTS 2016 and 2017, as in the Decathlon's first task.
    Brats17,
    /// Any task of the Medical Segmentation Decathlon, with settings taken from its cases.
    Decathlon,
}

impl Preset {
    /// All of them.
    pub const ALL: [Preset; 5] = [
        Preset::Synapse,
        Preset::Acdc,
        Preset::Brats21,
        Preset::Brats17,
        Preset::Decathlon,
    ];

    /// The name in commands.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Synapse => "synapse",
            Preset::Acdc => "acdc",
            Preset::Brats21 => "brats21",
            Preset::Brats17 => "brats17",
            Preset::Decathlon => "decathlon",
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Preset::ALL.into_iter().find(|preset| preset.name() == text);
        found.ok_or_else(|| {
            let known = Preset::ALL.map(Preset::name).join(", ");
            format!("there is no data set {text:?}; choose {known}")
        })
    }
}
