//! How cases are measured.

use serde::{Deserialize, Serialize};

use super::{EmptyPolicy, Hausdorff};

/// How an evaluation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Protocol {
    /// The form of HD95.
    pub hd95: Hausdorff,
    /// How empty masks count in means. Cases keep undefined values as such.
    pub empty: EmptyPolicy,
    /// Tolerance of surface Dice in mm.
    pub tolerance_mm: f64,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            hd95: Hausdorff::default(),
            empty: EmptyPolicy::default(),
            tolerance_mm: 2.0,
        }
    }
}

impl Protocol {
    /// What is wrong with it, in one sentence; `None` if nothing is.
    pub fn problem(&self) -> Option<String> {
        let tolerance = self.tolerance_mm;
        (!(tolerance >= 0.0 && tolerance.is_finite()))
            .then(|| format!("a tolerance of {tolerance} mm cannot work: choose 0 or more"))
    }

    /// How it is measured, in words.
    pub fn describe(&self) -> String {
        format!(
            "HD95 {}, surface Dice within {} mm, empty masks {}",
            self.hd95.name(),
            self.tolerance_mm,
            self.empty.name()
        )
    }
}
