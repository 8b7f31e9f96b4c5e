//! Patch sampling: which case, and around which voxel.

use ndarray::{ArrayView3, ArrayView4, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::SampledCase;
use crate::loss::IGNORED;

/// How patches are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Patches from one case before the next (MONAI's `num_samples`).
    pub patches_per_case: usize,
    /// Whether cases are drawn with replacement, as in nnU-Net, rather than in reshuffled rounds.
    pub replacement: bool,
    /// Where a patch lies in its case.
    #[serde(alias = "centre")]
    pub center: Center,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            patches_per_case: 1,
            replacement: false,
            center: Center::Anywhere,
        }
    }
}

/// Where a patch lies in its case; its center is moved to keep the patch inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Center {
    /// Anywhere.
    #[default]
    Anywhere,
    /// Foreground oversampling: on a random labeled voxel with probability `share`, else anywhere.
    Foreground {
        /// How often.
        share: f64,
    },
    /// The same with a random label of the case before a voxel of it, so that a small one is seen as often as a large
    /// one.
    EachLabel {
        /// How often.
        share: f64,
    },
    /// On a random labeled voxel or on a random voxel that is unlabeled and above 0 in some channel,
    /// in the ratio `positive` to `negative` (MONAI 1.5, `RandCropByPosNegLabel`).
    PosNeg {
        /// Weight of labeled voxels.
        positive: f64,
        /// Weight of unlabeled ones.
        negative: f64,
    },
    /// Foreground oversampling by class: the last patches of a batch, a fraction `share` of it, on a random voxel of a
    /// random class of their case; the others anywhere (nnU-Net 1's `oversample_foreground_percent`, 0.33 there).
    Class {
        /// Fraction of a batch.
        share: f64,
    },
}

impl Sampling {
    /// MONAI's recipe for Synapse: four patches per case, half of them on organs.
    pub fn monai() -> Self {
        Self {
            patches_per_case: 4,
            center: Center::PosNeg {
                positive: 1.0,
                negative: 1.0,
            },
            ..Self::default()
        }
    }

    /// nnU-Net 1's.
    pub fn nnunet() -> Self {
        Self {
            replacement: true,
            center: Center::Class { share: 0.33 },
            ..Self::default()
        }
    }

    /// Why it is invalid, one sentence that names the setting.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.patches_per_case == 0 {
            return Some("sampling.patches_per_case is 0: make it at least 1".to_owned());
        }
        match self.center {
            Center::Foreground { share } | Center::EachLabel { share } | Center::Class { share }
                if !(0.0..=1.0).contains(&share) =>
            {
                Some(format!("sampling.center.share is {share}: choose 0 to 1"))
            }
            Center::PosNeg { positive, negative } => {
                let usable = positive.min(negative) >= 0.0 && (positive + negative).is_normal();
                (!usable).then(|| {
                    format!(
                        "sampling.center is {positive} positive to {negative} negative: choose parts of 0 or more, not \
                         both 0"
                    )
                })
            }
            _ => None,
        }
    }
}

/// The voxels of a case that patches are centered on.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    /// Row-major indices of labeled voxels, by class; absent classes are left out.
    labeled: Vec<Vec<u32>>,
    /// Whether there are unlabeled voxels above 0 to sample.
    background: bool,
}

impl Candidates {
    /// Those of a case; with `ignores`, voxels of the class [`IGNORED`] are none.
    pub fn of(case: &SampledCase, center: Center, ignores: bool) -> Self {
        if center == Center::Anywhere {
            return Self::default();
        }
        let (image, classes) = (case.image(), case.classes());
        let mut labeled = vec![Vec::new(); 256];
        for (index, &class) in classes.iter().enumerate() {
            // A volume with more voxels than u32 can count exceeds the reading limits.
            if class > 0 && !(ignores && class == IGNORED) {
                labeled[usize::from(class)].push(index as u32);
            }
        }
        labeled.retain(|voxels| !voxels.is_empty());
        let background = (0..classes.len()).any(|index| is_background(image, classes, index));
        Self { labeled, background }
    }

    /// The center of patch `item` of `batch`; `None` if it may lie anywhere.
    pub fn center(
        &self,
        rule: Center,
        (item, batch): (usize, usize),
        case: &SampledCase,
        rng: &mut impl Rng,
    ) -> Option<[usize; 3]> {
        let (image, classes) = (case.image(), case.classes());
        let index = match rule {
            Center::Anywhere => None,
            Center::Foreground { share } => {
                let wanted = !self.labeled.is_empty() && rng.random_bool(share.clamp(0.0, 1.0));
                if wanted { self.labeled_voxel(rng) } else { None }
            }
            Center::EachLabel { share } => {
                let wanted = !self.labeled.is_empty() && rng.random_bool(share.clamp(0.0, 1.0));
                wanted.then(|| self.voxel_of_a_class(rng))
            }
            Center::PosNeg { positive, negative } => {
                let wanted = rng.random_bool((positive / (positive + negative)).clamp(0.0, 1.0));
                match (wanted && !self.labeled.is_empty()) || !self.background {
                    true => self.labeled_voxel(rng),
                    false => Some(background_voxel(image, classes, rng)),
                }
            }
            Center::Class { share } => {
                let free = (batch as f64 * (1.0 - share)).round_ties_even() as usize;
                if item < free || self.labeled.is_empty() {
                    return None;
                }
                Some(self.voxel_of_a_class(rng))
            }
        }?;
        let (_, h, w) = classes.dim();
        Some([index / (h * w), index / w % h, index % w])
    }

    /// A voxel of any class, of which there is at least one.
    fn voxel_of_a_class(&self, rng: &mut impl Rng) -> usize {
        let class = &self.labeled[rng.random_range(0..self.labeled.len())];
        class[rng.random_range(0..class.len())] as usize
    }

    /// Any labeled voxel.
    fn labeled_voxel(&self, rng: &mut impl Rng) -> Option<usize> {
        let total = self.labeled.iter().map(Vec::len).sum::<usize>();
        if total == 0 {
            return None;
        }
        let mut choice = rng.random_range(0..total);
        for class in &self.labeled {
            match class.get(choice) {
                Some(&index) => return Some(index as usize),
                None => choice -= class.len(),
            }
        }
        None
    }
}

/// A random unlabeled voxel above 0, of which there is at least one: by rejection sampling, since most voxels qualify,
/// and after many failures the first one after a random position.
fn background_voxel(image: ArrayView4<'_, f32>, classes: ArrayView3<'_, u8>, rng: &mut impl Rng) -> usize {
    let count = classes.len();
    let mut index = 0;
    for _ in 0..10_000 {
        index = rng.random_range(0..count);
        if is_background(image, classes, index) {
            return index;
        }
    }
    (0..count)
        .map(|step| (index + step) % count)
        .find(|&index| is_background(image, classes, index))
        .unwrap_or(index)
}

fn is_background(image: ArrayView4<'_, f32>, classes: ArrayView3<'_, u8>, index: usize) -> bool {
    let (_, h, w) = classes.dim();
    let [d, h, w] = [index / (h * w), index / w % h, index % w];
    let above = |channel| image[[channel, d, h, w]] > 0.0;
    classes[[d, h, w]] == 0 && (0..image.len_of(Axis(0))).any(above)
}
