//! Outlines of labels, between voxels.

use std::collections::BTreeMap;

use ndarray::Array2;

/// A point (x, y) in voxels from the top left corner of a slice.
pub(super) type Point = [f64; 2];

/// Closed outlines of a mask, by marching squares: they run halfway between the centers of voxels inside and outside
/// and cut corners. Voxels that touch by a corner only have outlines of their own, as holes do; the mask ends at the
/// edges of the slice.
pub(super) fn outlines(mask: &Array2<bool>) -> Vec<Vec<Point>> {
    let mut next = segments(mask);
    let mut rings = Vec::new();
    while let Some((start, mut place)) = next.pop_first() {
        let mut ring = vec![point(start)];
        // Each point has one segment that ends there and one that starts there, so this comes back to the start.
        while place != start {
            ring.push(point(place));
            match next.remove(&place) {
                Some(following) => place = following,
                None => break,
            }
        }
        rings.push(ring);
    }
    rings
}

/// Twice the coordinates of a point, which are whole or half.
type Doubled = [usize; 2];

fn point(doubled: Doubled) -> Point {
    doubled.map(|value| value as f64 / 2.0)
}

/// Segments between the centers of four voxels at a time, by where they start.
fn segments(mask: &Array2<bool>) -> BTreeMap<Doubled, Doubled> {
    let (rows, columns) = mask.dim();
    // Around the slice, everything is outside.
    let inside = |row: usize, column: usize| {
        let place = (row.checked_sub(1), column.checked_sub(1));
        matches!(place, (Some(row), Some(column)) if mask.get((row, column)) == Some(&true))
    };
    let mut segments = BTreeMap::new();
    for row in 0..=rows {
        for column in 0..=columns {
            // Clockwise from the top left.
            let corners = [[0, 0], [0, 1], [1, 1], [1, 0]].map(|[down, right]| inside(row + down, column + right));
            for last in 0..4 {
                if !corners[last] || corners[(last + 1) % 4] {
                    continue;
                }
                // From where the walk around leaves the mask to where it entered.
                let mut first = last;
                while corners[(first + 3) % 4] {
                    first = (first + 3) % 4;
                }
                segments.insert(
                    edge_middle(row, column, last),
                    edge_middle(row, column, (first + 3) % 4),
                );
            }
        }
    }
    segments
}

/// The middle of an edge (0 top, 1 right, 2 bottom, 3 left) of the square around the corner of voxels at a row and a
/// column. An edge is crossed only where it has a voxel of the slice at one end, so that neither number is below 0.
fn edge_middle(row: usize, column: usize, edge: usize) -> Doubled {
    let (x, y) = (2 * column, 2 * row);
    match edge {
        0 => [x, y.saturating_sub(1)],
        1 => [x + 1, y],
        2 => [x, y + 1],
        _ => [x.saturating_sub(1), y],
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    /// Twice the signed area by the shoelace formula.
    fn area(ring: &[Point]) -> f64 {
        let following = ring.iter().cycle().skip(1);
        let cross = ring.iter().zip(following).map(|(a, b)| a[0] * b[1] - b[0] * a[1]);
        cross.sum::<f64>().abs() / 2.0
    }

    #[test]
    fn one_voxel_is_a_diamond_around_its_center() {
        let mask = array![[false, false, false], [false, false, true]];
        let rings = outlines(&mask);
        assert_eq!(rings.len(), 1);
        let mut points = rings[0].clone();
        points.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        // The voxel is from (2, 1) to (3, 2), its right edge the slice's own.
        assert_eq!(points, [[2.0, 1.5], [2.5, 1.0], [2.5, 2.0], [3.0, 1.5]]);
    }

    #[test]
    fn an_outline_runs_between_voxels() {
        let mut mask = Array2::from_elem((6, 7), false);
        mask.slice_mut(ndarray::s![1..4, 2..5]).fill(true);
        let rings = outlines(&mask);
        assert_eq!(rings.len(), 1);
        for [x, y] in &rings[0] {
            assert!((2.0..=5.0).contains(x) && (1.0..=4.0).contains(y), "({x}, {y})");
            // Halfway between two centers, which lie at halves.
            assert!((x.fract() == 0.0) != (y.fract() == 0.0), "({x}, {y})");
        }
        // A square of 9 voxels without its four corners, each an eighth.
        assert_eq!(area(&rings[0]), 8.5);
    }

    #[test]
    fn holes_and_diagonal_neighbors_have_their_own_outlines() {
        let ring = array![[true, true, true], [true, false, true], [true, true, true]];
        let mut areas: Vec<f64> = outlines(&ring).iter().map(|ring| area(ring)).collect();
        areas.sort_by(f64::total_cmp);
        // The hole's four neighbors are inside, so it is cut to a diamond.
        assert_eq!(areas, [0.5, 8.5]);
        let diagonal = array![[true, false], [false, true]];
        assert_eq!(outlines(&diagonal).len(), 2);
        assert!(outlines(&array![[false, false]]).is_empty());
    }
}
