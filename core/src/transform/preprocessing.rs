//! Everything that is done to a case before patches are sampled, and to every image that the network sees later.

use serde::{Deserialize, Serialize};

use super::{Crop, Normalization, Spacing};
use crate::volume::AxisOrder;

/// Preprocessing of a case. It is stored with the weights, because a network must be given what it was trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preprocessing {
    /// Which anatomical axes depth, height and width are.
    pub axes: AxisOrder,
    /// Normalization of intensities.
    #[serde(alias = "normalisation")]
    pub normalization: Normalization,
    /// Spacing to resample to; `None` keeps the image's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spacing: Option<Spacing>,
    /// Which part is kept (foreground crop).
    #[serde(skip_serializing_if = "is_whole")]
    pub crop: Crop,
}

fn is_whole(crop: &Crop) -> bool {
    *crop == Crop::None
}

impl Preprocessing {
    /// The tensor axis that runs across slices: that of the longest voxel side where the spacing is known, since scans
    /// are not always sliced from head to foot; else, or where no side is longer, the one that the order of axes says.
    pub fn slice_axis(&self) -> usize {
        let ordered = self.axes.slice_axis();
        let Some(Spacing { mm, .. }) = self.spacing else {
            return ordered;
        };
        (0..3).fold(ordered, |thickest, axis| match mm[axis] > mm[thickest] {
            true => axis,
            false => thickest,
        })
    }

    /// Why it is invalid, one sentence that names the setting.
    pub(crate) fn problem(&self) -> Option<String> {
        if let Some(problem) = self.normalization.problem() {
            return Some(format!("preprocessing.normalization {problem}"));
        }
        let mm = self.spacing?.mm;
        let usable = mm.iter().all(|side| (0.01..=1000.0).contains(side));
        (!usable).then(|| format!("preprocessing.spacing is {mm:?} mm: choose sides from 0.01 to 1000 mm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::Resampling;

    #[test]
    fn slices_lie_across_the_longest_side_of_a_voxel() {
        let axis = |axes, mm: Option<[f64; 3]>| {
            let rule = Resampling::NnUnet;
            let spacing = mm.map(|mm| Spacing { mm, rule });
            let preprocessing = Preprocessing {
                axes,
                spacing,
                ..Preprocessing::default()
            };
            preprocessing.slice_axis()
        };
        assert_eq!(axis(AxisOrder::Zyx, Some([5.0, 1.0, 1.0])), 0);
        // A sagittal scan of a knee, a coronal one.
        assert_eq!(axis(AxisOrder::Zyx, Some([0.6, 0.6, 3.0])), 2);
        assert_eq!(axis(AxisOrder::Xyz, Some([0.6, 3.0, 0.6])), 1);
        for mm in [None, Some([1.0; 3])] {
            assert_eq!([axis(AxisOrder::Zyx, mm), axis(AxisOrder::Xyz, mm)], [0, 2]);
        }
    }
}
