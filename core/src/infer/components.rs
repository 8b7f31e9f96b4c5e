//! Connected components of a segmentation.

use std::collections::BTreeMap;

use ndarray::{Array3, s};

use crate::volume::Components;

/// Keeps the largest connected component of every class but 0 and turns the others into background. Voxels that touch,
/// even by a corner, are connected (26 neighbors), as in MONAI's `KeepLargestConnectedComponent`; of equal components
/// the first in the array's order is kept.
pub fn keep_largest_components(classes: &mut Array3<u8>) {
    let found = Components::of(classes);
    let mut largest = BTreeMap::new();
    for (index, component) in found.components.iter().enumerate() {
        let kept = largest.entry(component.label).or_insert(index);
        if component.voxels > found.components[*kept].voxels {
            *kept = index;
        }
    }
    for run in found.runs {
        if largest.get(&found.components[run.component].label) != Some(&run.component) {
            classes.slice_mut(s![run.depth, run.height, run.columns]).fill(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::keep_largest_components;

    #[test]
    fn the_largest_of_each_class_stays() {
        let mut classes = array![
            [[1, 1, 0, 2, 0], [0, 0, 0, 0, 0]],
            [[0, 0, 0, 0, 0], [0, 0, 0, 1, 0]],
            [[0, 3, 0, 2, 2], [0, 3, 0, 0, 0]],
        ];
        keep_largest_components(&mut classes);
        let expected = array![
            [[1, 1, 0, 0, 0], [0, 0, 0, 0, 0]],
            [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
            [[0, 3, 0, 2, 2], [0, 3, 0, 0, 0]],
        ];
        assert_eq!(classes, expected);
    }

    #[test]
    fn corners_connect_and_other_classes_do_not() {
        // Class 1: two voxels that touch by a corner, and one alone behind a wall of class 2.
        let mut classes = array![[[1, 0, 2, 1], [0, 0, 2, 0]], [[0, 0, 2, 0], [0, 1, 2, 0]],];
        let mut expected = classes.clone();
        expected[[0, 0, 3]] = 0;
        keep_largest_components(&mut classes);
        assert_eq!(classes, expected);
    }

    #[test]
    fn of_equals_the_first_stays() {
        let mut classes = array![[[4, 0, 4]]];
        keep_largest_components(&mut classes);
        assert_eq!(classes, array![[[4, 0, 0]]]);
    }
}
