//! Names by which networks are chosen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Network;

/// The networks that can be chosen by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backbone {
    /// UNETR (Hatamizadeh et al., 2022, arXiv 2103.10504).
    Unetr,
    /// SwinUNETR (Hatamizadeh et al., 2022, arXiv 2201.01266).
    SwinUnetr,
    /// nnFormer as trained on Synapse (Zhou et al., 2023, arXiv 2109.03201).
    Nnformer,
    /// nnFormer as trained on ACDC: flat tokens, for thick slices.
    NnformerAcdc,
    /// nnFormer as trained on brain tumours: cubic tokens.
    NnformerTumor,
    /// The 3D CNN of PCRLv2 (Zhou et al., 2023, arXiv 2301.00772).
    Pcrlv2,
}

impl Backbone {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Unetr,
        Self::SwinUnetr,
        Self::Nnformer,
        Self::NnformerAcdc,
        Self::NnformerTumor,
        Self::Pcrlv2,
    ];

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unetr => "unetr",
            Self::SwinUnetr => "swin-unetr",
            Self::Nnformer => "nnformer",
            Self::NnformerAcdc => "nnformer-acdc",
            Self::NnformerTumor => "nnformer-tumor",
            Self::Pcrlv2 => "pcrlv2",
        }
    }

    /// The name as papers write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unetr => "UNETR",
            Self::SwinUnetr => "SwinUNETR",
            Self::Nnformer => "nnFormer",
            Self::NnformerAcdc => "nnFormer ACDC",
            Self::NnformerTumor => "nnFormer tumour",
            Self::Pcrlv2 => "PCRLv2",
        }
    }
}

impl Backbone {
    /// Parameters of a named size for one channel, three classes and a small patch.
    pub fn parameters(self, size: Size) -> usize {
        let [tiny, small, paper] = match self {
            Self::Unetr => [2_440_000, 8_900_000, 102_000_000],
            Self::SwinUnetr => [1_800_000, 15_700_000, 62_200_000],
            Self::Nnformer => [2_400_000, 9_400_000, 150_000_000],
            Self::NnformerAcdc => [2_400_000, 9_400_000, 37_200_000],
            Self::NnformerTumor => [2_400_000, 9_400_000, 37_700_000],
            Self::Pcrlv2 => [1_200_000, 4_700_000, 16_800_000],
        };
        match size {
            Size::Tiny => tiny,
            Size::Small => small,
            Size::Paper => paper,
        }
    }

    /// How fast it is beside the others, in words.
    pub fn pace(self) -> &'static str {
        match self {
            Self::Unetr => "quick",
            Self::SwinUnetr => "the slowest of the four",
            Self::Nnformer | Self::NnformerAcdc | Self::NnformerTumor => "quick, coarse tokens",
            Self::Pcrlv2 => "slower than UNETR at the same size",
        }
    }
}

/// Named sizes of a backbone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Size {
    /// Under 3 million parameters: trains in a browser on an integrated GPU.
    Tiny,
    /// 4 to 16 million parameters: trains on a CPU or a small GPU.
    Small,
    /// The size of the MedContext paper.
    Paper,
}

impl Size {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Small, Self::Paper];

    /// The name in commands and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Paper => "paper",
        }
    }
}

impl Network {
    /// The named size whose numbers are its own.
    pub fn size(&self) -> Option<Size> {
        let named = |size: &Size| Self::new(self.backbone(), *size);
        Size::ALL.into_iter().find(|size| named(size) == *self)
    }

    /// Backbone and size as commands have them, "unetr tiny"; the backbone alone where the size has no name.
    pub fn title(&self) -> String {
        match self.size() {
            Some(size) => format!("{} {size}", self.backbone()),
            None => self.backbone().to_string(),
        }
    }

    /// The numbers in which this network and another of the same backbone are not the same: name, this
    /// one's, the other's.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let numbers = |network: &Self| match serde_json::to_value(network) {
            Ok(serde_json::Value::Object(numbers)) => numbers,
            _ => serde_json::Map::new(),
        };
        let (own, others) = (numbers(self), numbers(other));
        let text = |value: Option<&serde_json::Value>| {
            value.map_or_else(|| "none".to_owned(), ToString::to_string)
        };
        own.iter()
            .filter(|&(name, value)| others.get(name) != Some(value))
            .map(|(name, value)| (name.clone(), text(Some(value)), text(others.get(name))))
            .collect()
    }
}

impl fmt::Display for Backbone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backbone {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        find("backbone", name, &Self::ALL, Self::name)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        find("size", name, &Self::ALL, Self::name)
    }
}

fn find<T: Copy>(
    what: &str,
    wanted: &str,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == wanted);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().copied().map(name).collect();
        format!("there is no {what} {wanted:?}: choose {}", names.join(", "))
    })
}
