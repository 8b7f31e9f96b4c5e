//! Patch and batch size for a budget of memory.

use std::collections::BTreeSet;

use super::{Encoder, FeatureMaps, PlanError, Planner, Result, Topology};

/// The smallest batch.
const SMALLEST_BATCH: f64 = 2.0;

/// One configuration of a plan, of three axes or of two (slices).
///
/// Source: nnU-Net 2.8.1, as described by Isensee et al. 2021 (Nature Methods 18) and measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Configuration<const AXES: usize> {
    /// Voxel sides in mm, in the network's order of axes.
    pub spacing: [f64; AXES],
    /// Median over the cases of the voxels along each axis at this spacing.
    pub median_size: [f64; AXES],
    /// Kernels, strides and the patch in voxels.
    pub topology: Topology<AXES>,
    /// Features, blocks and convolutions of each stage.
    pub feature_maps: FeatureMaps,
    /// Patches in a batch.
    pub batch_size: usize,
    /// Whether the Dice loss is taken of the whole batch and not of each patch.
    pub batch_dice: bool,
}

/// What a configuration is planned for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task<const AXES: usize> {
    /// Voxel sides in mm.
    pub spacing: [f64; AXES],
    /// Median voxels along each axis at this spacing.
    pub median_size: [f64; AXES],
    /// Voxels of all cases at this spacing, three axes in any case.
    pub dataset_voxels: f64,
    /// Entries of the list of labels.
    pub classes: usize,
}

impl<const AXES: usize> Task<AXES> {
    /// The largest patch and batch that the planner's memory holds.
    ///
    /// # Errors
    /// When no patch is small enough.
    pub fn plan(&self, planner: &Planner) -> Result<Configuration<AXES>> {
        let reference = planner.reference(AXES);
        let reference_batch = if AXES == 2 { 12.0 } else { 2.0 };
        // The plain planner compares two patches, the residual one a whole batch.
        let patches_compared = match planner.encoder {
            Encoder::Plain => SMALLEST_BATCH / reference_batch,
            Encoder::Residual => 1.0,
        };
        let mut topology = Topology::of(self.spacing, self.initial_patch());
        let mut values = self.values(planner, &topology);
        let mut tried = BTreeSet::new();
        while values * patches_compared > reference {
            // A patch that comes again would come forever.
            let smaller = self.reduced(&topology).filter(|_| tried.insert(topology.patch));
            topology = smaller.ok_or(PlanError::TooLittleMemory {
                gigabytes: planner.gigabytes,
            })?;
            values = self.values(planner, &topology);
        }
        let batch = (reference / values * reference_batch).round_ties_even();
        let most = (self.dataset_voxels * planner.dataset_share / topology.voxels()).round_ties_even();
        Ok(Configuration {
            spacing: self.spacing,
            median_size: self.median_size,
            feature_maps: FeatureMaps::planned(planner.encoder, topology.stages(), AXES),
            topology,
            batch_size: batch.min(most).max(SMALLEST_BATCH) as usize,
            batch_dice: AXES == 2,
        })
    }

    /// As many voxels as a cube of 256 or a square of 2048, as long in mm along each axis, but no axis longer than
    /// the median case.
    fn initial_patch(&self) -> [f64; AXES] {
        let voxels: f64 = if AXES == 2 {
            2048.0 * 2048.0
        } else {
            256.0 * 256.0 * 256.0
        };
        let density = self.spacing.map(|side| 1.0 / side);
        let scale = (voxels / density.iter().product::<f64>()).powf(1.0 / AXES as f64);
        let side = |axis: usize| (density[axis] * scale).round_ties_even().min(self.median_size[axis]);
        std::array::from_fn(side)
    }

    /// The topology with the next smaller patch: the axis that is longest for the median case, the last of equals,
    /// gets shorter by what its strides would be if it were shorter by its strides. An axis of which nothing would be
    /// left is passed over; `None` where all are.
    fn reduced(&self, topology: &Topology<AXES>) -> Option<Topology<AXES>> {
        let share = |axis: &usize| topology.patch[*axis] as f64 / self.median_size[*axis];
        let mut axes: Vec<usize> = (0..AXES).collect();
        axes.sort_by(|a, b| share(a).total_cmp(&share(b)));
        axes.into_iter().rev().find_map(|axis| {
            let without = |divisor: usize| {
                let mut patch = topology.patch;
                patch[axis] = patch[axis].checked_sub(divisor).filter(|&side| side > 0)?;
                Some(Topology::of(self.spacing, patch.map(|side| side as f64)))
            };
            let tried = without(topology.divisors()[axis])?;
            without(tried.divisors()[axis])
        })
    }

    fn values(&self, planner: &Planner, topology: &Topology<AXES>) -> f64 {
        FeatureMaps::planned(planner.encoder, topology.stages(), AXES).values(topology, self.classes)
    }
}
