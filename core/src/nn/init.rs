//! Initial weights, drawn on the host so that one seed starts the same network on every device.

use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Source of initial parameters.
///
/// The distributions are PyTorch's defaults for each layer, because the references are trained from them.
pub struct Init {
    rng: ChaCha8Rng,
    device: Device,
}

impl Init {
    /// A source that draws from `seed` and places parameters on `device`.
    pub fn new(seed: u64, device: &Device) -> Self {
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            device: device.clone(),
        }
    }

    /// Where the parameters are placed.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Uniform in ±1/√`fan_in`: the default of PyTorch's linear and convolution layers.
    pub fn fan_in<const D: usize>(&mut self, shape: [usize; D], fan_in: usize) -> Param<Tensor<D>> {
        let bound = 1.0 / (fan_in as f32).sqrt();
        self.draw(shape, |rng| rng.random_range(-bound..bound))
    }

    /// Normal with mean 0 and standard deviation `std`, cut at ±2 (absolute, as PyTorch's `trunc_normal_`, so in effect
    /// untruncated for small `std`).
    pub fn normal<const D: usize>(&mut self, shape: [usize; D], std: f32) -> Param<Tensor<D>> {
        self.draw(shape, |rng| (std * standard_normal(rng)).clamp(-2.0, 2.0))
    }

    /// The same value everywhere.
    pub fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.draw(shape, |_| value)
    }

    fn draw<const D: usize>(
        &mut self,
        shape: [usize; D],
        mut value: impl FnMut(&mut ChaCha8Rng) -> f32,
    ) -> Param<Tensor<D>> {
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| value(&mut self.rng)).collect();
        Param::from_data(TensorData::new(values, shape), &self.device)
    }
}

/// One draw from the standard normal distribution (Box and Muller's transform).
fn standard_normal(rng: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}
