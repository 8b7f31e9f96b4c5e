//! Which labels are each other's mirror image, left and right: a scan that is mirrored across the body would show each
//! in the other's place.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::side_names::{has_side, named_pairs, telling_words};
use super::{CaseFingerprint, LabelFacts};
use crate::statistics::median;

/// Both labels of a pair have sizes within this factor, in the median of the cases. Paired organs differ by less
/// (lungs by a fifth), neighbors such as liver and spleen by more.
const SIZES: f64 = 2.0;

/// How far the centers of a pair lie apart to the front or up, as a share of how far they lie apart to the side, in
/// the median of the cases. The right kidney lies 1 to 2 cm lower than the left one, 12 cm away from it, which is 0.15;
/// a head that is tilted by 10° moves what is in it by 0.18. Organs that lie side by side by chance are rarely as
/// level: of random directions, 4 in 100.
const OFFSET: f64 = 0.25;

/// One case alone does not tell a side from chance.
const FEWEST_CASES: usize = 2;

/// What tells that two labels are a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SideEvidence {
    /// Their names say left and right.
    Name,
    /// They lie opposite each other in all cases, level and of like size.
    Shape,
}

/// Two labels that are each other's mirror image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SidePair {
    /// Id of the label on the patient's left.
    pub left: u16,
    /// Id of the label on the patient's right.
    pub right: u16,
    /// What tells so.
    pub by: SideEvidence,
}

/// The pairs among the labels of a data set, by their left label's id.
///
/// Names come first: those that differ in a word for the side alone (`left kidney`, `Niere_rechts`, `KidneyL`). Labels
/// whose names say no side that is known are a pair by shape where their names do not tell them apart (`label 3` and
/// `label 4`, `kidney 1` and `kidney 2`) or in one word alone (`sinistrum` and `dextrum` of a `ren`), the one lies
/// farther to the right (x of RAS+) in each of at least two cases, their sizes are within a factor of 2 and their
/// centers are level; of several such partners each is the other's most level. Chambers of the heart and parts of the
/// liver are no pairs whatever they are called.
pub fn side_pairs(names: &BTreeMap<u16, String>, cases: &[CaseFingerprint]) -> Vec<SidePair> {
    let pair = |by| move |(left, right)| SidePair { left, right, by };
    let named = named_pairs(names).into_iter().map(pair(SideEvidence::Name));
    let shaped = shape_pairs(names, cases).into_iter().map(pair(SideEvidence::Shape));
    let mut pairs: Vec<SidePair> = named.chain(shaped).collect();
    pairs.sort_unstable_by_key(|pair| (pair.left, pair.right));
    pairs
}

/// Pairs, left and right, among the labels whose names say no side.
fn shape_pairs(names: &BTreeMap<u16, String>, cases: &[CaseFingerprint]) -> Vec<(u16, u16)> {
    let silent = |id: &u16| names.get(id).is_none_or(|name| !has_side(name));
    let words = |id: u16| names.get(&id).map(|name| telling_words(name)).unwrap_or_default();
    let found = cases
        .iter()
        .flat_map(|case| &case.facts)
        .flat_map(|facts| facts.labels.keys());
    let ids: BTreeSet<u16> = found.copied().filter(silent).collect();

    let mut candidates = Vec::new();
    for &a in &ids {
        for &b in ids.iter().filter(|&&b| b > a) {
            if may_differ_in_side(&words(a), &words(b)) {
                candidates.extend(Candidate::of(a, b, cases));
            }
        }
    }
    let best = |id: u16| {
        let own = candidates
            .iter()
            .filter(|candidate| [candidate.left, candidate.right].contains(&id));
        own.min_by(|a, b| a.offset.total_cmp(&b.offset))
    };
    let mutual = candidates.iter().filter(|&candidate| {
        [candidate.left, candidate.right]
            .into_iter()
            .all(|id| best(id) == Some(candidate))
    });
    mutual.map(|candidate| (candidate.left, candidate.right)).collect()
}

/// Whether two names tell no two things apart: they are the same, or share a word and differ in one, which may be a
/// side in any language.
fn may_differ_in_side(a: &[String], b: &[String]) -> bool {
    let apart = a.iter().zip(b).filter(|(a, b)| a != b).count();
    a.len() == b.len() && (apart == 0 || (apart == 1 && a.len() > 1))
}

/// Two labels that may be a pair.
#[derive(Debug, PartialEq)]
struct Candidate {
    left: u16,
    right: u16,
    /// Median over the cases of the offset that [`OFFSET`] bounds.
    offset: f64,
}

impl Candidate {
    /// `None` where the labels do not lie as a pair does.
    fn of(a: u16, b: u16, cases: &[CaseFingerprint]) -> Option<Self> {
        let both = cases.iter().flat_map(|case| &case.facts);
        let both: Vec<(&LabelFacts, &LabelFacts)> = both
            .filter_map(|facts| Some((facts.labels.get(&a)?, facts.labels.get(&b)?)))
            .collect();
        if both.len() < FEWEST_CASES {
            return None;
        }
        let away = |axis: usize| move |(a, b): &(&LabelFacts, &LabelFacts)| b.centroid[axis] - a.centroid[axis];
        let (left, right) = if both.iter().map(away(0)).all(|x| x > 0.0) {
            (a, b)
        } else if both.iter().map(away(0)).all(|x| x < 0.0) {
            (b, a)
        } else {
            return None;
        };
        let ratio = |(a, b): &(&LabelFacts, &LabelFacts)| {
            let (a, b) = (a.voxels as f64, b.voxels as f64);
            a.max(b) / a.min(b)
        };
        let offset = |pair: &(&LabelFacts, &LabelFacts)| {
            let [x, y, z] = [away(0)(pair), away(1)(pair), away(2)(pair)].map(f64::abs);
            y.max(z) / x
        };
        let offset = median(both.iter().map(offset).collect())?;
        let alike = median(both.iter().map(ratio).collect())? <= SIZES && offset <= OFFSET;
        alike.then_some(Self { left, right, offset })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::CaseFacts;
    use crate::volume::Bounds;

    /// A case with labels of so many voxels at these places.
    fn case(labels: &[(u16, u64, [f64; 3])]) -> CaseFingerprint {
        let bounds = Bounds {
            start: [0; 3],
            size: [1; 3],
        };
        let facts = |&(id, voxels, centroid): &(u16, u64, [f64; 3])| {
            let facts = LabelFacts {
                voxels,
                components: 1,
                largest_component: voxels,
                typical_component: Some(voxels),
                bounds,
                center: None,
                centroid,
            };
            (id, facts)
        };
        CaseFingerprint {
            id: String::new(),
            channels: 1,
            channel_names: Vec::new(),
            size: [1; 3],
            spacing: [1.0; 3],
            labeled: true,
            labels: labels.iter().map(|label| label.0).collect(),
            ignored: None,
            names: BTreeMap::new(),
            labeled_hu: None,
            warnings: Vec::new(),
            facts: Some(CaseFacts {
                channels: Vec::new(),
                labels: labels.iter().map(facts).collect(),
                labeled_share: 0.0,
                nonzero: bounds,
                nonzero_share: 1.0,
            }),
        }
    }

    fn names(names: &[(u16, &str)]) -> BTreeMap<u16, String> {
        names.iter().map(|(id, name)| (*id, (*name).to_owned())).collect()
    }

    /// Kidneys without a side in their names: 1 on the right, 2 on the left, the right one lower.
    fn kidneys() -> [CaseFingerprint; 2] {
        [
            case(&[
                (1, 900, [62.0, -20.0, -15.0]),
                (2, 1000, [-60.0, -22.0, 0.0]),
                (3, 950, [5.0, 40.0, 0.0]),
            ]),
            case(&[
                (1, 1100, [70.0, -18.0, -10.0]),
                (2, 980, [-55.0, -20.0, 2.0]),
                (3, 900, [-4.0, 45.0, 1.0]),
            ]),
        ]
    }

    const BY_SHAPE: [SidePair; 1] = [SidePair {
        left: 2,
        right: 1,
        by: SideEvidence::Shape,
    }];

    #[test]
    fn what_lies_opposite_is_a_pair_by_shape() {
        assert_eq!(side_pairs(&BTreeMap::new(), &kidneys()), BY_SHAPE);
        assert_eq!(
            side_pairs(&names(&[(1, "kidney 1"), (2, "kidney 2"), (3, "aorta")]), &kidneys()),
            BY_SHAPE
        );
        // A language that the list of words does not know.
        assert_eq!(
            side_pairs(&names(&[(1, "ren dextrum"), (2, "ren sinistrum")]), &kidneys()),
            BY_SHAPE
        );
    }

    #[test]
    fn names_come_before_shapes() {
        let found = side_pairs(&names(&[(1, "kidney R"), (2, "kidney L")]), &kidneys());
        let by = SideEvidence::Name;
        assert_eq!(found, [SidePair { left: 2, right: 1, by }]);
        for told_apart in [[(1, "spleen"), (2, "stomach")], [(1, "right kidney"), (2, "kidney")]] {
            assert_eq!(side_pairs(&names(&told_apart), &kidneys()), []);
        }
    }

    #[test]
    fn what_lies_otherwise_is_no_pair() {
        let none = BTreeMap::new();
        let [first, second] = kidneys();
        assert_eq!(side_pairs(&none, std::slice::from_ref(&first)), [], "one case");
        let swapped = case(&[(1, 900, [-62.0, 0.0, 0.0]), (2, 900, [60.0, 0.0, 0.0])]);
        assert_eq!(
            side_pairs(&none, &[first, second, swapped]),
            [],
            "not the same side in all"
        );
        let twice = |labels| [case(labels), case(labels)];
        let above = twice(&[(1, 900, [60.0, 0.0, 40.0]), (2, 900, [-60.0, 0.0, 0.0])]);
        assert_eq!(side_pairs(&none, &above), [], "not level");
        let larger = twice(&[(1, 2001, [60.0, 0.0, 0.0]), (2, 1000, [-60.0, 0.0, 0.0])]);
        assert_eq!(side_pairs(&none, &larger), [], "not of like size");
        let earlier = CaseFingerprint {
            facts: None,
            ..case(&[])
        };
        assert_eq!(side_pairs(&none, &[earlier.clone(), earlier]), [], "nothing known");
    }

    #[test]
    fn of_several_partners_the_most_level_is_taken() {
        // Two ribs a side, 25 mm apart.
        let ribs = case(&[
            (1, 500, [-100.0, 0.0, 0.0]),
            (2, 500, [-100.0, 0.0, 25.0]),
            (3, 500, [100.0, 0.0, 2.0]),
            (4, 500, [100.0, 0.0, 27.0]),
        ]);
        let found = side_pairs(&BTreeMap::new(), &[ribs.clone(), ribs]);
        let pairs: Vec<(u16, u16)> = found.iter().map(|pair| (pair.left, pair.right)).collect();
        assert_eq!(pairs, [(1, 3), (2, 4)]);
    }
}
