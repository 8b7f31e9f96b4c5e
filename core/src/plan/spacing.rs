//! The spacing that a data set is resampled to, and the order of its axes.

use super::{DatasetFacts, PlanError, Result};
use crate::statistics::{median, per_axis, percentile};

/// A spacing, and a number of voxels, this many times that of the other axes' is anisotropic.
const ANISOTROPY: f64 = 3.0;

/// The percentile of the spacings that the coarse axis of an anisotropic data set gets.
const COARSE_PERCENTILE: f64 = 10.0;

/// The spacing that all cases are resampled to, and the order that their axes are brought into.
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TargetSpacing {
    /// Voxel sides in mm, in the data set's own order of axes.
    pub mm: [f64; 3],
    /// Which of the data set's axes each axis of the network's is: the coarsest first (`transpose_forward`).
    pub transpose_forward: [usize; 3],
}

impl TargetSpacing {
    /// The median spacing of the cases. Where one axis is anisotropic, in spacing and in voxels, it gets the 10th
    /// percentile of its spacings instead, but stays the coarsest.
    ///
    /// # Errors
    /// When there is no case.
    pub fn of(facts: &DatasetFacts) -> Result<Self> {
        let spacings: Vec<[f64; 3]> = facts.cases.iter().map(|case| case.spacing).collect();
        let sizes: Vec<[f64; 3]> = facts
            .cases
            .iter()
            .map(|case| case.size.map(|size| size as f64))
            .collect();
        let mut mm = per_axis(&spacings, median).ok_or(PlanError::NoCase)?;
        let size = per_axis(&sizes, median).ok_or(PlanError::NoCase)?;
        let coarse = largest(mm);
        let others = others(coarse);
        let finer = mm[others[0]].max(mm[others[1]]);
        let fewest = size[others[0]].min(size[others[1]]);
        if mm[coarse] > ANISOTROPY * finer && ANISOTROPY * size[coarse] < fewest {
            let mut along: Vec<f64> = spacings.iter().map(|spacing| spacing[coarse]).collect();
            let low = percentile(&mut along, COARSE_PERCENTILE).ok_or(PlanError::NoCase)?;
            mm[coarse] = if low < finer { finer + 1e-5 } else { low };
        }
        Ok(Self {
            mm,
            transpose_forward: first(largest(mm)),
        })
    }

    /// Values along the data set's axes, in the order of the network's.
    pub fn transposed<T: Copy>(&self, values: [T; 3]) -> [T; 3] {
        self.transpose_forward.map(|axis| values[axis])
    }

    /// Which of the network's axes each axis of the data set's is (`transpose_backward`).
    pub fn transpose_backward(&self) -> [usize; 3] {
        let mut backward = [0; 3];
        for (axis, own) in self.transpose_forward.into_iter().enumerate() {
            backward[own] = axis;
        }
        backward
    }

    /// Median over the cases of the voxels along each axis after resampling, in the network's order of axes. Of an
    /// even number of cases a half may remain.
    ///
    /// # Errors
    /// When there is no case.
    pub fn median_size(&self, facts: &DatasetFacts) -> Result<[f64; 3]> {
        let resampled = facts.cases.iter().map(|case| {
            let along = |axis: usize| case.spacing[axis] / self.mm[axis] * case.size[axis] as f64;
            // A side of no voxel cannot be planned for.
            [0, 1, 2].map(|axis| along(axis).round_ties_even().max(1.0))
        });
        let sizes: Vec<[f64; 3]> = resampled.collect();
        Ok(self.transposed(per_axis(&sizes, median).ok_or(PlanError::NoCase)?))
    }
}

/// The first axis with the largest value.
pub(super) fn largest(values: [f64; 3]) -> usize {
    let mut found = 0;
    for axis in 1..3 {
        if values[axis] > values[found] {
            found = axis;
        }
    }
    found
}

/// This axis, then the others in order.
fn first(axis: usize) -> [usize; 3] {
    let [a, b] = others(axis);
    [axis, a, b]
}

/// The other two axes in order.
fn others(axis: usize) -> [usize; 2] {
    match axis {
        0 => [1, 2],
        1 => [0, 2],
        _ => [0, 1],
    }
}

#[cfg(test)]
mod tests {
    use super::super::facts::CroppedGrid;
    use super::*;

    fn target(cases: &[([usize; 3], [f64; 3])]) -> TargetSpacing {
        let cases = cases.iter().map(|&(size, spacing)| CroppedGrid { size, spacing });
        let facts = DatasetFacts {
            cases: cases.collect(),
            channels: vec!["CT".to_owned()],
            labels: 2,
            median_relative_size: 1.0,
        };
        TargetSpacing::of(&facts).expect("a spacing")
    }

    #[test]
    fn the_coarse_axis_of_an_anisotropic_set_gets_a_finer_spacing() {
        let thick = ([10, 200, 200], [10.0, 1.5, 1.5]);
        let thin = ([20, 200, 200], [5.0, 1.5, 1.5]);
        let ten = [[thin; 2].as_slice(), &[thick; 9]].concat();
        assert_eq!(target(&ten).mm, [5.0, 1.5, 1.5]);
        // As many slices as a third of the rows: not anisotropic in voxels.
        let deep = [
            [([20, 60, 200], [5.0, 1.5, 1.5]); 2].as_slice(),
            &[([20, 60, 200], [10.0, 1.5, 1.5]); 9],
        ]
        .concat();
        assert_eq!(target(&deep).mm, [10.0, 1.5, 1.5]);
        // The percentile is finer than the other axes: the axis stays the coarsest.
        let mixed = [[([99, 400, 400], [1.0, 1.5, 1.5]); 3].as_slice(), &[thick; 8]].concat();
        assert_eq!(target(&mixed).mm, [1.5 + 1e-5, 1.5, 1.5]);
    }

    #[test]
    fn the_coarsest_axis_comes_first_and_the_first_of_equals() {
        let found = target(&[([64, 64, 64], [1.0, 2.0, 3.0])]);
        assert_eq!(
            (found.transpose_forward, found.transpose_backward()),
            ([2, 0, 1], [1, 2, 0])
        );
        assert_eq!(found.transposed(['a', 'b', 'c']), ['c', 'a', 'b']);
        assert_eq!(target(&[([64, 64, 64], [1.0, 2.0, 2.0])]).transpose_forward, [1, 0, 2]);
        assert_eq!(target(&[([64, 64, 64], [1.0; 3])]).transpose_forward, [0, 1, 2]);
    }
}
