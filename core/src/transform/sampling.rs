//! Where patches are cut: which case, and around which voxel.

use ndarray::{ArrayView3, ArrayView4, Axis};
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::SampledCase;

/// How patches are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sampling {
    /// Patches that are cut from one case before the next (MONAI's `num_samples`).
    pub patches_per_case: usize,
    /// Whether every case is drawn from all of them, as in nnU-Net, rather than in rounds that are
    /// shuffled anew.
    pub replacement: bool,
    /// Where a patch lies in its case.
    pub centre: Centre,
}

impl Default for Sampling {
    fn default() -> Self {
        Self {
            patches_per_case: 1,
            replacement: false,
            centre: Centre::Anywhere,
        }
    }
}

/// Where a patch lies in its case; its centre is moved so far that the patch stays inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Centre {
    /// Anywhere.
    #[default]
    Anywhere,
    /// On a random labelled voxel with probability `share`, else anywhere.
    Foreground {
        /// How often.
        share: f64,
    },
    /// On a random labelled voxel or on a random voxel that is unlabelled and above 0 in some channel,
    /// in the ratio `positive` to `negative` (MONAI 1.5, `RandCropByPosNegLabel`).
    PosNeg {
        /// Parts on labelled voxels.
        positive: f64,
        /// Parts on unlabelled ones.
        negative: f64,
    },
    /// The last patches of a batch, `share` of it, on a random voxel of a random class of their case;
    /// the others anywhere (nnU-Net 1's `oversample_foreground_percent`, 0.33 there).
    Class {
        /// How much of a batch.
        share: f64,
    },
}

impl Sampling {
    /// MONAI's recipe for Synapse: four patches of a case, half of them on organs.
    pub fn monai() -> Self {
        Self {
            patches_per_case: 4,
            centre: Centre::PosNeg {
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
            centre: Centre::Class { share: 0.33 },
            ..Self::default()
        }
    }

    /// Why it cannot work, one sentence that names the setting.
    pub(crate) fn problem(&self) -> Option<String> {
        if self.patches_per_case == 0 {
            return Some("sampling.patches_per_case is 0: make it at least 1".to_owned());
        }
        match self.centre {
            Centre::Foreground { share } | Centre::Class { share } if !(0.0..=1.0).contains(&share) => {
                Some(format!("sampling.centre.share is {share}: choose 0 to 1"))
            }
            Centre::PosNeg { positive, negative } => {
                let usable = positive.min(negative) >= 0.0 && (positive + negative).is_normal();
                (!usable).then(|| {
                    format!(
                        "sampling.centre is {positive} positive to {negative} negative: choose parts of 0 or more, not \
                         both 0"
                    )
                })
            }
            _ => None,
        }
    }
}

/// The voxels of a case that patches are centred on.
#[derive(Clone, Debug, Default)]
pub(super) struct Candidates {
    /// Row-major indices of labelled voxels, by class; classes that the case lacks are left out.
    labelled: Vec<Vec<u32>>,
    /// Whether unlabelled voxels above 0 are to be had.
    background: bool,
}

impl Candidates {
    pub fn of(case: &SampledCase, centre: Centre) -> Self {
        if centre == Centre::Anywhere {
            return Self::default();
        }
        let (image, classes) = (case.image(), case.classes());
        let mut labelled = vec![Vec::new(); 256];
        for (index, &class) in classes.iter().enumerate() {
            // A volume of more voxels than u32 counts is beyond what is read.
            if class > 0 {
                labelled[usize::from(class)].push(index as u32);
            }
        }
        labelled.retain(|voxels| !voxels.is_empty());
        let background = (0..classes.len()).any(|index| is_background(image, classes, index));
        Self { labelled, background }
    }

    /// The centre of patch `item` of `batch`; `None` where it may lie anywhere.
    pub fn centre(
        &self,
        rule: Centre,
        (item, batch): (usize, usize),
        case: &SampledCase,
        rng: &mut impl Rng,
    ) -> Option<[usize; 3]> {
        let (image, classes) = (case.image(), case.classes());
        let index = match rule {
            Centre::Anywhere => None,
            Centre::Foreground { share } => {
                let wanted = !self.labelled.is_empty() && rng.random_bool(share.clamp(0.0, 1.0));
                if wanted { self.labelled_voxel(rng) } else { None }
            }
            Centre::PosNeg { positive, negative } => {
                let wanted = rng.random_bool((positive / (positive + negative)).clamp(0.0, 1.0));
                match (wanted && !self.labelled.is_empty()) || !self.background {
                    true => self.labelled_voxel(rng),
                    false => Some(background_voxel(image, classes, rng)),
                }
            }
            Centre::Class { share } => {
                let free = (batch as f64 * (1.0 - share)).round_ties_even() as usize;
                if item < free || self.labelled.is_empty() {
                    return None;
                }
                let class = &self.labelled[rng.random_range(0..self.labelled.len())];
                Some(class[rng.random_range(0..class.len())] as usize)
            }
        }?;
        let (_, h, w) = classes.dim();
        Some([index / (h * w), index / w % h, index % w])
    }

    /// Any labelled voxel.
    fn labelled_voxel(&self, rng: &mut impl Rng) -> Option<usize> {
        let total = self.labelled.iter().map(Vec::len).sum::<usize>();
        if total == 0 {
            return None;
        }
        let mut choice = rng.random_range(0..total);
        for class in &self.labelled {
            match class.get(choice) {
                Some(&index) => return Some(index as usize),
                None => choice -= class.len(),
            }
        }
        None
    }
}

/// A random unlabelled voxel above 0, of which there is at least one: by trial, as most voxels are, and
/// after many failures the first from a random place on.
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
