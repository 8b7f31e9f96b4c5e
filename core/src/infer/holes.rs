//! Holes of labels.

use ndarray::{Array3, s};

use crate::volume::{Bounds, ComponentRun, Components};

/// Turns background that one label encloses into that label. Background is connected by faces, and what reaches the
/// array's border is no hole, as in SciPy's `binary_fill_holes`; nor is what touches two labels.
pub(super) fn fill_holes<T: Copy + PartialEq + Default>(labels: &mut Array3<T>) {
    let background = T::default();
    let found = Components::by_faces(&labels.mapv(|label| label == background));
    let (depth, height, width) = labels.dim();
    // What each component of the background becomes: still unknown (background), one label, or nothing.
    let inner = |bounds: &Bounds| {
        let sides = bounds.start.into_iter().zip(bounds.size).zip([depth, height, width]);
        sides
            .into_iter()
            .all(|((start, size), side)| start > 0 && start + size < side)
    };
    let mut becomes: Vec<Option<T>> = (found.components.iter())
        .map(|component| inner(&component.bounds).then_some(background))
        .collect();
    for run in &found.runs {
        let hole = &mut becomes[run.component];
        if hole.is_some() {
            for label in around(labels, run).filter(|&label| label != background) {
                *hole = hole
                    .filter(|&known| known == background || known == label)
                    .map(|_| label);
            }
        }
    }
    for run in found.runs {
        if let Some(label) = becomes[run.component] {
            labels.slice_mut(s![run.depth, run.height, run.columns]).fill(label);
        }
    }
}

/// The voxels that touch a run by a face; the run is not at the array's border.
fn around<'a, T: Copy>(labels: &'a Array3<T>, run: &ComponentRun) -> impl Iterator<Item = T> + use<'a, T> {
    let (depth, height, columns) = (run.depth, run.height, run.columns.clone());
    let ends = [columns.start - 1, columns.end].map(|column| labels[[depth, height, column]]);
    let rows = [
        (depth - 1, height),
        (depth + 1, height),
        (depth, height - 1),
        (depth, height + 1),
    ];
    let sides = rows.into_iter();
    let sides = sides.flat_map(move |(depth, height)| labels.slice(s![depth, height, columns.clone()]).into_iter());
    ends.into_iter().chain(sides.copied())
}
