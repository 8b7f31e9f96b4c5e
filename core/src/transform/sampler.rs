//! Random patches from prepared cases.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, s};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Augmentation;
use super::prepare::{Prepared, shape};
use crate::train::Target;

/// A batch of patches.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Intensities `[batch, 1, d, h, w]`.
    pub x: Tensor<5>,
    /// True classes.
    pub y: Target,
}

/// Draws batches: cases in an order shuffled anew each round, one random patch of each.
///
/// A draw depends on the seed and its number alone, so a run can go on anywhere, and several devices
/// can share its draws.
#[derive(Clone, Debug)]
pub struct Sampler {
    cases: Vec<Prepared>,
    /// Labelled voxels of each case, drawn from when a patch is to hold foreground.
    foreground: Vec<Vec<[usize; 3]>>,
    patch: [usize; 3],
    augmentation: Augmentation,
    seed: u64,
}

impl Sampler {
    /// A sampler over labelled cases, each at least as large as `patch`.
    pub fn new(
        cases: Vec<Prepared>,
        patch: [usize; 3],
        augmentation: Augmentation,
        seed: u64,
    ) -> Self {
        let foreground = if augmentation.foreground > 0.0 {
            cases.iter().map(labelled_voxels).collect()
        } else {
            vec![Vec::new(); cases.len()]
        };
        Self {
            cases,
            foreground,
            patch,
            augmentation,
            seed,
        }
    }

    /// The patches of draw `first` and the `count − 1` after it, for a network of `classes`.
    pub fn batch(&self, first: usize, count: usize, classes: usize, device: &Device) -> Patch {
        let voxels = count * self.patch.iter().product::<usize>();
        let (mut x, mut y) = (Vec::with_capacity(voxels), Vec::with_capacity(voxels));
        for draw in first..first + count {
            let (image, labels) = self.draw(draw);
            x.extend(image);
            y.extend(labels);
        }
        let [d, h, w] = self.patch;
        Patch {
            x: Tensor::from_data(TensorData::new(x, [count, 1, d, h, w]), device),
            y: Target::new(y, count, classes, device),
        }
    }

    /// Random numbers of one purpose; streams of one seed are independent.
    fn rng(&self, stream: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream as u64);
        rng
    }

    /// The case of a draw: the order of its round is shuffled by the round's own numbers.
    fn case_of(&self, draw: usize) -> usize {
        let count = self.cases.len().max(1);
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut self.rng(2 * (draw / count)));
        order[draw % count]
    }

    fn draw(&self, draw: usize) -> (Array3<f32>, Array3<u8>) {
        let index = self.case_of(draw);
        let mut rng = self.rng(2 * draw + 1);
        let [d, h, w] = self.corner(index, &mut rng);
        let case = &self.cases[index];
        let [pd, ph, pw] = self.patch;
        let window = s![d..d + pd, h..h + ph, w..w + pw];
        let mut image = case.image.slice(window).to_owned();
        let mut classes = match &case.classes {
            Some(classes) => classes.slice(window).to_owned(),
            None => Array3::zeros(self.patch),
        };
        self.augmentation
            .apply(&mut image, &mut classes, &mut rng);
        (image, classes)
    }

    /// Where a patch of case `index` starts.
    fn corner(&self, index: usize, rng: &mut ChaCha8Rng) -> [usize; 3] {
        let size = shape(&self.cases[index].image);
        let room: [usize; 3] = std::array::from_fn(|axis| size[axis] - self.patch[axis]);
        let candidates = &self.foreground[index];
        let centred = !candidates.is_empty()
            && rng.random_bool(self.augmentation.foreground.clamp(0.0, 1.0));
        if centred {
            let centre = candidates[rng.random_range(0..candidates.len())];
            return std::array::from_fn(|axis| {
                centre[axis]
                    .saturating_sub(self.patch[axis] / 2)
                    .min(room[axis])
            });
        }
        room.map(|room| rng.random_range(0..=room))
    }
}

fn labelled_voxels(case: &Prepared) -> Vec<[usize; 3]> {
    let classes = case
        .classes
        .iter()
        .flat_map(|classes| classes.indexed_iter());
    classes
        .filter(|&(_, &class)| class > 0)
        .map(|((d, h, w), _)| [d, h, w])
        .collect()
}
