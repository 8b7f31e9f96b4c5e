//! The low resolution that a cascade begins with.

use super::patch::Task;
use super::spacing::largest;
use super::{Configuration, Planner, Result};

/// A low resolution is planned where a patch at full resolution sees less than this share of the median case.
const PATCH_SHARE: f64 = 0.25;

/// The spacing grows by this factor until a patch sees enough.
const GROWTH: f64 = 1.03;

/// Axes that are this many times finer than the coarsest grow first.
const FINER: f64 = 2.0;

/// The full resolution has at least this many times the voxels of the low one, or none is planned.
const WORTHWHILE: f64 = 2.0;

/// The configuration at low resolution (`3d_lowres`) that a cascade begins with; `None` where full resolution sees
/// enough of a case, or nearly.
///
/// # Errors
/// When no patch is small enough for the planner's memory.
pub(super) fn low_resolution(
    full: &Configuration<3>,
    task: &Task<3>,
    planner: &Planner,
) -> Result<Option<Configuration<3>>> {
    let mut share = full.topology.voxels() / voxels(task.median_size);
    let mut found = None;
    let mut spacing = full.spacing;
    while share < PATCH_SHARE {
        spacing = coarser(spacing);
        // Voxels are counted before sides are rounded.
        let size = [0, 1, 2].map(|axis| full.spacing[axis] / spacing[axis] * task.median_size[axis]);
        // A side of no voxel cannot be planned for.
        let median_size = size.map(|side| side.round_ties_even().max(1.0));
        let low = Task {
            spacing,
            median_size,
            dataset_voxels: task.dataset_voxels * voxels(size) / voxels(task.median_size),
            ..*task
        };
        let plan = low.plan(planner)?;
        share = plan.topology.voxels() / voxels(size);
        found = Some((plan, voxels(size)));
    }
    let worthwhile = found.filter(|(_, low)| voxels(task.median_size) / low >= WORTHWHILE);
    Ok(worthwhile.map(|(plan, _)| plan))
}

/// The next coarser spacing: axes much finer than the coarsest grow while there are any, then all.
fn coarser(spacing: [f64; 3]) -> [f64; 3] {
    let coarsest = spacing[largest(spacing)];
    let finer = spacing.map(|side| coarsest / side > FINER);
    let all = !finer.contains(&true);
    [0, 1, 2].map(|axis| {
        if all || finer[axis] {
            spacing[axis] * GROWTH
        } else {
            spacing[axis]
        }
    })
}

fn voxels(size: [f64; 3]) -> f64 {
    size.iter().product()
}

#[cfg(test)]
mod tests {
    use super::coarser;

    #[test]
    fn fine_axes_grow_first() {
        assert_eq!(coarser([2.5, 1.0, 1.3]), [2.5, 1.03, 1.3]);
        assert_eq!(coarser([2.0, 1.0, 1.5]), [2.0 * 1.03, 1.03, 1.5 * 1.03]);
    }
}
