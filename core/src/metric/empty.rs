//! What counts where a mask is empty.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an undefined value counts as in a mean. Dice is undefined where both masks are empty, a
/// distance where either is; Dice of one empty mask is 0 for everybody.
///
/// | policy | Dice | distance | who |
/// |---|---|---|---|
/// | `zero` | 0 | 0 | MedContext's test script for UNETR |
/// | `one` | 1 | 0 | nnFormer's test scripts |
/// | `nan` | left out | left out | nnU-Net 1 and 2 |
/// | `medpy` | 1 | left out | medpy 0.5 (its distance raises an error) |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyPolicy {
    /// The worst Dice, but the best distance.
    Zero,
    /// The best Dice and the best distance.
    One,
    /// Not counted.
    #[default]
    Nan,
    /// The best Dice, and a distance that is not counted.
    Medpy,
}

impl EmptyPolicy {
    /// The Dice that a mean counts; `None` leaves it out.
    pub fn dice(self, dice: Option<f64>) -> Option<f64> {
        dice.or(match self {
            Self::Zero => Some(0.0),
            Self::One | Self::Medpy => Some(1.0),
            Self::Nan => None,
        })
    }

    /// The distance that a mean counts; `None` leaves it out.
    pub fn distance(self, distance: Option<f64>) -> Option<f64> {
        distance.or(match self {
            Self::Zero | Self::One => Some(0.0),
            Self::Nan | Self::Medpy => None,
        })
    }

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zero => "zero",
            Self::One => "one",
            Self::Nan => "nan",
            Self::Medpy => "medpy",
        }
    }
}

impl FromStr for EmptyPolicy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Zero, Self::One, Self::Nan, Self::Medpy]
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| format!("there is no policy {name:?}: choose zero, one, nan or medpy"))
    }
}
