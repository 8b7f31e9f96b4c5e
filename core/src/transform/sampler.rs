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
#[derive(Clone, Debug)]
pub struct Sampler {
    cases: Vec<Prepared>,
    /// Labelled voxels of each case, drawn from when a patch is to hold foreground.
    foreground: Vec<Vec<[usize; 3]>>,
    patch: [usize; 3],
    augmentation: Augmentation,
    order: Vec<usize>,
    rng: ChaCha8Rng,
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
            order: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        }
    }

    /// The next `count` patches, for a network of `classes`.
    pub fn batch(&mut self, count: usize, classes: usize, device: &Device) -> Patch {
        let voxels = count * self.patch.iter().product::<usize>();
        let (mut x, mut y) = (Vec::with_capacity(voxels), Vec::with_capacity(voxels));
        for _ in 0..count {
            let (image, labels) = self.draw();
            x.extend(image);
            y.extend(labels);
        }
        let [d, h, w] = self.patch;
        Patch {
            x: Tensor::from_data(TensorData::new(x, [count, 1, d, h, w]), device),
            y: Target::new(y, count, classes, device),
        }
    }

    fn draw(&mut self) -> (Array3<f32>, Array3<u8>) {
        if self.order.is_empty() {
            self.order = (0..self.cases.len()).collect();
            self.order.shuffle(&mut self.rng);
        }
        let index = self.order.pop().unwrap_or(0);
        let [d, h, w] = self.corner(index);
        let case = &self.cases[index];
        let [pd, ph, pw] = self.patch;
        let window = s![d..d + pd, h..h + ph, w..w + pw];
        let mut image = case.image.slice(window).to_owned();
        let mut classes = match &case.classes {
            Some(classes) => classes.slice(window).to_owned(),
            None => Array3::zeros(self.patch),
        };
        self.augmentation
            .apply(&mut image, &mut classes, &mut self.rng);
        (image, classes)
    }

    /// Where a patch of case `index` starts.
    fn corner(&mut self, index: usize) -> [usize; 3] {
        let size = shape(&self.cases[index].image);
        let room: [usize; 3] = std::array::from_fn(|axis| size[axis] - self.patch[axis]);
        let candidates = &self.foreground[index];
        let centred = !candidates.is_empty()
            && self
                .rng
                .random_bool(self.augmentation.foreground.clamp(0.0, 1.0));
        if centred {
            let centre = candidates[self.rng.random_range(0..candidates.len())];
            return std::array::from_fn(|axis| {
                centre[axis]
                    .saturating_sub(self.patch[axis] / 2)
                    .min(room[axis])
            });
        }
        room.map(|room| self.rng.random_range(0..=room))
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
