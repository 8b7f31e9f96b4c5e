//! A region: several labels that are measured as one structure.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Labels that are measured together, such as BraTS's whole tumor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// Ids of its labels.
    pub labels: Vec<u16>,
}

/// Written `whole=1+2+4`.
impl FromStr for Region {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let region = text.split_once('=').and_then(|(name, labels)| {
            let labels = labels.split('+').map(str::parse);
            let labels = labels.collect::<Result<Vec<u16>, _>>().ok()?;
            Some(Region {
                name: name.to_owned(),
                labels,
            })
        });
        region.ok_or_else(|| format!("{text:?} is not a region: write NAME=ID+ID, for example whole=1+2+4"))
    }
}
