//! Training, validation and test lists, by the names that the data sets are distributed with.

use std::collections::BTreeSet;

use super::name::Preset;

/// A list of a preset.
pub(super) struct List {
    pub name: &'static str,
    members: Members,
}

/// The cases of a list.
enum Members {
    /// The cases with these numbers.
    Numbers(Numbering, &'static [u16]),
    /// The cases of the data set that are on none of these lists.
    Others(Numbering, &'static [&'static [u16]]),
    /// Frames by name.
    Names(&'static [&'static str]),
    /// The cases whose number is a multiple of five, or all others, and how many were published.
    Fifth(Numbering, bool, usize),
    /// Every case except those that the data set holds out.
    All,
}

/// How a data set numbers its labeled cases.
#[derive(Clone, Copy)]
struct Numbering {
    prefix: &'static str,
    digits: usize,
    /// The last number on the published lists.
    last: u16,
    /// Labeled cases per number.
    frames: usize,
}

impl Numbering {
    /// The number of a case, or of a frame's patient.
    fn of(self, name: &str) -> Option<u16> {
        let rest = name.strip_prefix(self.prefix)?;
        let digits = rest.get(..self.digits)?;
        let ends = rest.len() == self.digits || rest[self.digits..].starts_with('_');
        let sound = ends && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.parse().ok().filter(|_| sound);
        number.filter(|&number| number <= self.last)
    }

    /// The name of the case with this number, or the start of its frames' names.
    fn name(self, number: u16) -> String {
        format!("{}{number:0digits$}", self.prefix, digits = self.digits)
    }
}

impl List {
    /// Whether the list contains the case of this name.
    pub fn contains(&self, name: &str) -> bool {
        match &self.members {
            Members::Numbers(numbering, numbers) => numbering.of(name).is_some_and(|number| numbers.contains(&number)),
            Members::Others(numbering, lists) => numbering.of(name).is_some_and(|number| is_other(number, lists)),
            Members::Names(names) => names.contains(&name),
            Members::Fifth(numbering, held_out, _) => numbering
                .of(name)
                .is_some_and(|number| number.is_multiple_of(5) == *held_out),
            Members::All => true,
        }
    }

    /// Whether it contains every case to train on, whatever its name.
    pub fn is_open(&self) -> bool {
        matches!(self.members, Members::All)
    }

    /// How many cases it was published with.
    pub fn published(&self) -> Option<usize> {
        match &self.members {
            Members::Numbers(numbering, numbers) => Some(numbers.len() * numbering.frames),
            Members::Others(numbering, lists) => {
                let numbers = others(*numbering, lists).count();
                Some(numbers * numbering.frames)
            }
            Members::Names(names) => Some(names.len()),
            Members::Fifth(.., published) => Some(*published),
            Members::All => None,
        }
    }

    /// Cases or patients on the list, in order, to which none of `names` belongs, if the list names its members.
    pub fn absent(&self, names: &[&str]) -> Vec<String> {
        let unseen = |numbering: &Numbering, numbers: &mut dyn Iterator<Item = u16>| {
            let seen: BTreeSet<u16> = names.iter().filter_map(|name| numbering.of(name)).collect();
            let unseen = numbers.filter(|number| !seen.contains(number));
            unseen.map(|number| numbering.name(number)).collect()
        };
        match &self.members {
            Members::Numbers(numbering, numbers) => unseen(numbering, &mut numbers.iter().copied()),
            Members::Others(numbering, lists) => unseen(numbering, &mut others(*numbering, lists)),
            Members::Names(own) => {
                let unseen = own.iter().filter(|name| !names.contains(name));
                unseen.map(|&name| name.to_owned()).collect()
            }
            Members::Fifth(..) | Members::All => Vec::new(),
        }
    }
}

fn is_other(number: u16, lists: &[&[u16]]) -> bool {
    number > 0 && !lists.iter().any(|list| list.contains(&number))
}

/// Numbers, from 1, that are on none of the lists.
fn others(numbering: Numbering, lists: &[&[u16]]) -> impl Iterator<Item = u16> {
    (1..=numbering.last).filter(move |&number| is_other(number, lists))
}

/// The lists of a preset.
pub(super) fn lists(preset: Preset) -> Vec<List> {
    use Members::{All, Fifth, Names, Numbers, Others};
    let lists = match preset {
        // TransUNet's 18 and 12, which nnFormer uses too; and the released UNETR code's own.
        Preset::Synapse => vec![
            ("train", Numbers(SYNAPSE, &SYNAPSE_TRAIN)),
            ("test", Numbers(SYNAPSE, &SYNAPSE_TEST)),
            ("five-shot", Numbers(SYNAPSE, &SYNAPSE_FIVE)),
            ("released-train", Numbers(SYNAPSE, &SYNAPSE_RELEASED_TRAIN)),
            ("released-test", Numbers(SYNAPSE, &SYNAPSE_RELEASED_TEST)),
        ],
        // nnFormer's patients; the released code was evaluated on the ten of `val`. The paper states 80 and 20: those
        // not used for testing, including `val`. The cases in `testing` were published later and are on no list.
        Preset::Acdc => vec![
            ("train", Others(ACDC, &[&ACDC_VAL, &ACDC_TEST])),
            ("val", Numbers(ACDC, &ACDC_VAL)),
            ("test", Numbers(ACDC, &ACDC_TEST)),
            ("train-80", Others(ACDC, &[&ACDC_TEST])),
            ("five-shot", Names(&ACDC_FIVE)),
        ],
        // 1000 and 251 of 1251. Which fold was held out is not stated. A case's own number decides, not its position
        // among the available ones: a missing or added case moves no other.
        Preset::Brats21 => vec![
            ("train", Fifth(BRATS21, false, 1000)),
            ("val", Fifth(BRATS21, true, 251)),
        ],
        // nnFormer's 387, 73 and 24 of 484; published numbers are of `val`.
        Preset::Brats17 => vec![
            ("train", Others(BRATS17, &[&BRATS17_VAL, &BRATS17_TEST])),
            ("val", Numbers(BRATS17, &BRATS17_VAL)),
            ("test", Numbers(BRATS17, &BRATS17_TEST)),
        ],
        Preset::Decathlon => vec![("train", All)],
    };
    let list = |(name, members)| List { name, members };
    lists.into_iter().map(list).collect()
}

const SYNAPSE: Numbering = Numbering {
    prefix: "img",
    digits: 4,
    last: 40,
    frames: 1,
};
const SYNAPSE_TRAIN: [u16; 18] = [5, 6, 7, 9, 10, 21, 23, 24, 26, 27, 28, 30, 31, 33, 34, 37, 39, 40];
const SYNAPSE_TEST: [u16; 12] = [1, 2, 3, 4, 8, 22, 25, 29, 32, 35, 36, 38];
const SYNAPSE_RELEASED_TRAIN: [u16; 18] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 21, 22, 23, 24, 25, 26, 27, 28];
const SYNAPSE_RELEASED_TEST: [u16; 12] = [29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40];
/// The released nnFormer trainer's five; the paper gives none, and the other backbones get the same.
const SYNAPSE_FIVE: [u16; 5] = [6, 7, 9, 10, 21];

const ACDC: Numbering = Numbering {
    prefix: "patient",
    digits: 3,
    // 101 to 150 are the challenge's test set, labeled or not.
    last: 100,
    frames: 2,
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

const BRATS21: Numbering = Numbering {
    prefix: "BraTS2021_",
    digits: 5,
    last: 1666,
    frames: 1,
};

const BRATS17: Numbering = Numbering {
    prefix: "BRATS_",
    digits: 3,
    // 485 to 750 are unlabeled.
    last: 484,
    frames: 1,
};
const BRATS17_VAL: [u16; 73] = [
    11, 12, 18, 20, 21, 28, 29, 32, 34, 36, 41, 47, 49, 53, 56, 57, 69, 71, 89, 90, 92, 95, 103, 105, 106, 107, 109,
    118, 145, 147, 156, 161, 172, 176, 181, 194, 196, 198, 204, 205, 209, 220, 221, 227, 234, 235, 245, 250, 256, 257,
    260, 269, 270, 271, 281, 282, 287, 289, 291, 292, 310, 314, 323, 327, 330, 333, 337, 346, 350, 352, 361, 382, 397,
];
const BRATS17_TEST: [u16; 24] = [
    58, 59, 76, 77, 99, 113, 114, 124, 139, 151, 152, 157, 190, 240, 242, 295, 305, 325, 331, 362, 389, 425, 432, 450,
];
