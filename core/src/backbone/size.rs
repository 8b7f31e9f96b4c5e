//! Named sizes of the backbones.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

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

/// The one of `all` that is called `wanted`.
///
/// # Errors
/// When there is none; in one sentence that lists the names.
pub(super) fn find<T: Copy>(what: &str, wanted: &str, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|&one| name(one) == wanted);
    found.ok_or_else(|| {
        let names: Vec<&str> = all.iter().copied().map(name).collect();
        format!("there is no {what} {wanted:?}: choose {}", names.join(", "))
    })
}
