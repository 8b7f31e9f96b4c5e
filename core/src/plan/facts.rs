//! What a plan is made from.

use super::{PlanError, Result};
use crate::dataset::CaseFingerprint;
use crate::statistics::median;

/// A case's grid after cropping to the box of nonzero voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CroppedGrid {
    /// Voxels along each axis, `[depth, height, width]`.
    pub size: [usize; 3],
    /// Their sides in mm, `[depth, height, width]`.
    pub spacing: [f64; 3],
}

/// Facts of a data set that nnU-Net's rules look at: those of its fingerprint and its `dataset.json`.
#[derive(Clone, Debug, PartialEq)]
pub struct DatasetFacts {
    /// The training cases, in any order.
    pub cases: Vec<CroppedGrid>,
    /// Name of each channel, such as `CT` or `T1`.
    pub channels: Vec<String>,
    /// Number of entries of the list of labels; background counts, and so does an ignore label.
    pub labels: usize,
    /// Median over the cases of the share of a volume that cropping leaves, from 0 to 1
    /// (`median_relative_size_after_cropping`).
    pub median_relative_size: f64,
}

impl DatasetFacts {
    /// The facts of training cases with these names of channels and so many labels, background included.
    ///
    /// # Errors
    /// When there is no case, or one whose fingerprint has no facts of its voxels.
    pub fn of(cases: &[CaseFingerprint], channels: Vec<String>, labels: usize) -> Result<Self> {
        let mut grids = Vec::new();
        let mut shares = Vec::new();
        for case in cases {
            let facts = case.facts.as_ref();
            let facts = facts.ok_or_else(|| PlanError::NoFacts(case.id.clone()))?;
            grids.push(CroppedGrid {
                size: facts.nonzero.size,
                spacing: case.spacing,
            });
            shares.push(facts.nonzero_share);
        }
        Ok(Self {
            cases: grids,
            channels,
            labels,
            median_relative_size: median(shares).ok_or(PlanError::NoCase)?,
        })
    }

    /// Checks that there are cases and that their grids can be.
    ///
    /// # Errors
    /// When not.
    pub(super) fn check(&self) -> Result<()> {
        if self.cases.is_empty() {
            return Err(PlanError::NoCase);
        }
        let possible = |case: &CroppedGrid| {
            let sides = case.spacing.iter().all(|side| side.is_normal() && *side > 0.0);
            sides && case.size.iter().all(|&voxels| voxels > 0)
        };
        match self.cases.iter().position(|case| !possible(case)) {
            None => Ok(()),
            Some(index) => Err(PlanError::BadGrid {
                case: index + 1,
                size: format!("{:?}", self.cases[index].size),
                spacing: format!("{:?}", self.cases[index].spacing),
            }),
        }
    }
}
