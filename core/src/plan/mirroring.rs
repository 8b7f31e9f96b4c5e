//! Along which axes mirror images teach something: not where the labels of all cases lie in the same order, since a
//! mirror image then shows what never occurs, and few steps are spent on it.

use std::collections::BTreeMap;

use super::structures::{FEWEST_SUBJECTS, subjects};
use crate::dataset::{CaseFingerprint, LabelFacts, LabelSet, SideEvidence, SidePair, side_pairs};
use crate::transform::MirrorAxes;

/// The axis of `[depth, height, width]` that runs across the body.
const ACROSS: usize = 2;

/// How far apart two labels lie at least on average, as a share of a scan's side, for their order to count.
const APART: f64 = 0.05;

/// How far a label lies at least on average from the middle of a scan, likewise. Scans are placed with less care than
/// organs are.
const FROM_MIDDLE: f64 = 0.1;

/// A label that fewer cases have than this share of them may agree by chance: of three, two labels in random places do
/// so in one of four data sets.
const FEWEST_CASES: f64 = 0.5;

/// Axes along which volumes may be mirrored, in a few words, and why.
pub(super) struct Mirroring {
    pub axes: MirrorAxes,
    pub value: String,
    pub reason: String,
}

impl Mirroring {
    pub fn of(cases: &[CaseFingerprint], labels: &LabelSet) -> Self {
        let named = labels.ids().iter().copied().zip(labels.names().iter().cloned()).skip(1);
        let named: BTreeMap<u16, String> = named.collect();
        let ordered = [0, 1, 2].map(|axis| is_ordered(axis, cases));
        let pair = side_pairs(&named, cases).into_iter().next();
        let mut axes = MirrorAxes(ordered.map(|ordered| !ordered));
        axes.0[ACROSS] &= pair.is_none();
        let value = match axes.0 {
            [true, true, true] => "along every axis".to_owned(),
            [false, false, false] => "along no axis".to_owned(),
            _ => format!("not {}", directions(axes.0.map(|mirrored| !mirrored))),
        };
        let mut reasons = Vec::new();
        if let Some(SidePair { left, right, by }) = pair {
            let name = |id: &u16| named.get(id).cloned().unwrap_or_else(|| format!("label {id}"));
            let by = match by {
                SideEvidence::Name => "",
                SideEvidence::Shape => ", by where they lie,",
            };
            reasons.push(format!(
                "{} and {}{by} differ in their side alone",
                name(&left),
                name(&right)
            ));
        }
        let mut others = ordered;
        others[ACROSS] &= pair.is_none();
        if others.contains(&true) {
            reasons.push(format!(
                "labels lie in the same places {} in all scans",
                directions(others)
            ));
        }
        if reasons.is_empty() {
            reasons.push("no label has a side or a place of its own".to_owned());
        }
        Self {
            axes,
            value,
            reason: reasons.join("; "),
        }
    }
}

/// Axes in words.
fn directions(axes: [bool; 3]) -> String {
    let words = ["from foot to head", "from back to front", "across the body"];
    let chosen: Vec<&str> = (0..3).filter(|&axis| axes[axis]).map(|axis| words[axis]).collect();
    match &chosen[..] {
        [first, second, third] => format!("{first}, {second} and {third}"),
        others => others.join(" and "),
    }
}

/// A case, and how far in it a label lies from another or from the middle, as a share of the scan's side.
type Offset<'a> = (&'a CaseFingerprint, f64);

/// Whether labels lie in the same order along an axis, or on the same side of the middle, in all cases.
fn is_ordered(axis: usize, cases: &[CaseFingerprint]) -> bool {
    let mut differences: BTreeMap<(u16, Option<u16>), Vec<Offset<'_>>> = BTreeMap::new();
    for case in cases {
        let Some(facts) = &case.facts else { continue };
        for (&id, label) in &facts.labels {
            let offset = middle(label, axis) / case.size[axis] as f64 - 0.5;
            differences.entry((id, None)).or_default().push((case, offset));
            for (&other, second) in facts.labels.iter().filter(|(other, _)| **other > id) {
                let apart = (center(second, axis) - center(label, axis)) / case.size[axis] as f64;
                differences.entry((id, Some(other))).or_default().push((case, apart));
            }
        }
    }
    differences.into_iter().any(|((_, other), found)| {
        let least = if other.is_some() { APART } else { FROM_MIDDLE };
        let mean = found.iter().map(|(_, offset)| offset).sum::<f64>() / found.len() as f64;
        let agree = found.iter().all(|(_, offset)| offset.signum() == mean.signum());
        let enough = found.len() as f64 >= FEWEST_CASES * cases.len() as f64
            && subjects(found.iter().map(|(case, _)| *case)) >= FEWEST_SUBJECTS;
        enough && agree && mean.abs() >= least
    })
}

/// The middle of a label's box in voxels.
fn middle(label: &LabelFacts, axis: usize) -> f64 {
    label.bounds.start[axis] as f64 + label.bounds.size[axis] as f64 / 2.0
}

/// A label's center of mass in voxels; in facts of earlier versions, the middle of its box.
fn center(label: &LabelFacts, axis: usize) -> f64 {
    label.center.map_or_else(|| middle(label, axis), |center| center[axis])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::abdomens;
    use crate::volume::Bounds;

    /// Cases whose only label lies at these shares of the scan along height.
    fn single(places: &[f64]) -> MirrorAxes {
        let mut cases = abdomens(false);
        cases.truncate(places.len());
        for (case, place) in cases.iter_mut().zip(places) {
            let size = case.size;
            let facts = case.facts.as_mut().expect("facts");
            facts.labels.retain(|id, _| *id == 1);
            let label = facts.labels.get_mut(&1).expect("a label");
            label.bounds = Bounds {
                start: [
                    size[0] / 2 - 1,
                    (place * size[1] as f64) as usize - 10,
                    size[2] / 2 - 10,
                ],
                size: [2, 20, 20],
            };
        }
        let names = [(1, "lesion".to_owned())].into();
        let labels = LabelSet::from_fingerprints(&cases, &names).expect("labels");
        Mirroring::of(&cases, &labels).axes
    }

    #[test]
    fn a_label_in_the_same_place_in_all_cases_is_not_mirrored() {
        assert_eq!(single(&[0.3, 0.35, 0.2]), MirrorAxes([true, false, true]));
        // Near the middle, on both sides of it, or in too few cases.
        for places in [&[0.45, 0.44, 0.46][..], &[0.3, 0.7, 0.3], &[0.3, 0.3]] {
            assert_eq!(single(places), MirrorAxes::ALL, "{places:?}");
        }
    }

    #[test]
    fn a_label_that_few_cases_have_does_not_tell() {
        let mut cases = abdomens(false);
        cases.extend(abdomens(false).into_iter().map(|case| CaseFingerprint {
            id: format!("{}2", case.id),
            ..case
        }));
        for (index, case) in cases.iter_mut().enumerate() {
            let facts = case.facts.as_mut().expect("facts");
            facts.labels.retain(|id, _| *id == 1);
            let liver = facts.labels.get_mut(&1).expect("a liver");
            let size = case.size;
            // In front, in four scans of ten.
            liver.bounds.size = size.map(|side| side / 4);
            liver.bounds.start = size.map(|side| 3 * side / 8);
            liver.bounds.start[1] = 0;
            if index >= 4 {
                facts.labels.clear();
            }
        }
        let names = [(1, "lesion".to_owned())].into();
        let labels = LabelSet::from_fingerprints(&cases, &names).expect("labels");
        assert_eq!(Mirroring::of(&cases, &labels).axes, MirrorAxes::ALL);
        assert_eq!(
            Mirroring::of(&cases[..8], &labels).axes,
            MirrorAxes([true, false, true]),
            "in half of them"
        );
    }

    #[test]
    fn labels_in_the_same_order_are_not_mirrored() {
        let mut cases = abdomens(false);
        let labels = LabelSet::from_fingerprints(&cases, &BTreeMap::new()).expect("labels");
        // Liver above the kidneys, in front of them, and to the right of one.
        assert_eq!(Mirroring::of(&cases, &labels).axes, MirrorAxes::NONE);
        // In one of five it is the other way around: from foot to head the order is chance.
        for id in [2, 3] {
            let facts = cases[0].facts.as_mut().expect("facts");
            let kidney = facts.labels.get_mut(&id).expect("a kidney");
            kidney.center.as_mut().expect("a center")[0] = 30.0;
        }
        let found = Mirroring::of(&cases, &labels);
        assert_eq!(found.axes, MirrorAxes([true, false, false]));
        // Visits of one person do not tell of others.
        let mut visits = abdomens(false);
        for (case, number) in visits.iter_mut().zip(1..) {
            case.id = format!("p1_visit{number}");
        }
        assert_eq!(Mirroring::of(&visits, &labels).axes, MirrorAxes([true, true, false]));
        assert!(
            found.value == "not from back to front and across the body" && found.reason.contains("by where they lie"),
            "{}: {}",
            found.value,
            found.reason
        );
    }
}
