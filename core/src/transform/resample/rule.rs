//! Where voxels lie after a change of spacing, by MONAI's or nnU-Net's rule.

use serde::{Deserialize, Serialize};

use super::Interpolation;

/// Spacing that a volume is resampled to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "[depth, height, width] in mm")]
pub struct Spacing {
    /// Along [depth, height, width], in mm.
    pub mm: [f64; 3],
    /// Whose rule.
    #[serde(default)]
    pub rule: Resampling,
}

/// Whose rule of resampling.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resampling {
    /// As `Spacing` of MONAI 1.5: the first voxels of both grids coincide; images are interpolated
    /// linearly, labels are those of the nearest voxel. A sheared grid keeps its axes.
    #[default]
    Monai,
    /// As nnU-Net 1's preprocessing: the outer borders of both grids coincide; images are interpolated
    /// by cubic splines within their range, labels one by one and linearly (at least 0.5 wins). Where
    /// one axis is more than three times as coarse as another, it is resampled by nearest neighbors.
    NnUnet,
}

/// From this ratio of voxel sizes on, nnU-Net resamples an axis separately.
const ANISOTROPY: f64 = 3.0;

impl Resampling {
    /// New size of an axis of `size` voxels when their length changes from `from` to `to` mm.
    pub(crate) fn size(self, size: usize, from: f64, to: f64) -> usize {
        let count = match self {
            Self::Monai => (size.saturating_sub(1) as f64 * from / to + 1.0).round_ties_even(),
            Self::NnUnet => (size as f64 * from / to).round_ties_even(),
        };
        (count as usize).max(1)
    }

    /// Positions of `new` voxels on an axis of `old` voxels, in old voxels from 0; `scale` is the new voxel size
    /// divided by the old.
    pub(crate) fn positions(self, old: usize, new: usize, scale: f64) -> Vec<f64> {
        let position = |index: usize| match self {
            Self::Monai => index as f64 * scale,
            Self::NnUnet => (index as f64 + 0.5) * old as f64 / new as f64 - 0.5,
        };
        (0..new).map(position).collect()
    }

    /// The voxel nearest to a position; halfway, MONAI takes the even one and nnU-Net the second.
    pub(crate) fn nearest(self, position: f64) -> f64 {
        match self {
            Self::Monai => position.round_ties_even(),
            Self::NnUnet => (position + 0.5).floor(),
        }
    }

    /// How images are interpolated along each axis.
    pub(crate) fn of_images(self, from: [f64; 3], to: [f64; 3]) -> [Interpolation; 3] {
        match self {
            Self::Monai => [Interpolation::Linear; 3],
            Self::NnUnet => apart(Interpolation::Cubic, self.axis_apart(from, to)),
        }
    }

    /// How logits, and labels one by one, are interpolated along each axis.
    pub(crate) fn of_classes(self, from: [f64; 3], to: [f64; 3]) -> [Interpolation; 3] {
        apart(Interpolation::Linear, self.axis_apart(from, to))
    }

    /// The coarse axis that is resampled by nearest neighbors, if there is one.
    pub(crate) fn axis_apart(self, from: [f64; 3], to: [f64; 3]) -> Option<usize> {
        if self == Self::Monai {
            return None;
        }
        let largest = |mm: [f64; 3]| mm.into_iter().fold(0.0, f64::max);
        let smallest = |mm: [f64; 3]| mm.into_iter().fold(f64::INFINITY, f64::min);
        let coarse = [from, to]
            .into_iter()
            .find(|&mm| largest(mm) / smallest(mm) > ANISOTROPY)?;
        let mut axes = (0..3).filter(|&axis| coarse[axis] == largest(coarse));
        // Two equally coarse axes are not separate.
        axes.next().filter(|_| axes.next().is_none())
    }
}

fn apart(kind: Interpolation, axis: Option<usize>) -> [Interpolation; 3] {
    let mut kinds = [kind; 3];
    if let Some(axis) = axis {
        kinds[axis] = Interpolation::Nearest;
    }
    kinds
}
