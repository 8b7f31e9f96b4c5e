//! Connected components of a segmentation.

use ndarray::Array3;

/// Keeps the largest connected component of every class but 0 and turns the others into background. Voxels that touch,
/// even by a corner, are connected (26 neighbors), as in MONAI's `KeepLargestConnectedComponent`; of equal components
/// the first in the array's order is kept.
pub fn keep_largest_components(classes: &mut Array3<u8>) {
    let mut seen = Array3::from_elem(classes.dim(), false);
    let mut largest: Vec<Vec<[usize; 3]>> = vec![Vec::new(); 1 << 8];
    for ((d, h, w), &class) in classes.indexed_iter() {
        if class != 0 && !seen[(d, h, w)] {
            let component = component(classes, &mut seen, [d, h, w]);
            let best = &mut largest[usize::from(class)];
            if component.len() > best.len() {
                *best = component;
            }
        }
    }
    classes.fill(0);
    for (class, voxels) in (0u8..=u8::MAX).zip(largest) {
        for voxel in voxels {
            classes[voxel] = class;
        }
    }
}

/// The connected component of `start`; marks its voxels as seen.
fn component(classes: &Array3<u8>, seen: &mut Array3<bool>, start: [usize; 3]) -> Vec<[usize; 3]> {
    seen[start] = true;
    let mut voxels = vec![start];
    let mut next = 0;
    while let Some(&[d, h, w]) = voxels.get(next) {
        next += 1;
        let around = |index: usize| index.saturating_sub(1)..=index + 1;
        for d in around(d) {
            for h in around(h) {
                for w in around(w) {
                    let same = classes.get([d, h, w]) == Some(&classes[start]);
                    if same && !seen[[d, h, w]] {
                        seen[[d, h, w]] = true;
                        voxels.push([d, h, w]);
                    }
                }
            }
        }
    }
    voxels
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
