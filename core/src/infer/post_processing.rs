//! What is done to a label map after it was predicted.

use std::collections::BTreeMap;

use ndarray::{Array3, s};

use super::PostProcessing;
use super::holes::fill_holes;
use crate::volume::Components;

/// Volumes are compared with this relative tolerance: the sides of voxels are 32-bit numbers in files.
const ROUNDING: f64 = 1e-6;

impl PostProcessing {
    /// Changes a label map, `[depth, height, width]` with background 0 and voxels of `voxel_ml` mL.
    ///
    /// Voxels that touch, even by a corner, are connected (26 neighbors), as in MONAI's
    /// `KeepLargestConnectedComponent`; of equal components the first in the array's order is kept. A hole is
    /// background that has no way out by faces (6 neighbors), as in SciPy's `binary_fill_holes`; one that holds or
    /// touches another label stays as it is.
    pub fn apply<T: Copy + Ord + Default>(&self, labels: &mut Array3<T>, voxel_ml: f64) {
        if self.largest_component || self.smallest_ml > 0.0 {
            self.remove_components(labels, voxel_ml);
        }
        if self.fill_holes {
            fill_holes(labels);
        }
    }

    fn remove_components<T: Copy + Ord + Default>(&self, labels: &mut Array3<T>, voxel_ml: f64) {
        let found = Components::of(labels);
        let mut largest = BTreeMap::new();
        for (index, component) in found.components.iter().enumerate() {
            let kept = largest.entry(component.label).or_insert(index);
            if component.voxels > found.components[*kept].voxels {
                *kept = index;
            }
        }
        let kept = |index: usize| {
            let component = &found.components[index];
            let ml = component.voxels as f64 * voxel_ml;
            ml * (1.0 + ROUNDING) >= self.smallest_ml
                && (!self.largest_component || largest.get(&component.label) == Some(&index))
        };
        for run in found.runs.iter().filter(|run| !kept(run.component)) {
            let voxels = s![run.depth, run.height, run.columns.clone()];
            labels.slice_mut(voxels).fill(T::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::PostProcessing;

    const LARGEST: PostProcessing = PostProcessing {
        largest_component: true,
        fill_holes: false,
        smallest_ml: 0.0,
    };

    #[test]
    fn the_largest_of_each_label_stays() {
        let mut labels = array![
            [[1u8, 1, 0, 2, 0], [0, 0, 0, 0, 0]],
            [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]],
            [[0, 3, 0, 2, 2], [0, 3, 0, 0, 0]],
        ];
        LARGEST.apply(&mut labels, 1.0);
        let expected = array![
            [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]],
            [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
            [[0, 3, 0, 2, 2], [0, 3, 0, 0, 0]],
        ];
        assert_eq!(labels, expected);
    }

    #[test]
    fn corners_connect_and_other_labels_do_not() {
        // Label 1: two voxels that touch by a corner, and one alone behind a wall of label 2.
        let mut labels = array![[[1u16, 0, 2, 1], [0, 0, 2, 0]], [[0, 0, 2, 0], [0, 1, 2, 0]],];
        let mut expected = labels.clone();
        expected[[0, 0, 3]] = 0;
        LARGEST.apply(&mut labels, 1.0);
        assert_eq!(labels, expected);
    }

    #[test]
    fn of_equals_the_first_stays() {
        let mut labels = array![[[4u8, 0, 4]]];
        LARGEST.apply(&mut labels, 1.0);
        assert_eq!(labels, array![[[4, 0, 0]]]);
    }

    #[test]
    fn components_of_the_smallest_size_stay() {
        // Components of 1, 2 and 3 voxels. A side of 0.7 mm is a 32-bit number in a file.
        let start = array![[[1u8, 0, 2, 2, 0, 1, 1, 1]]];
        let voxel_ml = f64::from(0.7f32).powi(3) / 1000.0;
        let smallest = |voxels: f64| PostProcessing {
            smallest_ml: voxels * 0.7f64.powi(3) / 1000.0,
            ..PostProcessing::default()
        };
        for (voxels, expected) in [
            (0.0, array![[[1, 0, 2, 2, 0, 1, 1, 1]]]),
            (2.0, array![[[0, 0, 2, 2, 0, 1, 1, 1]]]),
            (2.1, array![[[0, 0, 0, 0, 0, 1, 1, 1]]]),
            (4.0, array![[[0, 0, 0, 0, 0, 0, 0, 0]]]),
        ] {
            let mut labels = start.clone();
            smallest(voxels).apply(&mut labels, voxel_ml);
            assert_eq!(labels, expected, "{voxels}");
        }
        let mut labels = start;
        let both = PostProcessing {
            largest_component: true,
            ..smallest(3.0)
        };
        both.apply(&mut labels, voxel_ml);
        assert_eq!(labels, array![[[0, 0, 0, 0, 0, 1, 1, 1]]]);
    }

    /// A box of label 1 with 5 voxels a side around a hole of 3, which holds `middle` in its middle.
    fn hollow(middle: u8) -> Array3<u8> {
        Array3::from_shape_fn((5, 5, 5), |(d, h, w)| {
            let inside = |index: usize| (1..4).contains(&index);
            match [d, h, w] {
                [2, 2, 2] => middle,
                at if at.into_iter().all(inside) => 0,
                _ => 1,
            }
        })
    }

    #[test]
    fn a_hole_is_closed_on_all_sides() {
        const FILL: PostProcessing = PostProcessing {
            largest_component: false,
            fill_holes: true,
            smallest_ml: 0.0,
        };
        let filled = |mut labels: Array3<u8>| {
            FILL.apply(&mut labels, 1.0);
            labels
        };
        assert_eq!(filled(hollow(0)), Array3::from_elem((5, 5, 5), 1));
        // An island of the same label does not open the hole; one of another label does.
        assert_eq!(filled(hollow(1)), Array3::from_elem((5, 5, 5), 1));
        assert_eq!(filled(hollow(2)), hollow(2));
        // Opened by a face to the border it is no hole; opened by an edge alone it is.
        let mut by_a_face = hollow(0);
        by_a_face[[0, 2, 2]] = 0;
        assert_eq!(filled(by_a_face.clone()), by_a_face);
        let mut by_an_edge = hollow(0);
        by_an_edge[[0, 0, 2]] = 0;
        let mut expected = Array3::from_elem((5, 5, 5), 1);
        expected[[0, 0, 2]] = 0;
        assert_eq!(filled(by_an_edge), expected);
        // Walls of two labels enclose nothing.
        let mut two = hollow(0);
        two[[0, 2, 2]] = 2;
        assert_eq!(filled(two.clone()), two);
        // Small components are removed first, so that their place is filled too.
        let both = PostProcessing {
            smallest_ml: 2.0,
            ..FILL
        };
        let mut labels = hollow(2);
        both.apply(&mut labels, 1.0);
        assert_eq!(labels, Array3::from_elem((5, 5, 5), 1));
    }
}
