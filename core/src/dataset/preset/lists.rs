//! Which cases are trained, validated and tested on, by the names that the data sets are distributed
//! with.

use super::Preset;

/// The cases of a list.
pub(super) enum Members {
    /// Those that these numbers stand for.
    Numbers(Numbering, &'static [u16]),
    /// Those that none of the lists holds.
    Others(Numbering, &'static [&'static [u16]]),
    /// Frames by name.
    Names(&'static [&'static str]),
    /// Every fifth case by name, or all others.
    Fifth(bool),
    /// Every case.
    All,
}

/// How a data set numbers its cases.
#[derive(Clone, Copy)]
pub(super) struct Numbering {
    prefix: &'static str,
    digits: usize,
}

impl Numbering {
    /// The number of a case, or of the patient that a frame is of.
    fn of(self, id: &str) -> Option<u16> {
        let rest = id.strip_prefix(self.prefix)?;
        let digits = rest.get(..self.digits)?;
        let ends = rest.len() == self.digits || rest[self.digits..].starts_with('_');
        digits.parse().ok().filter(|_| ends)
    }
}

impl Members {
    /// Whether the case `id`, `index`-th of all by name, is one of them.
    pub fn contains(&self, id: &str, index: usize) -> bool {
        match self {
            Self::Numbers(numbering, numbers) => numbering
                .of(id)
                .is_some_and(|number| numbers.contains(&number)),
            Self::Others(numbering, lists) => numbering
                .of(id)
                .is_some_and(|number| !lists.iter().any(|list| list.contains(&number))),
            Self::Names(names) => names.contains(&id),
            Self::Fifth(held_out) => index.is_multiple_of(5) == *held_out,
            Self::All => true,
        }
    }
}

/// The lists of a preset by name.
pub(super) fn lists(preset: Preset) -> Vec<(&'static str, Members)> {
    use Members::{All, Fifth, Names, Numbers, Others};
    match preset {
        // TransUNet's 18 and 12, which nnFormer uses too; and the released UNETR code's own.
        Preset::Synapse => vec![
            ("train", Numbers(SYNAPSE, &SYNAPSE_TRAIN)),
            ("test", Numbers(SYNAPSE, &SYNAPSE_TEST)),
            ("five-shot", Numbers(SYNAPSE, &SYNAPSE_FIVE)),
            ("released-train", Numbers(SYNAPSE, &SYNAPSE_RELEASED_TRAIN)),
            ("released-test", Numbers(SYNAPSE, &SYNAPSE_RELEASED_TEST)),
        ],
        // nnFormer's patients; MedContext was evaluated on the ten of `val`.
        Preset::Acdc => vec![
            ("train", Others(ACDC, &[&ACDC_VAL, &ACDC_TEST])),
            ("val", Numbers(ACDC, &ACDC_VAL)),
            ("test", Numbers(ACDC, &ACDC_TEST)),
            ("five-shot", Names(&ACDC_FIVE)),
        ],
        // 1000 and 251 of 1251. Which fold was held out is not stated: every fifth case is.
        Preset::Brats21 => vec![("train", Fifth(false)), ("val", Fifth(true))],
        // nnFormer's 387, 73 and 24 of 484; published numbers are of `val`.
        Preset::Brats17 => vec![
            ("train", Others(BRATS17, &[&BRATS17_VAL, &BRATS17_TEST])),
            ("val", Numbers(BRATS17, &BRATS17_VAL)),
            ("test", Numbers(BRATS17, &BRATS17_TEST)),
        ],
        Preset::Decathlon => vec![("train", All)],
    }
}

const SYNAPSE: Numbering = Numbering {
    prefix: "img",
    digits: 4,
};
const SYNAPSE_TRAIN: [u16; 18] = [
    5, 6, 7, 9, 10, 21, 23, 24, 26, 27, 28, 30, 31, 33, 34, 37, 39, 40,
];
const SYNAPSE_TEST: [u16; 12] = [1, 2, 3, 4, 8, 22, 25, 29, 32, 35, 36, 38];
const SYNAPSE_RELEASED_TRAIN: [u16; 18] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 21, 22, 23, 24, 25, 26, 27, 28,
];
const SYNAPSE_RELEASED_TEST: [u16; 12] = [29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];
/// The released nnFormer trainer's five; the paper gives none, and the other backbones get the same.
const SYNAPSE_FIVE: [u16; 5] = [6, 7, 9, 10, 21];

const ACDC: Numbering = Numbering {
    prefix: "patient",
    digits: 3,
};
const ACDC_VAL: [u16; 10] = [89, 90, 91, 93, 94, 96, 97, 98, 99, 100];
const ACDC_TEST: [u16; 20] = [
    2, 3, 8, 9, 12, 14, 17, 24, 42, 48, 49, 53, 55, 64, 67, 79, 81, 88, 92, 95,
];
/// The released nnFormer trainer's five frames.
const ACDC_FIVE: [&str; 5] = [
    "patient001_frame12",
    "patient004_frame15",
    "patient005_frame01",
    "patient013_frame14",
    "patient043_frame07",
];

const BRATS17: Numbering = Numbering {
    prefix: "BRATS_",
    digits: 3,
};
const BRATS17_VAL: [u16; 73] = [
    11, 12, 18, 20, 21, 28, 29, 32, 34, 36, 41, 47, 49, 53, 56, 57, 69, 71, 89, 90, 92, 95, 103,
    105, 106, 107, 109, 118, 145, 147, 156, 161, 172, 176, 181, 194, 196, 198, 204, 205, 209, 220,
    221, 227, 234, 235, 245, 250, 256, 257, 260, 269, 270, 271, 281, 282, 287, 289, 291, 292, 310,
    314, 323, 327, 330, 333, 337, 346, 350, 352, 361, 382, 397,
];
const BRATS17_TEST: [u16; 24] = [
    58, 59, 76, 77, 99, 113, 114, 124, 139, 151, 152, 157, 190, 240, 242, 295, 305, 325, 331, 362,
    389, 425, 432, 450,
];
