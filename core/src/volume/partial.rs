//! Label maps of which a part is not labeled: slices that nobody has drawn on.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array3, Axis};
use serde::{Deserialize, Serialize};

use super::LabelImage;

/// Along which axis slices were labeled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SliceAxis {
    /// The axis of which the smallest share of slices holds a label; axial before coronal before sagittal.
    Auto,
    /// Slices from bottom to top.
    Axial,
    /// Slices from back to front.
    Coronal,
    /// Slices from left to right.
    Sagittal,
}

impl fmt::Display for SliceAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::Axial => "axial",
            Self::Coronal => "coronal",
            Self::Sagittal => "sagittal",
        })
    }
}

impl FromStr for SliceAxis {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = Self::ALL.into_iter().find(|axis| axis.to_string() == text);
        named.ok_or_else(|| format!("there is no axis {text:?}; choose axial, coronal, sagittal or auto"))
    }
}

impl SliceAxis {
    /// Every choice.
    pub const ALL: [Self; 4] = [Self::Auto, Self::Axial, Self::Coronal, Self::Sagittal];

    /// The axis of a map with axes \[S, A, R\], given whether each voxel is labeled.
    fn of(self, labeled: &Array3<bool>) -> usize {
        let share = |axis: usize| {
            let slices = labeled.axis_iter(Axis(axis));
            let count = slices.len().max(1);
            slices.filter(|slice| slice.iter().any(|&labeled| labeled)).count() as f64 / count as f64
        };
        match self {
            Self::Axial => 0,
            Self::Coronal => 1,
            Self::Sagittal => 2,
            Self::Auto => {
                let shares = [0, 1, 2].map(share);
                // Of equal ones the first.
                [1, 2]
                    .into_iter()
                    .fold(0, |best, axis| if shares[axis] < shares[best] { axis } else { best })
            }
        }
    }
}

impl LabelImage {
    /// Marks every slice without any labeled voxel as [ignored](Self::ignored): only the slices that somebody has drawn
    /// on count, and these are complete, so that what is background there is background. A map without labels is
    /// ignored as a whole. The id is the map's own for ignored voxels, else the largest that does not occur.
    #[must_use]
    pub fn with_labeled_slices(mut self, axis: SliceAxis) -> LabelImage {
        let present = self.present();
        let free = || (1..=u16::MAX).rev().find(|id| present.binary_search(id).is_err());
        // A map in which every id occurs has no room for another.
        let Some(ignored) = self.ignored().or_else(free) else {
            return self;
        };
        let mut map = self.canonical();
        let labeled = map.mapv(|label| label > 0 && label != ignored);
        let axis = Axis(axis.of(&labeled));
        for (mut slice, labeled) in map.axis_iter_mut(axis).zip(labeled.axis_iter(axis)) {
            if !labeled.iter().any(|&labeled| labeled) {
                slice.fill(ignored);
            }
        }
        self.set_canonical(&map);
        self.with_ignored(ignored)
    }

    /// Canonical labels in which ignored voxels are background.
    pub fn canonical_known(&self) -> Array3<u16> {
        let mut labels = self.canonical();
        if let Some(ignored) = self.ignored() {
            labels.mapv_inplace(|label| if label == ignored { 0 } else { label });
        }
        labels
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::{Affine, Form, Grid, Image, Voxels};

    /// A map whose axes in the file are not the canonical ones, from labels with axes [S, A, R].
    fn map(canonical: &Array3<u16>) -> LabelImage {
        let (s, a, r) = canonical.dim();
        // i runs to the front, j to the top, k to the left.
        let affine = Affine([[0.0, 0.0, -1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]);
        let grid = Grid {
            dims: [a, s, r],
            affine,
            form: Form::Sform,
        };
        let image = Image::new(Voxels::U8(vec![0; s * a * r]), grid).expect("an image");
        LabelImage::from_canonical(canonical.clone(), &image).expect("a map")
    }

    fn drawn() -> Array3<u16> {
        let mut labels = Array3::zeros((4, 5, 6));
        labels[[1, 2, 3]] = 7;
        labels[[1, 4, 3]] = 2;
        labels[[3, 2, 0]] = 7;
        labels
    }

    #[test]
    fn slices_without_a_label_are_ignored() {
        let labels = drawn();
        for (axis, index, kept) in [
            (SliceAxis::Axial, 0, vec![1, 3]),
            (SliceAxis::Coronal, 1, vec![2, 4]),
            (SliceAxis::Sagittal, 2, vec![0, 3]),
        ] {
            let found = map(&labels).with_labeled_slices(axis);
            assert_eq!(found.ignored(), Some(u16::MAX));
            assert_eq!(found.present(), [2, 7]);
            for (place, &label) in found.canonical().indexed_iter() {
                let slice = [place.0, place.1, place.2][index];
                let expected = if kept.contains(&slice) { labels[place] } else { u16::MAX };
                assert_eq!(label, expected, "{axis} {place:?}");
            }
            assert_eq!(found.canonical_known(), labels);
        }
    }

    #[test]
    fn the_axis_with_the_fewest_labeled_slices_is_found() {
        // 2 of 4, 2 of 5 and 2 of 6 slices.
        let auto = |labels: &Array3<u16>| map(labels).with_labeled_slices(SliceAxis::Auto).canonical();
        let of = |labels: &Array3<u16>, axis| map(labels).with_labeled_slices(axis).canonical();
        let labels = drawn();
        assert_eq!(auto(&labels), of(&labels, SliceAxis::Sagittal));
        let mut filled = labels;
        filled.index_axis_mut(Axis(0), 1).fill(2);
        assert_eq!(auto(&filled), of(&filled, SliceAxis::Axial));
        let empty = Array3::zeros((2, 3, 4));
        assert!(auto(&empty).iter().all(|&label| label == u16::MAX));
    }

    #[test]
    fn a_map_keeps_its_own_id_for_ignored_voxels() {
        let mut labels = drawn();
        labels[[0, 0, 0]] = 9;
        let found = map(&labels).with_ignored(9).with_labeled_slices(SliceAxis::Axial);
        assert_eq!(found.ignored(), Some(9));
        let canonical = found.canonical();
        // A slice that holds nothing but ignored voxels is not labeled.
        assert!(canonical.index_axis(Axis(0), 0).iter().all(|&label| label == 9));
        assert_eq!(canonical[[1, 2, 3]], 7);
        assert_eq!(found.present(), [2, 7]);
    }

    #[test]
    fn axes_are_known_by_their_names() {
        let names = ["auto", "axial", "coronal", "sagittal"];
        for (axis, name) in SliceAxis::ALL.into_iter().zip(names) {
            assert_eq!(name.parse(), Ok(axis));
            assert_eq!(axis.to_string(), name);
        }
        assert!("transverse".parse::<SliceAxis>().is_err());
    }
}
