//! Plans of a data set: spacing, normalization, patch, batch and network, by the rules of nnU-Net's planners from
//! facts that are measured in its cases.
//!
//! [`DatasetFacts`] are the fingerprints' facts with the names of channels. A [`Planner`] first chooses a
//! [`TargetSpacing`], then, for each [`Configuration`], the largest patch whose [`FeatureMaps`] fit into memory with
//! the [`Topology`] that follows from it, and the batch that is left room for. Where a patch sees little of a case, a
//! configuration at low resolution comes first. All is pure arithmetic: no voxel is read here.
//!
//! The rules are those of nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18, 203–211) and 2024
//! (MICCAI; residual encoders) and measured on made-up data sets: its plans come out to the last number
//! (`tests/data/planner.rs`). nnU-Net's second stage and the choice among configurations are not planned;
//! [`TrainingPlan`] has two stages of its own.
//!
//! ```
//! use medcontext_core::plan::{CroppedGrid, DatasetFacts, Planner};
//!
//! let scan = CroppedGrid { size: [35, 50, 34], spacing: [1.0, 1.0, 1.0] };
//! let facts = DatasetFacts {
//!     cases: vec![scan; 20],
//!     channels: vec!["T1".to_owned()],
//!     labels: 3,
//!     median_relative_size: 1.0,
//! };
//! let plans = Planner::DEFAULT.plan(&facts)?;
//! let network = plans.full_resolution.ok_or("slices alone")?;
//! assert_eq!(network.topology.patch, [40, 56, 40]);
//! assert_eq!(network.topology.stages(), 4);
//! assert!(plans.low_resolution.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod augmentation;
mod budget;
mod cascade;
mod continued;
mod decision;
mod edits;
mod error;
mod facts;
mod feasible;
mod feature_maps;
mod measured;
mod mirroring;
mod modality;
mod normalization;
mod patch;
mod planner;
mod plans;
mod resolution;
mod spacing;
mod speed;
mod stages;
mod structures;
mod topology;
mod training;

#[cfg(test)]
mod tests;

pub use budget::{Budget, Memory};
pub use continued::continued;
pub use decision::Decision;
pub use edits::{Edits, is_edited, shared_by_stages};
pub use error::PlanError;
pub use facts::{CroppedGrid, DatasetFacts};
pub use feasible::{Infeasible, check};
pub use feature_maps::{Encoder, FeatureMaps};
pub use measured::MeasuredPlan;
pub use modality::Modality;
pub use normalization::{ChannelNormalization, NormalizationScheme, normalization};
pub use patch::Configuration;
pub use planner::Planner;
pub use plans::Plans;
pub use resolution::Resolution;
pub use spacing::TargetSpacing;
pub use speed::{MeasuredStep, Speed};
pub use topology::Topology;
pub use training::{TrainingPlan, learning_rate, set_learning_rate};

/// Result with a [`PlanError`].
pub type Result<T> = std::result::Result<T, PlanError>;
