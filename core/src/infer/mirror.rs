//! Mirror TTA: test-time augmentation by mirroring.

use burn::tensor::Tensor;

/// The mean logits of the eight mirror images of a batch, each mirrored back: `[batch, class, d, h, w]` for
/// `x` `[batch, channel, d, h, w]`. Logits are averaged, as in nnU-Net 2; nnFormer averages probabilities.
pub fn mirror_tta(x: &Tensor<5>, forward: impl Fn(Tensor<5>) -> Tensor<5>) -> Tensor<5> {
    // Bit `axis` of `axes` says whether that axis is mirrored.
    let mirror = |x: Tensor<5>, axes: usize| {
        let axes = (0..3).filter(|axis| axes >> axis & 1 == 1);
        axes.fold(x, |x, axis| x.flip([axis + 2]))
    };
    let logits = (0..8).map(|axes| mirror(forward(mirror(x.clone(), axes)), axes));
    let sum = logits.reduce(|sum, logits| sum + logits);
    sum.expect("there are eight") / 8.0
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};

    use super::mirror_tta;

    /// A network that adds 1, 2, … 8 to the voxels of a 2×2×2 patch by position: mirroring puts every voxel at every
    /// position once, so each gets the mean, 4.5.
    #[test]
    fn each_voxel_is_seen_at_all_eight_places() {
        let cpu = Device::flex();
        let cube = |values: [f32; 8]| Tensor::<5>::from_data(TensorData::new(values.to_vec(), [1, 1, 2, 2, 2]), &cpu);
        let places = cube([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]);
        let x = cube([0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]);
        let mean = mirror_tta(&x, |x| x + places.clone());
        let values: Vec<f32> = mean.into_data().try_into_vec().expect("floats");
        assert_eq!(values, [4.5, 14.5, 24.5, 34.5, 44.5, 54.5, 64.5, 74.5]);
    }
}
