//! Mirror TTA: test-time augmentation by mirroring.

use burn::tensor::Tensor;

use crate::transform::MirrorAxes;

/// The mean logits of a batch and its mirror images along the allowed axes (eight images where all are), each mirrored
/// back: `[batch, class, d, h, w]` for `x` `[batch, channel, d, h, w]`. Logits are averaged, as in nnU-Net 2; nnFormer
/// averages probabilities.
pub fn mirror_tta(x: &Tensor<5>, axes: MirrorAxes, forward: impl Fn(Tensor<5>) -> Tensor<5>) -> Tensor<5> {
    let mirror = |x: Tensor<5>, mirrored: [bool; 3]| {
        let axes = (0..3).filter(|&axis| mirrored[axis]);
        axes.fold(x, |x, axis| x.flip([axis + 2]))
    };
    let images = axes.combinations().filter(|mirrored| mirrored.contains(&true));
    let images: Vec<[bool; 3]> = images.collect();
    let mut sum = forward(x.clone());
    for &mirrored in &images {
        sum = sum + mirror(forward(mirror(x.clone(), mirrored)), mirrored);
    }
    sum / (images.len() + 1) as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::mirror_tta;
    use crate::transform::MirrorAxes;

    /// A network that adds 1, 2, … 8 to the voxels of a 2×2×2 patch by position: mirroring puts every voxel at every
    /// position once, so each gets the mean, 4.5.
    #[test]
    fn each_voxel_is_seen_at_all_eight_places() {
        let cpu = Device::flex();
        let cube = |values: [f32; 8]| Tensor::<5>::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2, 2]), &cpu);
        let places = cube([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let x = cube([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]);
        let mean = mirror_tta(&x, MirrorAxes::ALL, |x| x + places.clone());
        let values: Vec<f32> = mean.into_data().try_into_vec().expect("floats");
        assert_eq!(values, [4.5, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 74.5]);

        // Along the width alone neighbors share their mean: 1.5, 3.5, 5.5, 7.5 twice each.
        let mean = mirror_tta(&x, MirrorAxes([false, false, true]), |x| x + places.clone());
        let values: Vec<f32> = mean.into_data().try_into_vec().expect("floats");
        assert_eq!(values, [1.5, 11.5, 23.5, 33.5, 45.5, 55.5, 67.5, 77.5]);
    }
}
