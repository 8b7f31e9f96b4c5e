//! Random patches from prepared cases.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, Array4, s};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sampling::Candidates;
use super::{Augmentation, Prepared, Sampling};
use crate::train::Target;

/// A batch of patches.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Intensities `[batch, channel, d, h, w]`.
    pub x: Tensor<5>,
    /// True classes.
    pub y: Target,
}

/// A batch of patches before it is on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Intensities, row-major `[batch, channel, d, h, w]`.
    pub intensities: Vec<f32>,
    /// Class indices, row-major `[batch, d, h, w]`.
    pub classes: Vec<u8>,
}

/// Draws batches. What patch number n of a run is depends on the seed and n alone, so that a run that
/// goes on, or that has its patches prepared ahead, sees the same ones.
#[derive(Clone, Debug)]
pub struct Sampler {
    cases: Vec<Prepared>,
    candidates: Vec<Candidates>,
    patch: [usize; 3],
    sampling: Sampling,
    augmentation: Augmentation,
    slice_axis: usize,
    seed: u64,
    /// Patches drawn so far.
    drawn: u64,
    /// A round's number and its order of cases.
    round: Option<(u64, Vec<usize>)>,
}

/// What random numbers are for; each has streams of its own.
#[derive(Clone, Copy)]
enum Purpose {
    Order,
    Patch,
}

impl Sampler {
    /// A sampler over labelled cases of one number of channels, each at least as large as `patch`.
    /// `slice_axis` is the axis across slices.
    pub fn new(
        cases: Vec<Prepared>,
        patch: [usize; 3],
        sampling: Sampling,
        augmentation: Augmentation,
        slice_axis: usize,
        seed: u64,
    ) -> Self {
        let candidates = cases.iter().map(|case| Candidates::of(case, sampling.centre));
        Self {
            candidates: candidates.collect(),
            cases,
            patch,
            sampling,
            augmentation,
            slice_axis,
            seed,
            drawn: 0,
            round: None,
        }
    }

    /// Goes on as if so many patches had been drawn.
    pub fn skip_to(&mut self, patches: u64) {
        self.drawn = patches;
    }

    /// The next `count` patches, for a network of `classes`.
    pub fn batch(&mut self, count: usize, classes: usize, device: &Device) -> Patch {
        let drawn = self.draw(count);
        self.upload(drawn, count, classes, device)
    }

    /// The next `count` patches.
    pub fn draw(&mut self, count: usize) -> Drawn {
        let (mut intensities, mut classes) = (Vec::new(), Vec::new());
        for item in 0..count {
            let (image, labels) = self.patch((item, count));
            intensities.extend(image);
            classes.extend(labels);
            self.drawn += 1;
        }
        Drawn {
            intensities,
            classes,
        }
    }

    /// Puts a batch of `count` patches on a device.
    pub fn upload(&self, drawn: Drawn, count: usize, classes: usize, device: &Device) -> Patch {
        let [d, h, w] = self.patch;
        let channels = self.cases.first().map_or(1, Prepared::channels);
        let x = TensorData::new(drawn.intensities, [count, channels, d, h, w]);
        Patch {
            x: Tensor::from_data(x, device),
            y: Target::new(drawn.classes, count, classes, device),
        }
    }

    /// The next patch, which is `item` of a batch.
    fn patch(&mut self, place: (usize, usize)) -> (Array4<f32>, Array3<u8>) {
        let index = self.case();
        let mut rng = self.stream(Purpose::Patch, self.drawn);
        let case = &self.cases[index];
        let candidates = &self.candidates[index];
        let centre = candidates.centre(self.sampling.centre, place, case, &mut rng);
        let corner = corner(case.size(), self.patch, centre, &mut rng);
        let spatial = self.augmentation.spatial;
        let warp = spatial.and_then(|spatial| spatial.draw(self.slice_axis, &mut rng));
        let (mut image, mut classes) = match warp {
            Some(warp) => warp.cut(&case.image, case.classes.as_ref(), corner, self.patch),
            None => cut(case, corner, self.patch),
        };
        self.augmentation
            .apply(&mut image, &mut classes, self.slice_axis, &mut rng);
        (image, classes)
    }

    /// Which case the next patch is of.
    fn case(&mut self) -> usize {
        let count = self.cases.len() as u64;
        let turn = self.drawn / self.sampling.patches_per_case.max(1) as u64;
        if self.sampling.replacement {
            return self.stream(Purpose::Order, turn).random_range(0..self.cases.len());
        }
        let (round, place) = (turn / count, (turn % count) as usize);
        match &self.round {
            Some((known, order)) if *known == round => order[place],
            _ => {
                let mut order: Vec<usize> = (0..self.cases.len()).collect();
                order.shuffle(&mut self.stream(Purpose::Order, round));
                let index = order[place];
                self.round = Some((round, order));
                index
            }
        }
    }

    fn stream(&self, purpose: Purpose, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(number << 1 | purpose as u64);
        rng
    }
}

/// Where a patch starts that is to lie around `centre`, or anywhere.
fn corner(
    size: [usize; 3],
    patch: [usize; 3],
    centre: Option<[usize; 3]>,
    rng: &mut impl Rng,
) -> [usize; 3] {
    [0, 1, 2].map(|axis| {
        let room = size[axis].saturating_sub(patch[axis]);
        match centre {
            Some(centre) => centre[axis].saturating_sub(patch[axis] / 2).min(room),
            None => rng.random_range(0..=room),
        }
    })
}

fn cut(case: &Prepared, [d, h, w]: [usize; 3], patch: [usize; 3]) -> (Array4<f32>, Array3<u8>) {
    let [pd, ph, pw] = patch;
    let image = case
        .image
        .slice(s![.., d..d + pd, h..h + ph, w..w + pw])
        .to_owned();
    let classes = match &case.classes {
        Some(classes) => classes.slice(s![d..d + pd, h..h + ph, w..w + pw]).to_owned(),
        None => Array3::zeros(patch),
    };
    (image, classes)
}
