//! Sums over a tensor that are bitwise reproducible.

use burn::tensor::Tensor;

/// Fewer values than this are summed by one core, in a fixed order. burn-flex splits longer sums among cores, and the
/// order in which it adds the parts depends on scheduling.
const LONG: usize = 4 * 1024 * 1024;

/// Sum of all values, `[1]`. Large tensors are summed axis by axis, starting with the last, which has a fixed order.
pub fn sum<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let mut x = x;
    for axis in (0..D).rev() {
        if x.shape().num_elements() < LONG {
            break;
        }
        x = x.sum_dim(axis);
    }
    x.sum()
}

/// Mean of all values, `[1]`; see [`sum`].
pub fn mean<const D: usize>(x: Tensor<D>) -> Tensor<1> {
    let count = x.shape().num_elements();
    sum(x) / count as f64
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Device, Tensor, TensorData};
    use futures::executor::block_on;
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::{LONG, mean, sum};

    fn noise(count: usize) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        (0..count).map(|_| rng.random_range(-1.0..1.0)).collect()
    }

    fn tensor<const D: usize>(values: &[f32], shape: [usize; D], device: &Device) -> Tensor<D> {
        Tensor::from_data(TensorData::new(values.to_vec(), shape), device)
    }

    fn read(x: Tensor<1>) -> f32 {
        block_on(x.into_scalar_async::<f32>()).expect("the device answers")
    }

    /// 200 sums of one tensor are bitwise equal, and match the sum in f64 up to rounding.
    fn check<const D: usize>(values: &[f32], shape: [usize; D]) {
        let x = tensor(values, shape, &Device::flex());
        let first = read(sum(x.clone()));
        for _ in 0..200 {
            assert_eq!(read(sum(x.clone())).to_bits(), first.to_bits());
        }
        let expected: f64 = values.iter().map(|&v| f64::from(v)).sum();
        assert!((f64::from(first) - expected).abs() < 0.05, "{first}, not {expected}");
        let found = f64::from(read(mean(x)));
        assert!((found - expected / values.len() as f64).abs() < 1e-8);
    }

    /// As many values as the logits of a patch of 96³ voxels and 14 classes, and a long line of them.
    #[test]
    fn long_sums_are_the_same_bits_every_time() {
        let values = noise(14 * 96 * 96 * 96);
        check(&values, [1, 14, 96, 96, 96]);
        check(&values, [values.len()]);
    }

    /// Tensors that one core sums anyway keep the sums that they always had.
    #[test]
    fn short_sums_are_those_of_the_device() {
        for side in [1, 10, 161] {
            let x = tensor(&noise(side * side * side), [side; 3], &Device::flex());
            assert_eq!(read(sum(x.clone())).to_bits(), read(x.clone().sum()).to_bits());
            assert_eq!(read(mean(x.clone())).to_bits(), read(x.mean()).to_bits());
        }
    }

    #[test]
    fn every_value_of_a_long_sum_has_its_gradient() {
        let (device, shape) = (Device::flex().autodiff(), [3, 1201, 1201]);
        let values = noise(3 * 1201 * 1201);
        assert!(values.len() > LONG);
        let x = tensor(&values, shape, &device).require_grad();
        let gradients = sum(x.clone().powi_scalar(2)).backward();
        let found = x.grad(&gradients).expect("a gradient");
        let found = block_on(found.into_data_async()).expect("the device answers");
        let found: Vec<f32> = found.try_into_vec().expect("f32");
        assert!(found.iter().zip(&values).all(|(g, v)| (g - 2.0 * v).abs() < 1e-6));
    }
}
