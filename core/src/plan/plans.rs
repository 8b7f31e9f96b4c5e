//! All configurations of a data set.

use super::patch::Task;
use super::{
    ChannelNormalization, Configuration, DatasetFacts, PlanError, Planner, Result, TargetSpacing, cascade,
    normalization,
};

/// The plans of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Plans {
    /// Spacing at full resolution and the order of axes. Configurations have the network's order.
    pub target: TargetSpacing,
    /// How each channel is normalized.
    pub normalization: Vec<ChannelNormalization>,
    /// Slices across the first axis (`2d`).
    pub slices: Configuration<2>,
    /// Full resolution (`3d_fullres`); `None` where the median case has one slice.
    pub full_resolution: Option<Configuration<3>>,
    /// Low resolution (`3d_lowres`), where a patch at full resolution sees little of a case. A cascade's second
    /// network (`3d_cascade_fullres`) is the one at full resolution with the first one's labels as further channels.
    pub low_resolution: Option<Configuration<3>>,
}

impl Planner {
    /// Plans for a data set.
    ///
    /// # Errors
    /// When there is no case, a case's grid is impossible, or the memory is too little for any network.
    pub fn plan(&self, facts: &DatasetFacts) -> Result<Plans> {
        facts.check()?;
        if self.gigabytes.is_nan() {
            return Err(PlanError::TooLittleMemory {
                gigabytes: self.gigabytes,
            });
        }
        let target = TargetSpacing::of(facts)?;
        let spacing = target.transposed(target.mm);
        let median_size = target.median_size(facts)?;
        let [depth, height, width] = median_size;
        let task = Task {
            spacing,
            median_size,
            dataset_voxels: depth * height * width * facts.cases.len() as f64,
            classes: facts.labels,
        };
        let slices = Task {
            spacing: [spacing[1], spacing[2]],
            median_size: [height, width],
            dataset_voxels: task.dataset_voxels,
            classes: task.classes,
        };
        let slices = slices.plan(self)?;
        let (mut full_resolution, mut low_resolution) = (None, None);
        if depth > 1.0 {
            let mut full = task.plan(self)?;
            low_resolution = cascade::low_resolution(&full, &task, self)?;
            full.batch_dice = low_resolution.is_some();
            full_resolution = Some(full);
        }
        Ok(Plans {
            target,
            normalization: normalization(facts),
            slices,
            full_resolution,
            low_resolution,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::CroppedGrid;
    use super::*;

    fn facts(size: [usize; 3], spacing: [f64; 3]) -> DatasetFacts {
        DatasetFacts {
            cases: vec![CroppedGrid { size, spacing }; 3],
            channels: vec!["CT".to_owned()],
            labels: 2,
            median_relative_size: 1.0,
        }
    }

    #[test]
    fn more_memory_gives_larger_patches() {
        let facts = facts([300, 300, 300], [1.0; 3]);
        let patch = |gigabytes| {
            let plans = Planner::DEFAULT.with_memory(gigabytes).plan(&facts).expect("plans");
            plans.full_resolution.expect("3D").topology.voxels()
        };
        assert!(patch(4.0) < patch(8.0) && patch(8.0) < patch(16.0));
    }

    #[test]
    fn what_cannot_be_planned_for_is_said() {
        let plan = |facts: &DatasetFacts, gigabytes| Planner::DEFAULT.with_memory(gigabytes).plan(facts);
        let good = facts([64; 3], [1.0; 3]);
        assert!(plan(&good, 8.0).is_ok());
        let none = DatasetFacts {
            cases: Vec::new(),
            ..good.clone()
        };
        assert_eq!(plan(&none, 8.0), Err(PlanError::NoCase));
        for bad in [
            facts([0, 9, 9], [1.0; 3]),
            facts([9; 3], [1.0, f64::NAN, 1.0]),
            facts([9; 3], [-1.0; 3]),
        ] {
            assert!(matches!(plan(&bad, 8.0), Err(PlanError::BadGrid { case: 1, .. })));
        }
        for little in [0.0, 1e-6, f64::NAN] {
            let found = plan(&good, little);
            assert!(matches!(found, Err(PlanError::TooLittleMemory { .. })), "{found:?}");
        }
    }

    #[test]
    fn strange_grids_end_as_well() {
        for size in [[1, 1, 1], [2, 1, 5000], [3, 40_000, 3], [1000, 1000, 1000], [5, 5, 5]] {
            for spacing in [[1.0; 3], [100.0, 0.01, 1.0], [0.001, 0.001, 50.0]] {
                for planner in [Planner::DEFAULT, Planner::RES_ENC_L] {
                    let plans = planner.plan(&facts(size, spacing)).expect("plans");
                    assert!(plans.slices.batch_size >= 2, "{size:?} {spacing:?}");
                }
            }
        }
    }
}
