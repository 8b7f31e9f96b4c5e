//! Labels that are learned as overlapping regions, such as a whole tumor and its core.

use ndarray::{Array3, ArrayView3, Axis};
use serde::{Deserialize, Serialize};

/// A region: the voxels that have one of several labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Region {
    /// Its name.
    pub name: String,
    /// The labels that lie in it.
    pub labels: Vec<u16>,
    /// The label of a voxel that lies in this region and in none that is painted later.
    pub paint: u16,
}

/// Overlapping regions, one output of the network each, whose probabilities are sigmoids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Regions(pub Vec<Region>);

impl Regions {
    /// BraTS 2021 in the order of MONAI's `ConvertToMultiChannelBasedOnBratsClasses`: tumor core
    /// (1, 4), whole tumor (1, 2, 4), enhancing tumor (4).
    pub fn brats21() -> Regions {
        Regions::tumor([1, 2, 4])
    }

    /// The same regions of Decathlon's brain tumors, whose labels are 1 edema, 2 non-enhancing and
    /// 3 enhancing tumor.
    pub fn decathlon_brain() -> Regions {
        Regions::tumor([2, 1, 3])
    }

    fn tumor([core, edema, enhancing]: [u16; 3]) -> Regions {
        let region = |name: &str, labels: &[u16], paint| Region {
            name: name.to_owned(),
            labels: labels.to_vec(),
            paint,
        };
        Regions(vec![
            region("tumor core", &[core, enhancing], core),
            region("whole tumor", &[core, edema, enhancing], edema),
            region("enhancing tumor", &[enhancing], enhancing),
        ])
    }

    /// Whether each region contains each label: row-major `[region, label]`.
    pub fn contain(&self, labels: &[u16]) -> Vec<bool> {
        let regions = self.0.iter();
        regions
            .flat_map(|region| labels.iter().map(|label| region.labels.contains(label)))
            .collect()
    }

    /// Regions in painting order, each over the previous ones: from most labels to fewest.
    pub fn painting(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.0.len()).collect();
        order.sort_by_key(|&index| std::cmp::Reverse(self.0[index].labels.len()));
        order
    }

    /// One label for each voxel from logits `[region, height, width]` of a plane: whole tumor first,
    /// then core, then enhancing, each where its sigmoid is above 0.5. Where none is, 0.
    pub fn regions_to_labels(&self, logits: ArrayView3<'_, f32>) -> ndarray::Array2<u16> {
        let (_, height, width) = logits.dim();
        let mut labels = ndarray::Array2::zeros((height, width));
        for index in self.painting() {
            let paint = self.0[index].paint;
            labels.zip_mut_with(&logits.index_axis(Axis(0), index), |label, &logit| {
                // The sigmoid is above a half where the logit is above 0.
                if logit > 0.0 {
                    *label = paint;
                }
            });
        }
        labels
    }

    /// Mask of region `index`: 1 or 0 per voxel.
    pub fn labels_to_region(&self, labels: ArrayView3<'_, u16>, index: usize) -> Array3<u8> {
        labels.map(|label| u8::from(self.0[index].labels.contains(label)))
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array, stack};

    use super::*;

    #[test]
    fn every_label_of_brats_becomes_its_regions_and_itself_again() {
        for (regions, labels) in [
            (Regions::brats21(), [0u16, 1, 2, 4]),
            (Regions::decathlon_brain(), [0, 2, 1, 3]),
        ] {
            let map = Array::from_vec(labels.to_vec())
                .into_shape_with_order((1, 2, 2))
                .expect("four voxels");
            let inside: Vec<_> = (0..3)
                .map(|region| regions.labels_to_region(map.view(), region))
                .collect();
            // Background, non-enhancing core, edema, enhancing; core, whole, enhancing.
            let expected = [[0, 1, 0, 1], [0, 1, 1, 1], [0, 0, 0, 1]];
            for (found, expected) in inside.iter().zip(expected) {
                assert_eq!(found.iter().copied().collect::<Vec<u8>>(), expected);
            }
            let planes: Vec<_> = inside
                .iter()
                .map(|region| region.index_axis(Axis(0), 0).mapv(|v| 4.0 * f32::from(v) - 2.0))
                .collect();
            let views: Vec<_> = planes.iter().map(|plane| plane.view()).collect();
            let logits = stack(Axis(0), &views).expect("one size");
            let again = regions.regions_to_labels(logits.view());
            assert_eq!(again, map.index_axis(Axis(0), 0));
        }
    }

    #[test]
    fn contradicting_regions_are_painted_from_the_largest_to_the_smallest() {
        let regions = Regions::brats21();
        // Core, whole, enhancing: enhancing outside the core, core outside the whole tumor.
        let logits = Array::from_vec(vec![-1.0, 1.0, 1.0, -1.0, 0.0, -1.0, 2.0, -1.0, -1.0f32])
            .into_shape_with_order((3, 1, 3))
            .expect("three voxels");
        let labels = regions.regions_to_labels(logits.view());
        assert_eq!(labels.into_iter().collect::<Vec<u16>>(), [4, 1, 1]);
    }

    #[test]
    fn membership_by_label() {
        let contain = Regions::brats21().contain(&[0, 1, 2, 4]);
        let expected = [
            [false, true, false, true],
            [false, true, true, true],
            [false, false, false, true],
        ];
        assert_eq!(contain, expected.concat());
    }
}
