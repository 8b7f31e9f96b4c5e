//! Distances, against brute force.

use medcontext_core::metric::{Hausdorff, hd95, squared_distance, surface};
use ndarray::Array3;

/// Numbers from a linear congruential generator (Knuth's constants), 0 to 2³¹ - 1.
fn random(seed: u64) -> impl FnMut() -> usize {
    let mut state = seed;
    move || {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize
    }
}

/// Positions in mm of the mask's voxels that have a neighbor outside.
fn surface_points(mask: &Array3<bool>, spacing: [f64; 3]) -> Vec<[f64; 3]> {
    let inside = |d: i64, h: i64, w: i64| {
        let index = [d, h, w].map(|i| usize::try_from(i).unwrap_or(usize::MAX));
        mask.get(index).copied().unwrap_or(false)
    };
    let mut points = Vec::new();
    for ((d, h, w), _) in mask.indexed_iter().filter(|(_, value)| **value) {
        let (i, j, k) = (d as i64, h as i64, w as i64);
        let steps = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)];
        if steps.iter().any(|(a, b, c)| !inside(i + a, j + b, k + c)) {
            points.push([d as f64 * spacing[0], h as f64 * spacing[1], w as f64 * spacing[2]]);
        }
    }
    points
}

fn nearest(point: &[f64; 3], points: &[[f64; 3]]) -> f64 {
    let squared = |other: &[f64; 3]| (0..3).map(|axis| (point[axis] - other[axis]).powi(2)).sum::<f64>();
    points.iter().map(squared).fold(f64::INFINITY, f64::min)
}

#[test]
fn distance_transform_is_exact() {
    for (seed, shape) in [[7, 5, 6], [1, 9, 4], [12, 1, 1], [3, 3, 3], [6, 11, 8]]
        .into_iter()
        .enumerate()
    {
        for one_in in [2, 9, 60] {
            let mut next = random(seed as u64 * 97 + one_in as u64);
            let sites = Array3::from_shape_simple_fn(shape, || next().is_multiple_of(one_in));
            let spacing = [
                0.5 + (next() % 100) as f64 / 25.0,
                1.0,
                0.3 + (next() % 100) as f64 / 33.0,
            ];
            let found = squared_distance(sites.view(), spacing);
            let points: Vec<[f64; 3]> = sites
                .indexed_iter()
                .filter(|(_, site)| **site)
                .map(|((d, h, w), _)| [d as f64 * spacing[0], h as f64 * spacing[1], w as f64 * spacing[2]])
                .collect();
            for ((d, h, w), &value) in found.indexed_iter() {
                let place = [d as f64 * spacing[0], h as f64 * spacing[1], w as f64 * spacing[2]];
                let expected = nearest(&place, &points);
                assert!(
                    value == expected || (value - expected).abs() < 1e-9,
                    "{shape:?}: {value}, not {expected}"
                );
            }
        }
    }
}

#[test]
fn hd95_equals_distances_taken_one_by_one() {
    for seed in 0..12 {
        let mut next = random(seed);
        // Two overlapping ellipsoids with holes, some of them cut off by the border.
        let mut ellipsoid = || {
            let center: [f64; 3] = [0; 3].map(|_| (next() % 14) as f64);
            let radii: [f64; 3] = [0; 3].map(|_| 2.0 + (next() % 5) as f64);
            Array3::from_shape_fn([14, 12, 13], |(d, h, w)| {
                let depth: f64 = [d, h, w]
                    .iter()
                    .zip(center)
                    .zip(radii)
                    .map(|((&x, c), r)| ((x as f64 - c) / r).powi(2))
                    .sum();
                u16::from(depth <= 1.0 && !next().is_multiple_of(11)) * 3
            })
        };
        let (prediction, truth) = (ellipsoid(), ellipsoid());
        let spacing = [2.5, 0.8, 1.1];
        let points = |labels: &Array3<u16>| surface_points(&labels.mapv(|label| label == 3), spacing);
        let (p, t) = (points(&prediction), points(&truth));
        let directed = |from: &[[f64; 3]], to: &[[f64; 3]]| -> Vec<f64> {
            from.iter().map(|point| nearest(point, to).sqrt()).collect()
        };
        // numpy's linear percentile, written out.
        let p95 = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            let position = 0.95 * (values.len() - 1) as f64;
            let (low, high) = (values[position.floor() as usize], values[position.ceil() as usize]);
            low * (1.0 - position.fract()) + high * position.fract()
        };
        let (forth, back) = (directed(&p, &t), directed(&t, &p));
        let pooled = p95([forth.clone(), back.clone()].concat());
        let largest = p95(forth).max(p95(back));
        for (form, expected) in [(Hausdorff::Pooled, pooled), (Hausdorff::Max, largest)] {
            let found = hd95(prediction.view(), truth.view(), 3, Some(spacing), form).expect("both are there");
            assert!(
                (found - expected).abs() < 1e-9,
                "seed {seed}, {form:?}: {found}, not {expected}"
            );
        }
        assert_eq!(
            hd95(truth.view(), prediction.view(), 3, Some(spacing), Hausdorff::Pooled).map(|d| (d * 1e9).round()),
            Some((pooled * 1e9).round())
        );
    }
}

#[test]
fn the_surface_of_a_box() {
    // A solid 3×4×5 box that fills its array is all border but its 1×2×3 inside.
    let solid = Array3::from_elem([3, 4, 5], true);
    let border = surface(solid.view());
    assert_eq!(border.iter().filter(|&&on| on).count(), 60 - 6);
    assert!(!border[[1, 1, 1]] && !border[[1, 2, 3]] && border[[0, 1, 1]] && border[[1, 1, 4]]);
}
