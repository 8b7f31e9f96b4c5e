//! How empty masks count.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How undefined values count in a mean. Overlap (Dice, surface Dice, IoU, precision, recall) is undefined where both
/// masks are empty, a distance where either is; if only one mask is empty, every policy has an overlap of 0.
///
/// | policy | overlap | distance | who |
/// |---|---|---|---|
/// | `zero` | 0 | 0 | MedContext's test script for UNETR |
/// | `one` | 1 | 0 | nnFormer's test scripts |
/// | `nan` | left out | left out | nnU-Net 1 and 2 |
/// | `medpy` | 1 | left out | medpy 0.5 (its distance raises an error) |
/// | `monai` | left out | left out | MONAI's DiceMetric, which leaves out every case with an empty truth |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyPolicy {
    /// The worst overlap, but the best distance.
    Zero,
    /// The best overlap and the best distance.
    One,
    /// Not counted.
    #[default]
    Nan,
    /// The best overlap, and a distance that is not counted.
    Medpy,
    /// Not counted; nor is any prediction where the truth is empty.
    Monai,
}

impl EmptyPolicy {
    /// The overlap that a mean counts; `None` leaves it out.
    pub fn overlap(self, overlap: Option<f64>) -> Option<f64> {
        overlap.or(match self {
            Self::Zero => Some(0.0),
            Self::One | Self::Medpy => Some(1.0),
            Self::Nan | Self::Monai => None,
        })
    }

    /// The distance that a mean counts; `None` leaves it out.
    pub fn distance(self, distance: Option<f64>) -> Option<f64> {
        distance.or(match self {
            Self::Zero | Self::One => Some(0.0),
            Self::Nan | Self::Medpy | Self::Monai => None,
        })
    }

    /// The same where it is known whether the true mask is empty.
    pub fn overlap_of(self, overlap: Option<f64>, truth_is_empty: bool) -> Option<f64> {
        self.overlap(overlap)
            .filter(|_| !(self == Self::Monai && truth_is_empty))
    }

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::One => "one",
            Self::Nan => "nan",
            Self::Medpy => "medpy",
            Self::Monai => "monai",
        }
    }
}

impl FromStr for EmptyPolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Zero, Self::One, Self::Nan, Self::Medpy, Self::Monai]
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| format!("there is no policy {name:?}: choose zero, one, nan, medpy or monai"))
    }
}
