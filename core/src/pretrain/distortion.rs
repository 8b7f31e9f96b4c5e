//! How PCRLv2 distorts the patches that it restores: noise, a change of gamma and, in whole patches, boxes that swap
//! places, with the defaults of torchio 0.20's `RandomNoise`, `RandomGamma` and `RandomSwap`.

use burn::tensor::{Int, Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::parallel;
use crate::transform::normal;

/// Largest standard deviation of the noise.
const NOISE: f32 = 0.25;

/// Largest logarithm of the exponent, and of its inverse.
const LOG_GAMMA: f32 = 0.3;

/// Voxels of a box along each axis; the released code's own number.
const BOX: [usize; 3] = [4, 4, 8];

/// Pairs of boxes that swap places in a patch.
const SWAPS: usize = 100;

/// `x` `[batch, channel, d, h, w]` with other intensities: each sample in its own way.
pub(super) fn recolored(x: Tensor<5>, rng: &mut impl Rng) -> Tensor<5> {
    let shape @ [samples, channels, d, h, w] = x.dims();
    let (device, dtype) = (x.device(), x.dtype());
    let gammas: Vec<f32> = (0..samples)
        .map(|_| rng.random_range(-LOG_GAMMA..LOG_GAMMA).exp())
        .collect();
    let seeds = (0..samples).map(|_| rng.random()).collect();
    let noise = parallel::map(seeds, |seed| noise(channels * d * h * w, seed)).concat();
    let gammas = Tensor::<5>::from_data(TensorData::new(gammas, [samples, 1, 1, 1, 1]), &device);
    let noise = Tensor::<5>::from_data(TensorData::new(noise, shape), &device);
    let power = x.clone().abs().powf(gammas.cast(dtype).expand(shape)) * x.sign();
    power + noise.cast(dtype)
}

/// Noise of a sample, of some deviation.
fn noise(values: usize, seed: u64) -> Vec<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let deviation = rng.random_range(0.0..NOISE);
    (0..values).map(|_| deviation * normal(&mut rng) as f32).collect()
}

/// `x` `[batch, channel, d, h, w]` with pairs of boxes that have swapped places: in each sample others, the same in its
/// channels.
pub(super) fn swapped(x: Tensor<5>, rng: &mut impl Rng) -> Tensor<5> {
    let shape @ [samples, channels, d, h, w] = x.dims();
    let voxels = d * h * w;
    let sources: Vec<i32> = (0..samples).flat_map(|_| sources([d, h, w], rng)).collect();
    let sources = Tensor::<2, Int>::from_data(TensorData::new(sources, [samples, voxels]), &x.device());
    let sources = sources
        .reshape([samples, 1, voxels])
        .expand([samples, channels, voxels]);
    x.reshape([samples, channels, voxels]).gather(2, sources).reshape(shape)
}

/// For each voxel of a patch the number of the voxel that takes its place.
fn sources(patch: [usize; 3], rng: &mut impl Rng) -> Vec<i32> {
    let mut sources: Vec<i32> = (0..patch.iter().product::<usize>() as i32).collect();
    // Two boxes that do not overlap fit along every axis.
    let side = [0, 1, 2].map(|axis| BOX[axis].min(patch[axis] / 2));
    if side.contains(&0) {
        return sources;
    }
    let index = |[d, h, w]: [usize; 3]| (d * patch[1] + h) * patch[2] + w;
    for _ in 0..SWAPS {
        let mut corner = || [0, 1, 2].map(|axis| rng.random_range(0..=patch[axis] - side[axis]));
        let (one, other) = (corner(), corner());
        let overlap = (0..3).all(|axis| one[axis].abs_diff(other[axis]) < side[axis]);
        if overlap {
            continue;
        }
        for offset in 0..side.iter().product() {
            let within = [
                offset / (side[1] * side[2]),
                offset / side[2] % side[1],
                offset % side[2],
            ];
            let at = |corner: [usize; 3]| index([0, 1, 2].map(|axis| corner[axis] + within[axis]));
            sources.swap(at(one), at(other));
        }
    }
    sources
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn voxels_change_places_and_none_is_lost() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for patch in [[16, 24, 24], [3, 2, 20], [1, 8, 8]] {
            let mut found = sources(patch, &mut rng);
            let whole: Vec<i32> = (0..patch.iter().product::<usize>() as i32).collect();
            assert_eq!(found != whole, patch[0] > 1, "{patch:?}");
            found.sort_unstable();
            assert_eq!(found, whole, "{patch:?}");
        }
    }
}
