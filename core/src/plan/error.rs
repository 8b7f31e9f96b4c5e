//! Why no plan can be made.

use crate::dataset::DatasetError;

/// A data set that cannot be planned for, one plain sentence and what to do about it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// No case.
    #[error("there is no case to plan for; add at least one with a label map")]
    NoCase,
    /// A case whose voxels were not looked at.
    #[error("the fingerprint of case {0} is of an earlier version and says nothing of its voxels; read the case again")]
    NoFacts(String),
    /// Cases that do not go together.
    #[error(transparent)]
    Cases(#[from] DatasetError),
    /// A grid that cannot be.
    #[error(
        "case {case} has {size} voxels of {spacing} mm; every side must have at least one voxel and a length above 0"
    )]
    BadGrid {
        /// Which case, counted from 1.
        case: usize,
        /// Voxels along each axis.
        size: String,
        /// Their sides in mm.
        spacing: String,
    },
    /// A budget that is none.
    #[error("{0} minutes of training cannot be planned for; give a number above 0 and below a million")]
    NoBudget(f64),
    /// A budget below what the smallest network takes.
    #[error("no patch is small enough for {gigabytes} GB of memory; plan for more")]
    TooLittleMemory {
        /// What was planned for.
        gigabytes: f64,
    },
}
