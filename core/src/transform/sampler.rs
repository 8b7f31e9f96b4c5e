//! Random patches from prepared cases.

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::{Array3, Array4, s};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sampling::Candidates;
use super::unlabeled::Unlabeled;
use super::{Augmentation, SampledCase, Sampling};
use crate::dataset::LabelSet;
use crate::loss::{IGNORED, Target};

/// A batch of patches.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Intensities `[batch, channel, d, h, w]`.
    pub x: Tensor<5>,
    /// True classes.
    pub y: Target,
}

/// A batch of patches before it is on a device.
#[derive(Clone, Debug, PartialEq)]
pub struct HostBatch {
    /// Intensities, row-major `[batch, channel, d, h, w]`.
    pub intensities: Vec<f32>,
    /// Class indices, row-major `[batch, d, h, w]`; [`IGNORED`] where a voxel is not labeled.
    pub classes: Vec<u8>,
    /// `[batch, channel, d, h, w]`.
    pub shape: [usize; 5],
}

impl HostBatch {
    /// Uploads the patches to a device, for a network that learns `labels`.
    pub fn upload(self, labels: &LabelSet, device: &Device) -> Batch {
        let [count, _, d, h, w] = self.shape;
        let y = match labels.regions() {
            None => Target::new(self.classes, count, labels.classes(), device),
            Some(regions) => {
                let inside = inside(&self.classes, d * h * w, &regions.contain(labels.ids()), labels);
                Target::regions(inside, count, labels.outputs(), device)
            }
        };
        Batch {
            x: Tensor::from_data(TensorData::new(self.intensities, self.shape), device),
            y,
        }
    }
}

/// Settings of patch sampling.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SamplerSettings {
    /// Size of a patch in voxels, `[depth, height, width]`.
    pub patch: [usize; 3],
    /// How patches are sampled.
    pub sampling: Sampling,
    /// Augmentation of each patch.
    pub augmentation: Augmentation,
    /// The axis across slices: 0 depth, 1 height, 2 width.
    pub slice_axis: usize,
    /// Patches of an optimizer step.
    pub patches_per_step: usize,
    /// Whether voxels of the class index [`IGNORED`] are not labeled; false where that is a class.
    pub ignores: bool,
    /// Whether draws 2k and 2k + 1 are two views of one place: cut there, and augmented each in its own way.
    pub pairs: bool,
}

/// Combined (XOR) with the seed for the augmentation of paired views.
const VIEWS: u64 = 0x71E5;

/// So often a patch is drawn again in which no voxel is labeled.
const REDRAWS: usize = 16;

/// Draws patches from labeled cases, and from unlabeled ones between them.
///
/// A draw depends only on the seed and its number, so a run can be resumed anywhere, several devices can share its
/// draws, and patches can be prefetched.
#[derive(Debug)]
pub struct Sampler {
    cases: Vec<SampledCase>,
    candidates: Vec<Candidates>,
    unlabeled: Unlabeled,
    settings: SamplerSettings,
    seed: u64,
}

impl Sampler {
    /// A sampler over labeled cases with the same number of channels, each at least as large as the patch.
    pub fn new(cases: Vec<SampledCase>, settings: SamplerSettings, seed: u64) -> Self {
        let center = settings.sampling.center;
        Self {
            candidates: cases
                .iter()
                .map(|case| Candidates::of(case, center, settings.ignores))
                .collect(),
            cases,
            unlabeled: Unlabeled::default(),
            settings,
            seed,
        }
    }

    /// Also draws a `share` of the patches, from 0 to below 1, from cases of which no voxel is labeled, from draw
    /// `first` on. The labeled patches are those of a sampler without them, further apart.
    #[must_use]
    pub fn with_unlabeled(mut self, cases: Vec<SampledCase>, share: f64, first: usize) -> Self {
        self.unlabeled = Unlabeled::new(cases, share, first, self.seed);
        self
    }

    /// The patches of draw `first` and the `count − 1` after it.
    pub fn draw(&self, first: usize, count: usize) -> HostBatch {
        let (mut intensities, mut classes) = (Vec::new(), Vec::new());
        for draw in first..first + count {
            let (image, labels) = match self.unlabeled.before(draw) {
                (before, true) => self.unlabeled_patch(before),
                (before, false) => self.patch(draw - before),
            };
            intensities.extend(image);
            classes.extend(labels);
        }
        let [d, h, w] = self.settings.patch;
        let channels = self.cases.first().map_or(1, SampledCase::channels);
        HostBatch {
            intensities,
            classes,
            shape: [count, channels, d, h, w],
        }
    }

    /// Random numbers for one purpose; streams of one seed are independent.
    fn rng(&self, stream: usize) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(stream as u64);
        rng
    }

    /// The case of a draw: each round over the cases is shuffled with its own random numbers.
    fn case_of(&self, draw: usize) -> usize {
        let count = self.cases.len().max(1);
        let turn = draw / self.settings.sampling.patches_per_case.max(1);
        if self.settings.sampling.replacement {
            return self.rng(2 * turn).random_range(0..count);
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut self.rng(2 * (turn / count)));
        order[turn % count]
    }

    /// The labeled patch of a number that counts only these.
    fn patch(&self, number: usize) -> (Array4<f32>, Array3<u8>) {
        let SamplerSettings {
            patch,
            sampling,
            patches_per_step,
            ignores,
            pairs,
            ..
        } = self.settings;
        let view = number;
        let number = if pairs { view / 2 } else { view };
        let index = self.case_of(number);
        let mut rng = self.rng(2 * number + 1);
        let case = &self.cases[index];
        let step = patches_per_step.max(1);
        let place = (number % step, step);
        let center = self.candidates[index].center(sampling.center, place, case, &mut rng);
        let mut start = corner(case.size(), patch, center, &mut rng);
        if ignores && center.is_none() {
            for _ in 0..REDRAWS {
                if any_labeled(case, start, patch) {
                    break;
                }
                start = corner(case.size(), patch, None, &mut rng);
            }
        }
        if pairs {
            rng = ChaCha8Rng::seed_from_u64(self.seed ^ VIEWS);
            rng.set_stream(view as u64);
        }
        self.cut(case, start, &mut rng)
    }

    /// The unlabeled patch of a number that counts only these.
    fn unlabeled_patch(&self, number: usize) -> (Array4<f32>, Array3<u8>) {
        let (case, mut rng) = self.unlabeled.case(number);
        let start = corner(case.size(), self.settings.patch, None, &mut rng);
        let (image, mut classes) = self.cut(case, start, &mut rng);
        // Beyond the scan too.
        classes.fill(IGNORED);
        (image, classes)
    }

    /// Cuts a patch out of a case and augments it.
    fn cut(&self, case: &SampledCase, corner: [usize; 3], rng: &mut impl Rng) -> (Array4<f32>, Array3<u8>) {
        let SamplerSettings {
            patch,
            augmentation,
            slice_axis,
            ..
        } = self.settings;
        let warp = augmentation.spatial.and_then(|spatial| spatial.draw(slice_axis, rng));
        let (mut image, mut classes) = match warp {
            Some(warp) => warp.cut(case.image(), case.classes(), corner, patch),
            None => cut(case, corner, patch),
        };
        augmentation.apply(&mut image, &mut classes, slice_axis, rng);
        (image, classes)
    }
}

/// Start of a patch around `center`, or anywhere.
fn corner(size: [usize; 3], patch: [usize; 3], center: Option<[usize; 3]>, rng: &mut impl Rng) -> [usize; 3] {
    [0, 1, 2].map(|axis| {
        let room = size[axis].saturating_sub(patch[axis]);
        match center {
            Some(center) => center[axis].saturating_sub(patch[axis] / 2).min(room),
            None => rng.random_range(0..=room),
        }
    })
}

/// Whether a patch has a voxel that is labeled, as background or otherwise.
fn any_labeled(case: &SampledCase, [d, h, w]: [usize; 3], [pd, ph, pw]: [usize; 3]) -> bool {
    let classes = case.classes();
    let patch = classes.slice(s![d..d + pd, h..h + ph, w..w + pw]);
    patch.iter().any(|&class| class != IGNORED)
}

/// Whether each voxel lies in each region, row-major `[batch, region, d, h, w]`, from class indices `[batch, d, h, w]`
/// and `contain`, which tells for every class whether a region contains it. Voxels that are not labeled are
/// [`IGNORED`].
fn inside(classes: &[u8], voxels: usize, contain: &[bool], labels: &LabelSet) -> Vec<u8> {
    let mut inside = Vec::with_capacity(classes.len() * labels.outputs());
    for patch in classes.chunks_exact(voxels.max(1)) {
        for region in contain.chunks_exact(labels.classes()) {
            let lies = |&class: &u8| region.get(usize::from(class)).map_or(IGNORED, |&lies| u8::from(lies));
            inside.extend(patch.iter().map(lies));
        }
    }
    inside
}

fn cut(case: &SampledCase, [d, h, w]: [usize; 3], patch: [usize; 3]) -> (Array4<f32>, Array3<u8>) {
    let [pd, ph, pw] = patch;
    let (image, classes) = (case.image(), case.classes());
    (
        image.slice(s![.., d..d + pd, h..h + ph, w..w + pw]).to_owned(),
        classes.slice(s![d..d + pd, h..h + ph, w..w + pw]).to_owned(),
    )
}
