//! How uncertain a network is about the voxels of a case, and where it is most uncertain.
//!
//! The measure is the entropy of the prediction, by which active learning chooses what to label next ("max entropy" in
//! Gal, Islam and Ghahramani, arXiv 1703.02910): −Σ p ln p over the softmax of all classes, divided by its maximum,
//! ln(classes). For regions, each a sigmoid, it is the mean of their binary entropies divided by ln 2.

use std::f32::consts::LN_2;

use ndarray::{Array3, ArrayView1, Axis};
use serde::{Deserialize, Serialize};

use crate::volume::{Grid, Image, LabelImage, Result, Voxels};

/// Quantization: entropies from 0 to 1 are stored as 0 to 255.
const STEPS: f32 = 255.0;

/// A voxel with a byte above this (0.1) is uncertain. With two classes, the less likely one then has 1.3 % or more.
const DOUBT: u8 = 25;

/// Where a case is most uncertain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The axial slice, counted from 0 at the feet; see [`Uncertainty::slices`].
    pub slice: usize,
    /// The voxel at the center of the slice's uncertainty: its indices i, j and k in the file, from 0.
    pub voxel: [usize; 3],
}

impl Spot {
    /// The slice number for display: from 1 at the feet.
    pub fn slice_number(&self) -> usize {
        self.slice + 1
    }
}

/// The uncertainty of a segmented case.
///
/// Scores count only voxels that got a label or whose entropy is above 0.1. Over all voxels, a mean would measure how
/// much background a scan shows, and a sum its diffuse low entropy; over uncertain voxels alone, a mean would be the
/// same for a thin border as for a whole uncertain organ. This way a confidently found organ lowers a case's score, and
/// one that is missed but suspected raises it. An organ missed with confidence does not show.
#[derive(Clone, Debug)]
pub struct Uncertainty {
    /// Entropy of every voxel, or the disagreement of an ensemble, on the image's own grid and with its header: stored
    /// as bytes from 0 to 255 with a slope of 1/255, so that values are 0 (certain) to 1 (all classes equally likely).
    /// Voxels cropped by preprocessing are 0.
    pub map: Image,
    /// The case's score, by which cases can be ranked: the mean entropy of the voxels that count, 0 to 1; 0 if none
    /// does.
    pub mean: f64,
    /// The score of each of the patient's axial slices, from the feet to the head: the sum of the entropies of its
    /// voxels that count, in units of fully uncertain voxels. A sum, because all of a slice is labeled at once.
    pub slices: Vec<f64>,
    most: Option<Spot>,
}

impl Uncertainty {
    /// Scores a case from the entropies of its voxels, bytes with axes \[S, A, R\], and its labels.
    ///
    /// # Errors
    /// When the shapes differ.
    pub(super) fn new(entropy: Array3<u8>, labels: &LabelImage) -> Result<Self> {
        let map = Image::of_shares(&entropy, labels.header(), labels.grid())?;
        drop(entropy);
        let axial = Axial::of(labels.grid());
        let mut sums = vec![0u64; axial.slices];
        let mut voxels = 0usize;
        for (voxel, entropy) in counted(&map, labels) {
            sums[axial.slice(voxel)] += u64::from(entropy);
            voxels += 1;
        }
        let most = most(&sums, |slice| {
            counted(&map, labels).filter(move |&(voxel, _)| axial.slice(voxel) == slice)
        });
        let slices: Vec<f64> = sums.into_iter().map(|sum| sum as f64 / f64::from(STEPS)).collect();
        Ok(Self {
            mean: slices.iter().sum::<f64>() / voxels.max(1) as f64,
            map,
            slices,
            most,
        })
    }

    /// Where to look first, and what to label next: the slice with the highest score, and in it the counted voxel
    /// nearest to the entropy-weighted center, so that a viewer never points between two organs. `None` where nothing
    /// is uncertain.
    pub fn most(&self) -> Option<Spot> {
        self.most
    }
}

/// Which axis of a file runs from the feet to the head or back.
#[derive(Clone, Copy)]
struct Axial {
    axis: usize,
    upwards: bool,
    slices: usize,
}

impl Axial {
    fn of(grid: &Grid) -> Self {
        let letters = grid.orientation();
        // One of the three axes always is.
        let axis = letters.find(['I', 'S']).unwrap_or(2);
        Self {
            axis,
            upwards: letters.contains('S'),
            slices: grid.dims[axis],
        }
    }

    /// The slice of a voxel (i, j, k), from 0 at the feet.
    fn slice(self, voxel: [usize; 3]) -> usize {
        let index = voxel[self.axis];
        if self.upwards { index } else { self.slices - 1 - index }
    }
}

/// The voxels (i, j, k) that count, and their entropies as bytes.
fn counted(map: &Image, labels: &LabelImage) -> impl Iterator<Item = ([usize; 3], u8)> {
    let [ni, nj, _] = labels.grid().dims;
    let entropy: &[u8] = match map.voxels() {
        Voxels::U8(bytes) => bytes,
        // The map stores bytes.
        _ => &[],
    };
    let voxels = entropy.iter().zip(labels.labels()).enumerate();
    voxels
        .filter(|&(_, (&entropy, &label))| label != 0 || entropy > DOUBT)
        .map(move |(n, (&entropy, _))| ([n % ni, n / ni % nj, n / (ni * nj)], entropy))
}

/// The slice with the largest sum (the first of equals) and its counted voxel nearest to their center.
fn most<V: Iterator<Item = ([usize; 3], u8)>>(sums: &[u64], voxels_of: impl Fn(usize) -> V) -> Option<Spot> {
    let slices = sums.iter().enumerate().rev();
    let largest = slices.max_by_key(|&(_, sum)| sum);
    let (slice, &sum) = largest.filter(|&(_, &sum)| sum > 0)?;
    let mut center = [0.0; 3];
    for (voxel, entropy) in voxels_of(slice) {
        for (center, index) in center.iter_mut().zip(voxel) {
            *center += index as f64 * f64::from(entropy) / sum as f64;
        }
    }
    let distance = |voxel: [usize; 3]| -> f64 {
        let steps = voxel.into_iter().zip(center);
        steps.map(|(index, center)| (index as f64 - center).powi(2)).sum()
    };
    let voxels = voxels_of(slice).map(|(voxel, _)| voxel);
    let voxel = voxels.min_by(|&a, &b| distance(a).total_cmp(&distance(b)))?;
    Some(Spot { slice, voxel })
}

/// Entropies of the softmax of a plane's logits `[class, height, width]`, as bytes, row-major.
pub(super) fn of_classes(plane: &Array3<f32>, entropy: &mut [u8]) {
    of_voxels(plane, entropy, softmax_entropy);
}

/// Mean binary entropies of the sigmoids of a plane's logits `[region, height, width]`, as bytes, row-major.
pub(super) fn of_regions(plane: &Array3<f32>, entropy: &mut [u8]) {
    of_voxels(plane, entropy, sigmoid_entropy);
}

/// The one channel of a plane `[1, height, width]`, shares from 0 to 1, as bytes, row-major.
pub(super) fn of_shares(plane: &Array3<f32>, shares: &mut [u8]) {
    of_voxels(plane, shares, |share| share.sum());
}

fn of_voxels(plane: &Array3<f32>, entropy: &mut [u8], of: fn(ArrayView1<f32>) -> f32) {
    for (byte, logits) in entropy.iter_mut().zip(plane.lanes(Axis(0))) {
        let share = of(logits);
        // A network that outputs NaN is not certain.
        let share = if share.is_nan() { 1.0 } else { share };
        // The conversion saturates: interpolation may overshoot.
        *byte = (share * STEPS).round() as u8;
    }
}

/// With d the logits less the largest of them and w = eᵈ, −Σ p ln p is ln Σw − Σwd / Σw.
fn softmax_entropy(logits: ArrayView1<f32>) -> f32 {
    if logits.len() < 2 {
        return 0.0;
    }
    let largest = logits.fold(f32::NEG_INFINITY, |largest, &logit| largest.max(logit));
    let (mut weights, mut products) = (0.0, 0.0);
    for logit in logits {
        let below = logit - largest;
        let weight = below.exp();
        weights += weight;
        products += weight * below;
    }
    (weights.ln() - products / weights) / (logits.len() as f32).ln()
}

/// A sigmoid is the softmax of its logit and 0.
fn sigmoid_entropy(logits: ArrayView1<f32>) -> f32 {
    let entropies = logits.iter().map(|logit| {
        let below = -logit.abs();
        let weight = below.exp();
        weight.ln_1p() - weight * below / (1.0 + weight)
    });
    entropies.sum::<f32>() / logits.len() as f32 / LN_2
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, Array3};

    use super::*;
    use crate::volume::{Affine, Form, Voxels};

    /// Bytes of one row of voxels; half a step is 0.002.
    fn bytes(of: fn(&Array3<f32>, &mut [u8]), voxels: &[&[f32]]) -> Vec<u8> {
        let outputs = voxels[0].len();
        let plane = Array::from_shape_fn((outputs, 1, voxels.len()), |(c, _, w)| voxels[w][c]);
        let mut entropy = vec![0; voxels.len()];
        of(&plane, &mut entropy);
        entropy
    }

    fn step(share: f64) -> u8 {
        (255.0 * share).round() as u8
    }

    /// Against −Σ p ln p in f64, written out: of (1, 2, 3), p is 0.0900, 0.2447, 0.6652.
    #[test]
    fn entropies_of_a_softmax() {
        for (logits, expected) in [
            (vec![0.0, 0.0, 0.0], 1.0),
            (vec![1e4, 0.0, -1e4], 0.0),
            (vec![1.0, 2.0, 3.0], 0.757_679),
            (vec![2.0, -1.0, 0.5], 0.565_791),
            // Two equal classes and one ruled out: ln 2 / ln 3.
            (vec![1.0, 1.0, -30.0], 0.630_930),
            (vec![4.0, 0.0, 0.0], 0.161_407),
            (vec![7.0, 7.0, 7.0, 7.0, 7.0], 1.0),
            (vec![3.0], 0.0),
        ] {
            let found = softmax_entropy(ArrayView1::from(&logits));
            assert!((found - expected).abs() < 2e-6, "{logits:?}: {found}");
            let expected = step(f64::from(expected));
            assert_eq!(bytes(of_classes, &[&logits]), [expected], "{logits:?}");
        }
    }

    #[test]
    fn entropies_of_sigmoids() {
        for (logits, expected) in [
            (vec![0.0, 0.0], 1.0),
            (vec![-1e4, 1e4], 0.0),
            (vec![0.0, -50.0], 0.5),
            (vec![1.0, -2.0], 0.683_503),
            (vec![3.0, 0.25], 0.632_088),
        ] {
            let found = sigmoid_entropy(ArrayView1::from(&logits));
            assert!((found - expected).abs() < 2e-6, "{logits:?}: {found}");
            let expected = step(f64::from(expected));
            assert_eq!(bytes(of_regions, &[&logits]), [expected], "{logits:?}");
        }
    }

    #[test]
    fn a_plane_is_row_major_and_no_number_is_full_doubt() {
        let voxels: [&[f32]; 4] = [&[1.0, 1.0], &[9e3, 0.0], &[f32::NAN, 0.0], &[0.0, 9e3]];
        assert_eq!(bytes(of_classes, &voxels), [255, 0, 255, 0]);
        assert_eq!(bytes(of_regions, &voxels)[2], 255);
    }

    /// Canonical size: depth (S), height (A), width (R).
    const SIZE: [usize; 3] = [5, 6, 7];

    /// Grids of that size, with the voxel (i, j, k) that each has at a canonical index.
    #[allow(clippy::type_complexity)]
    fn grids() -> [(Grid, fn([usize; 3]) -> [usize; 3]); 3] {
        let grid = |dims, affine| Grid {
            dims,
            affine: Affine(affine),
            form: Form::Sform,
        };
        let ras = [[1.0, 0.0, 0.0, 9.0], [0.0, 2.0, 0.0, 3.0], [0.0, 0.0, 3.0, -5.0]];
        let lpi = ras.map(|row| [-row[0], -row[1], -row[2], row[3]]);
        // i runs down, j to the right and k to the front.
        let ira = [[0.0, 1.0, 0.0, 9.0], [0.0, 0.0, 2.0, 3.0], [-3.0, 0.0, 0.0, -5.0]];
        [
            (grid([7, 6, 5], ras), |[s, a, r]| [r, a, s]),
            (grid([7, 6, 5], lpi), |[s, a, r]| [6 - r, 5 - a, 4 - s]),
            (grid([5, 7, 6], ira), |[s, a, r]| [4 - s, r, a]),
        ]
    }

    fn labels(canonical: &Array3<u16>, grid: Grid) -> LabelImage {
        let image = Image::new(Voxels::U8(vec![0; grid.len()]), grid).expect("a volume");
        LabelImage::from_canonical(canonical.clone(), &image).expect("one shape")
    }

    /// A label of 12 voxels of which half are at 51/255 in slice 3, and three uncertain ones in slice 1.
    #[test]
    fn scores_and_the_most_uncertain_slice_in_any_orientation() {
        let mut found = Array3::zeros(SIZE);
        // Diffuse entropy that does not count.
        let mut entropy = Array3::from_elem(SIZE, DOUBT);
        for w in 0..6 {
            found[[3, 1, w]] = 2;
            found[[3, 2, w]] = 2;
            entropy[[3, 1, w]] = 51;
            entropy[[3, 2, w]] = 0;
        }
        for w in 3..6 {
            entropy[[1, 4, w]] = 204;
        }
        for (grid, voxel) in grids() {
            let letters = grid.orientation();
            let labels = labels(&found, grid);
            let scored = Uncertainty::new(entropy.clone(), &labels).expect("one shape");
            let expected = [0.0, 2.4, 0.0, 1.2, 0.0];
            for (found, expected) in scored.slices.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-9, "{letters}: {:?}", scored.slices);
            }
            assert!((scored.mean - 3.6 / 15.0).abs() < 1e-9, "{letters}: {}", scored.mean);
            let expected = Spot {
                slice: 1,
                voxel: voxel([1, 4, 4]),
            };
            assert_eq!(scored.most(), Some(expected), "{letters}");
            assert_eq!(scored.map.grid(), labels.grid(), "{letters}");
            let map = scored.map.canonical();
            for (found, &byte) in map.iter().zip(&entropy) {
                assert!((found - f32::from(byte) / 255.0).abs() < 1e-6, "{letters}");
            }
        }
    }

    #[test]
    fn the_spot_lies_in_one_of_two_places_and_nowhere_without_doubt() {
        let (grid, voxel) = grids()[1].clone();
        let labels = labels(&Array3::zeros(SIZE), grid);
        let mut entropy = Array3::zeros(SIZE);
        let nothing = Uncertainty::new(entropy.clone(), &labels).expect("one shape");
        assert_eq!((nothing.mean, nothing.most()), (0.0, None));
        entropy[[2, 3, 0]] = 100;
        entropy[[2, 3, 6]] = 120;
        let scored = Uncertainty::new(entropy, &labels).expect("one shape");
        let voxel = voxel([2, 3, 6]);
        assert_eq!(scored.most(), Some(Spot { slice: 2, voxel }));
    }
}
