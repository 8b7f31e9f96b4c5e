//! Voxel size and patch for a budget: what a patch can see decides where minutes are few.

use super::Budget;
use crate::train::TrainConfig;

/// The share of the median case that a patch is to cover. At half, organs that are told apart by where they lie are.
const COVER: f64 = 0.6;

/// The smallest structure keeps at least so many voxels: a cube of five.
pub(super) const FEWEST_VOXELS: f64 = 125.0;

/// Seconds of a training step that are worth waiting for: about half of one in a run of ten minutes, so that it has
/// 1,100 steps. Five scans of abdomen-mr taught more in 1,080 steps at 7 mm (Dice 0.84) than in 626 at 4 mm (0.77),
/// which took as long; and in half an hour more in 1,950 steps at 4 mm (0.86) than in 981 at 3 mm (0.78).
const STEP_SHARE: f64 = 1.0 / 1100.0;
const LONGEST_STEP_SECONDS: f64 = 1.0;

/// Runs longer than these minutes, which have not been tried, take longer steps and more of them alike.
const LONG_MINUTES: f64 = 30.0;

/// Voxels grow by this factor until a patch sees enough.
const GROWTH: f64 = 1.03;

/// Voxel size and patch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Resolution {
    /// Voxel sides in mm, `[depth, height, width]`.
    pub mm: [f64; 3],
    /// Patch in voxels.
    pub patch: [usize; 3],
    /// The share of the median case that the patch covers, from 0 to 1.
    pub coverage: f64,
    /// Whether the voxels are larger than the scans'.
    pub coarser: bool,
    /// Whether they would be larger still, were the smallest structure not lost in them.
    pub at_limit: bool,
}

/// What a resolution is chosen for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// The spacing at full resolution in mm, `[depth, height, width]`.
    pub mm: [f64; 3],
    /// Voxels of the median case at that spacing.
    pub size: [f64; 3],
    /// Median volume of a typical piece of the smallest label in mm³.
    pub smallest: f64,
    /// Channels and outputs of the network.
    pub channels: usize,
    pub outputs: usize,
}

impl Resolution {
    /// The finest voxels whose patch covers enough of a case, within what a step may cost; no coarser than the
    /// smallest structure allows.
    pub(super) fn choose(field: &Field, config: &TrainConfig, budget: &Budget) -> Self {
        let mut mm = field.mm;
        loop {
            let (found, limited) = Self::at(mm, field, config, budget);
            let larger = larger(mm);
            let vanishes = field.smallest / larger.iter().product::<f64>() < FEWEST_VOXELS;
            if !limited || found.coverage >= COVER {
                return found;
            }
            if vanishes {
                return Self {
                    at_limit: true,
                    ..found
                };
            }
            mm = larger;
        }
    }

    /// The patch at this voxel size, and whether the budget made it smaller than a case.
    fn at(mm: [f64; 3], field: &Field, config: &TrainConfig, budget: &Budget) -> (Self, bool) {
        let size = [0, 1, 2].map(|axis| (field.size[axis] * field.mm[axis] / mm[axis]).max(1.0));
        let rule = config.resolved_network().patch_rule();
        let longest = longest_step(budget.minutes);
        let mut config = config.clone();
        // To the nearest size that the network takes: a little of a case may be padded, or left to other patches.
        let whole = [0, 1, 2].map(|axis| size[axis].round() as usize + rule.step[axis] / 2);
        config.patch = rule.nearest(whole);
        let mut limited = false;
        let costs_too_much = |config: &TrainConfig| {
            budget.step_seconds(config, field.channels, field.outputs) > longest
                || config.training_bytes() > budget.memory
        };
        while costs_too_much(&config) {
            let Some(patch) = shorter(&config, size) else { break };
            config.patch = patch;
            limited = true;
        }
        let covered = |axis: usize| (config.patch[axis] as f64 / size[axis]).min(1.0);
        let found = Self {
            mm,
            patch: config.patch,
            coverage: (0..3).map(covered).product(),
            coarser: mm != field.mm,
            at_limit: false,
        };
        (found, limited)
    }
}

/// Seconds that a step may take in a run of these minutes.
fn longest_step(minutes: f64) -> f64 {
    let longest = LONGEST_STEP_SECONDS * (minutes / LONG_MINUTES).max(1.0).sqrt();
    (60.0 * minutes * STEP_SHARE).min(longest)
}

/// The next larger voxels: sides shorter than the longest grow while there are any, then all.
fn larger(mm: [f64; 3]) -> [f64; 3] {
    let longest = mm.into_iter().fold(0.0, f64::max);
    let shorter = mm.map(|side| side * GROWTH <= longest);
    let all = !shorter.contains(&true);
    [0, 1, 2].map(|axis| {
        if all || shorter[axis] {
            mm[axis] * GROWTH
        } else {
            mm[axis]
        }
    })
}

/// The patch that is shorter along the axis of which it covers most; `None` where no axis can be.
fn shorter(config: &TrainConfig, size: [f64; 3]) -> Option<[usize; 3]> {
    let rule = config.resolved_network().patch_rule();
    let covered = [0, 1, 2].map(|axis| config.patch[axis] as f64 / size[axis]);
    rule.next_shorter(config.patch, covered)
}
