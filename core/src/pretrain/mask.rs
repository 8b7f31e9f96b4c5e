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
