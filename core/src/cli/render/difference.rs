//! Where label maps differ, and boxes around it.

use ndarray::{Array2, Array3, Axis, Zip, s};

use crate::volume::Components;

/// At most as many boxes are drawn.
const MOST_BOXES: usize = 3;

/// What a box leaves free around a region, in mm.
const MARGIN_MM: f64 = 4.0;

/// Parts of a region that are thinner do not count, in mm, as long as there are thicker ones elsewhere: nearly all
/// outlines of large organs differ by a thin rim, which would make one region of all that is wrong with them.
const THICKNESSES_MM: [f64; 2] = [6.0, 3.0];

/// A box in voxels of a slice, from its top left corner; its sides may lie between voxels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub left: f64,
    pub top: f64,
    pub right: f64,
    pub bottom: f64,
}

/// Where any of the maps differs from the first, which may have an id for voxels that are not labeled: there, nothing
/// differs. The maps have one shape.
pub(super) fn differing(reference: &Array3<u16>, maps: &[&Array3<u16>], ignored: Option<u16>) -> Array3<bool> {
    let mut differing = Array3::from_elem(reference.dim(), false);
    for map in maps {
        Zip::from(&mut differing)
            .and(reference)
            .and(*map)
            .for_each(|differs, &truth, &found| *differs |= truth != found && Some(truth) != ignored);
    }
    differing
}

/// Boxes around the largest connected regions of a slice that are thick enough, largest first, each `MARGIN_MM` wider
/// on all sides as far as the slice goes. A region whose box would overlap that of a larger one has none. `voxel_mm` is
/// the height and width of a voxel.
pub(super) fn boxes(differing: &Array2<bool>, voxel_mm: [f64; 2]) -> Vec<Frame> {
    let (rows, columns) = differing.dim();
    let mut thick = THICKNESSES_MM.iter().map(|&mm| thick_parts(differing, voxel_mm, mm));
    let thick = thick.find(|parts| parts.iter().any(|&differs| differs));
    let found = Components::of(&thick.unwrap_or_else(|| differing.clone()).insert_axis(Axis(0)));
    let mut regions = found.components;
    regions.sort_by_key(|region| std::cmp::Reverse(region.voxels));
    let [down, across] = voxel_mm.map(|mm| MARGIN_MM / mm);
    let mut boxes: Vec<Frame> = Vec::new();
    for region in regions {
        let ([_, top, left], [_, bottom, right]) = (region.bounds.start, region.bounds.end());
        let frame = Frame {
            left: (left as f64 - across).max(0.0),
            top: (top as f64 - down).max(0.0),
            right: (right as f64 + across).min(columns as f64),
            bottom: (bottom as f64 + down).min(rows as f64),
        };
        if boxes.len() < MOST_BOXES && !boxes.iter().any(|other| other.overlaps(frame)) {
            boxes.push(frame);
        }
    }
    boxes
}

/// The parts of a mask that a square of this many mm can reach within it (its morphological opening).
fn thick_parts(mask: &Array2<bool>, voxel_mm: [f64; 2], thickness_mm: f64) -> Array2<bool> {
    let (rows, columns) = mask.dim();
    let [high, wide] = voxel_mm.map(|mm| ((thickness_mm / mm).round() as usize).max(1));
    let mut parts = Array2::from_elem(mask.dim(), false);
    for top in 0..(rows + 1).saturating_sub(high) {
        for left in 0..(columns + 1).saturating_sub(wide) {
            let square = s![top..top + high, left..left + wide];
            if mask.slice(square).iter().all(|&marked| marked) {
                parts.slice_mut(square).fill(true);
            }
        }
    }
    parts
}

impl Frame {
    fn overlaps(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Voxels of 2 mm by 0.5 mm: 4 mm are 2 rows and 8 columns.
    #[test]
    fn a_box_is_4_mm_wider_than_its_region() {
        let mut differing = Array2::from_elem((40, 60), false);
        differing.slice_mut(s![10..13, 20..25]).fill(true);
        // Connected by a corner.
        differing[[13, 25]] = true;
        let expected = Frame {
            left: 12.0,
            top: 8.0,
            right: 34.0,
            bottom: 16.0,
        };
        assert_eq!(boxes(&differing, [2.0, 0.5]), [expected]);
    }

    /// Of a rim of 2 mm around an organ and a lump of 7 mm that it touches, the lump has the box.
    #[test]
    fn a_thin_rim_has_no_box_beside_a_thick_region() {
        let mut differing = Array2::from_elem((80, 80), false);
        differing.slice_mut(s![20..60, 20..60]).fill(true);
        differing.slice_mut(s![22..58, 22..58]).fill(false);
        differing.slice_mut(s![58..65, 30..37]).fill(true);
        let lump = Frame {
            left: 26.0,
            top: 54.0,
            right: 41.0,
            bottom: 69.0,
        };
        assert_eq!(boxes(&differing, [1.0; 2]), [lump]);
        differing.slice_mut(s![60.., ..]).fill(false);
        let all = Frame {
            left: 16.0,
            top: 16.0,
            right: 64.0,
            bottom: 64.0,
        };
        assert_eq!(boxes(&differing, [1.0; 2]), [all], "where there is nothing else");
    }

    #[test]
    fn the_three_largest_regions_have_boxes_that_do_not_overlap() {
        let mut differing = Array2::from_elem((100, 100), false);
        for (row, column, length) in [
            (0, 0, 2),
            (20, 50, 7),
            (50, 40, 5),
            (70, 10, 4),
            (95, 90, 3),
            (22, 60, 6),
        ] {
            differing.slice_mut(s![row, column..column + length]).fill(true);
        }
        let lefts: Vec<(f64, f64)> = boxes(&differing, [1.0; 2]).iter().map(|b| (b.left, b.top)).collect();
        // The region of 6 voxels is too near to that of 7.
        assert_eq!(lefts, [(46.0, 16.0), (36.0, 46.0), (6.0, 66.0)]);
        let only = boxes(&differing.slice(s![..2, ..]).to_owned(), [1.0; 2]);
        let clipped = Frame {
            left: 0.0,
            top: 0.0,
            right: 6.0,
            bottom: 2.0,
        };
        assert_eq!(only, [clipped], "as far as the slice goes");
        assert!(boxes(&Array2::from_elem((3, 3), false), [1.0; 2]).is_empty());
    }

    #[test]
    fn unlabeled_voxels_of_the_truth_do_not_differ() {
        let truth = ndarray::array![[[0, 1, 9, 2]]];
        let (same, other) = (ndarray::array![[[0, 1, 1, 2]]], ndarray::array![[[3, 1, 1, 0]]]);
        assert!(!differing(&truth, &[&same], Some(9)).iter().any(|&differs| differs));
        let found = differing(&truth, &[&same, &other], Some(9));
        assert_eq!(found.into_raw_vec_and_offset().0, [true, false, false, true]);
        assert_eq!(
            differing(&truth, &[&same], None)
                .iter()
                .filter(|&&differs| differs)
                .count(),
            1
        );
    }
}
