//! A decision of a plan, with its reason.

use std::fmt;

use serde::Serialize;

/// One setting that was chosen for a data set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Decision {
    /// The setting, as in the configuration: `preprocessing.spacing`.
    pub setting: &'static str,
    /// Its value in a few words: `3.5 × 3.5 × 7.7 mm`.
    pub value: String,
    /// Why, one sentence.
    pub reason: String,
}

impl Decision {
    /// A decision.
    pub fn new(setting: &'static str, value: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            setting,
            value: value.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.setting, self.value, self.reason)
    }
}

/// Three sides in mm, in the order of the network's axes.
pub(super) fn millimeters(mm: [f64; 3]) -> String {
    let sides = mm.map(|side| format!("{:.3}", side));
    let sides = sides.map(|side| side.trim_end_matches('0').trim_end_matches('.').to_owned());
    format!("{} mm", sides.join(" × "))
}

/// Three numbers of voxels, in the same order.
pub(super) fn voxels(size: [usize; 3]) -> String {
    format!("{} × {} × {} voxels", size[0], size[1], size[2])
}
