//! Which parts of a patch are hidden: for each sample its own choice.

use burn::tensor::{Device, Int, Tensor, TensorData};
use rand::Rng;
use rand::seq::SliceRandom;

use crate::nn::TokenMask;

/// The tokens of each sample in random order: the first are visible, the others masked.
pub(super) struct Order {
    /// Of each sample, the numbers of its tokens.
    samples: Vec<Vec<usize>>,
    /// Visible tokens of each sample.
    visible: usize,
}

impl Order {
    /// A random order of so many tokens for each sample, of which `ratio` are masked: at least one is, and one is not.
    /// As in MAE's released code, what is visible is rounded down.
    pub fn draw(samples: usize, tokens: usize, ratio: f64, rng: &mut impl Rng) -> Self {
        let visible = (tokens as f64 * (1.0 - ratio)) as usize;
        let mut shuffled = || {
            let mut order: Vec<usize> = (0..tokens).collect();
            order.shuffle(rng);
            order
        };
        Self {
            samples: (0..samples).map(|_| shuffled()).collect(),
            visible: visible.clamp(1, tokens.saturating_sub(1).max(1)),
        }
    }

    /// The numbers of the visible tokens, `[batch, visible]`.
    pub fn visible(&self, device: &Device) -> Tensor<2, Int> {
        let rows = self.samples.iter().map(|order| order[..self.visible].to_vec());
        integers(rows.collect(), device)
    }

    /// For each token its place in the order, `[batch, token]`.
    pub fn places(&self, device: &Device) -> Tensor<2, Int> {
        let places = |order: &Vec<usize>| {
            let mut places = vec![0; order.len()];
            for (place, &token) in order.iter().enumerate() {
                places[token] = place;
            }
            places
        };
        integers(self.samples.iter().map(places).collect(), device)
    }

    /// 1 where a token is masked, `[batch, token]`.
    pub fn masked(&self, device: &Device) -> Tensor<2> {
        let masked = |order: &Vec<usize>| {
            let mut masked = vec![0.0f32; order.len()];
            for &token in &order[self.visible..] {
                masked[token] = 1.0;
            }
            masked
        };
        let shape = [self.samples.len(), self.samples.first().map_or(0, Vec::len)];
        let values: Vec<f32> = self.samples.iter().flat_map(masked).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }
}

fn integers(rows: Vec<Vec<usize>>, device: &Device) -> Tensor<2, Int> {
    let shape = [rows.len(), rows.first().map_or(0, Vec::len)];
    let values: Vec<i32> = rows.concat().into_iter().map(|number| number as i32).collect();
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// Cubes of voxels of which some are masked, in each sample its own.
pub(super) struct Cubes {
    /// Of each sample and each cube, row-major; true = masked.
    samples: Vec<Vec<bool>>,
    /// Voxels along each axis of a cube.
    side: usize,
    patch: [usize; 3],
}

impl Cubes {
    /// Masks `ratio` of the cubes of a patch, rounded up as in SimMIM's released code, but not all of them.
    pub fn draw(samples: usize, patch: [usize; 3], side: usize, ratio: f64, rng: &mut impl Rng) -> Self {
        let count: usize = patch.map(|length| length.div_ceil(side)).iter().product();
        let masked = ((count as f64 * ratio).ceil() as usize).clamp(1, count.saturating_sub(1).max(1));
        let mut draw = || {
            let mut cubes = vec![false; count];
            cubes[..masked].fill(true);
            cubes.shuffle(rng);
            cubes
        };
        Self {
            samples: (0..samples).map(|_| draw()).collect(),
            side,
            patch,
        }
    }

    /// The mask of tokens of `token`³ voxels.
    pub fn tokens(&self, token: usize, device: &Device) -> TokenMask {
        let grid = self.patch.map(|length| length / token);
        let of = |sample: &Vec<bool>| -> Vec<bool> {
            positions(grid)
                .map(|place| sample[self.cube(place.map(|at| at * token))])
                .collect()
        };
        TokenMask::of_each(&self.samples.iter().map(of).collect::<Vec<_>>(), device)
    }

    /// 1 where a voxel is masked, `[batch, 1, d, h, w]`.
    pub fn voxels(&self, device: &Device) -> Tensor<5> {
        let [d, h, w] = self.patch;
        let of = |sample: &Vec<bool>| -> Vec<f32> {
            positions(self.patch)
                .map(|place| f32::from(sample[self.cube(place)]))
                .collect()
        };
        let values: Vec<f32> = self.samples.iter().flat_map(of).collect();
        Tensor::from_data(TensorData::new(values, [self.samples.len(), 1, d, h, w]), device)
    }

    /// The number of the cube that a voxel lies in.
    fn cube(&self, [d, h, w]: [usize; 3]) -> usize {
        let [_, across, along] = self.patch.map(|length| length.div_ceil(self.side));
        ((d / self.side) * across + h / self.side) * along + w / self.side
    }
}

/// All places of a grid, row-major.
fn positions([d, h, w]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..d * h * w).map(move |index| [index / (h * w), index / w % h, index % w])
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::{Cubes, Order};

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    fn floats<const D: usize>(tensor: burn::tensor::Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec().expect("floats")
    }

    fn numbers(tensor: burn::tensor::Tensor<2, burn::tensor::Int>) -> Vec<usize> {
        let numbers = tensor
            .into_data()
            .convert::<i64>()
            .try_into_vec::<i64>()
            .expect("integers");
        numbers.into_iter().map(|number| number as usize).collect()
    }

    /// As `int(L * (1 - ratio))` of the released code, but never all or none.
    #[test]
    fn as_many_tokens_are_visible_as_in_the_released_code() {
        let device = Device::flex();
        for (tokens, ratio, visible) in [(216, 0.75, 54), (8, 0.75, 2), (4, 0.9, 1), (2, 0.1, 1), (27, 0.5, 13)] {
            let order = Order::draw(3, tokens, ratio, &mut rng());
            let seen = numbers(order.visible(&device));
            let masked = floats(order.masked(&device));
            let places = numbers(order.places(&device));
            assert_eq!(seen.len(), 3 * visible, "{tokens} tokens, {ratio}");
            for sample in 0..3 {
                let seen = &seen[sample * visible..][..visible];
                for token in 0..tokens {
                    let at = sample * tokens + token;
                    assert_eq!(masked[at] == 0.0, seen.contains(&token));
                    // A visible token's place is where it stands among the visible ones.
                    assert_eq!(places[at] < visible, seen.contains(&token));
                    assert!(places[at] >= visible || seen[places[at]] == token);
                }
            }
            assert!(
                tokens < 8 || seen[..visible] != seen[visible..2 * visible],
                "samples differ"
            );
        }
    }

    /// As `ceil(count * ratio)` of the released code; a token is masked where all of its voxels are.
    #[test]
    fn tokens_and_voxels_of_a_cube_are_masked_together() {
        let device = Device::flex();
        for (patch, side, token, ratio, masked) in [
            ([16, 16, 8], 8, 4, 0.6, 3),
            ([12, 8, 8], 4, 2, 0.6, 8),
            ([20, 8, 8], 8, 4, 0.5, 2),
        ] {
            let cubes = Cubes::draw(2, patch, side, ratio, &mut rng());
            for sample in &cubes.samples {
                assert_eq!(sample.iter().filter(|&&masked| masked).count(), masked);
            }
            let voxels = floats(cubes.voxels(&device));
            let [d, h, w] = patch;
            let grid = patch.map(|length| length / token);
            let tokens = burn::tensor::Tensor::<3>::zeros([2, grid.iter().product(), 1], &device);
            let ones = burn::tensor::Tensor::<3>::ones([1, 1, 1], &device);
            let tokens = floats(cubes.tokens(token, &device).apply(tokens, ones));
            for (index, &voxel) in voxels.iter().enumerate() {
                let (sample, place) = (index / (d * h * w), index % (d * h * w));
                let [z, y, x] = [place / (h * w), place / w % h, place % w].map(|at| at / token);
                let at = ((sample * grid[0] + z) * grid[1] + y) * grid[2] + x;
                assert_eq!(voxel, tokens[at], "{patch:?}");
            }
        }
    }
}
