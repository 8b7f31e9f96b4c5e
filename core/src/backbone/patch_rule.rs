//! Which patch sizes a network accepts.

use std::fmt;

/// Valid patch sizes in voxels: `smallest` plus any multiple of `step` along each axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatchRule {
    /// The smallest patch.
    pub smallest: [usize; 3],
    /// Increment of each side.
    pub step: [usize; 3],
}

impl PatchRule {
    /// Every side a multiple of a number.
    pub fn multiples(of: [usize; 3]) -> Self {
        Self { smallest: of, step: of }
    }

    /// Whether `patch` obeys the rule.
    pub fn fits(&self, patch: [usize; 3]) -> bool {
        (0..3).all(|axis| {
            let more = patch[axis].checked_sub(self.smallest[axis]);
            more.is_some_and(|more| more.is_multiple_of(self.step[axis]))
        })
    }

    /// The largest patch within `wanted`; the smallest one where even that is larger.
    pub fn nearest(&self, wanted: [usize; 3]) -> [usize; 3] {
        std::array::from_fn(|axis| {
            let (smallest, step) = (self.smallest[axis], self.step[axis]);
            smallest + wanted[axis].saturating_sub(smallest) / step * step
        })
    }

    /// The next smaller patch along the axis with the largest `extent` of those where it is not the smallest yet, the
    /// first of several; `None` where there is none.
    pub fn next_shorter(&self, patch: [usize; 3], extent: [f64; 3]) -> Option<[usize; 3]> {
        let mut axes = [0, 1, 2];
        axes.sort_by(|&a, &b| extent[b].total_cmp(&extent[a]));
        axes.into_iter().find_map(|axis| self.shorter(patch, axis))
    }

    /// The next smaller patch along one axis; `None` where it is the smallest there.
    fn shorter(&self, patch: [usize; 3], axis: usize) -> Option<[usize; 3]> {
        let mut wanted = patch;
        wanted[axis] = wanted[axis].saturating_sub(1);
        let shorter = self.nearest(wanted);
        (shorter[axis] < patch[axis]).then_some(shorter)
    }
}

/// What to do, as the end of a sentence.
impl fmt::Display for PatchRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { smallest, step } = self;
        if smallest == step {
            write!(f, "make each side a multiple of {step:?}")
        } else {
            write!(f, "start from {smallest:?} and add multiples of {step:?}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PatchRule;

    #[test]
    fn the_nearest_patch_fits_and_is_not_larger_than_wanted() {
        let acdc = PatchRule {
            smallest: [6, 32, 32],
            step: [4, 32, 32],
        };
        assert!(acdc.fits([14, 160, 160]));
        assert!(!acdc.fits([16, 160, 160]));
        assert!(!acdc.fits([2, 32, 32]));
        assert_eq!(acdc.nearest([35, 50, 36]), [34, 32, 32]);
        assert_eq!(acdc.nearest([1, 1, 1]), [6, 32, 32]);
        assert_eq!(PatchRule::multiples([16; 3]).nearest([35, 50, 15]), [32, 48, 16]);
    }

    #[test]
    fn the_axis_of_the_largest_extent_is_shortened_first() {
        let rule = PatchRule::multiples([16; 3]);
        assert_eq!(rule.next_shorter([32, 48, 64], [1.0, 3.0, 2.0]), Some([32, 32, 64]));
        // Nothing is left along the second axis; of equal ones the first is taken.
        assert_eq!(rule.next_shorter([32, 16, 32], [2.0, 3.0, 2.0]), Some([16, 16, 32]));
        assert_eq!(rule.next_shorter([16, 16, 16], [1.0, 2.0, 3.0]), None);
    }
}
