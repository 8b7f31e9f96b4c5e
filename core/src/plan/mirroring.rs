//! Along which axes mirror images teach something: not where the labels of all cases lie in the same order, since a
//! mirror image then shows what never occurs, and few steps are spent on it.

use std::collections::BTreeMap;

use crate::dataset::{CaseFingerprint, LabelSet, SideEvidence, SidePair, side_pairs};
use crate::transform::MirrorAxes;

/// The axis of `[depth, height, width]` that runs across the body.
const ACROSS: usize = 2;

/// How far apart two labels lie at least on average, as a share of a scan's side, for their order to count.
const APART: f64 = 0.05;

/// How far a label lies at least on average from the middle of a scan, likewise. Scans are placed with less care than
/// organs are.
const FROM_MIDDLE: f64 = 0.1;

/// Fewer cases may agree by chance: of three, two labels in random places do so in one of four data sets.
const FEWEST_CASES: usize = 3;

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
    chosen.join(" and ")
}

/// Whether labels lie in the same order along an axis, or on the same side of the middle, in all cases.
fn is_ordered(axis: usize, cases: &[CaseFingerprint]) -> bool {
    let mut differences: BTreeMap<(u16, Option<u16>), Vec<f64>> = BTreeMap::new();
    for case in cases {
        let Some(facts) = &case.facts else { continue };
        let side = case.size[axis] as f64 * case.spacing[axis];
        // Centers are given as x, y and z.
        let center = |label: &crate::dataset::LabelFacts| label.centroid[ACROSS - axis] / side;
        for (&id, label) in &facts.labels {
            let middle = label.bounds.start[axis] as f64 + label.bounds.size[axis] as f64 / 2.0;
            let offset = middle / case.size[axis] as f64 - 0.5;
            differences.entry((id, None)).or_default().push(offset);
            for (&other, second) in facts.labels.range(id + 1..) {
                let apart = center(second) - center(label);
                differences.entry((id, Some(other))).or_default().push(apart);
            }
        }
    }
    differences.into_iter().any(|((_, other), offsets)| {
        let least = if other.is_some() { APART } else { FROM_MIDDLE };
        let mean = offsets.iter().sum::<f64>() / offsets.len() as f64;
        let agree = offsets.iter().all(|offset| offset.signum() == mean.signum());
        offsets.len() >= FEWEST_CASES && agree && mean.abs() >= least
    })
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
    fn labels_in_the_same_order_are_not_mirrored() {
        let mut cases = abdomens(false);
        let labels = LabelSet::from_fingerprints(&cases, &BTreeMap::new()).expect("labels");
        // Liver above the kidneys, in front of them, and to the right of one.
        assert_eq!(Mirroring::of(&cases, &labels).axes, MirrorAxes::NONE);
        // In one of five it is the other way around: from foot to head the order is chance.
        for id in [2, 3] {
            let facts = cases[0].facts.as_mut().expect("facts");
            facts.labels.get_mut(&id).expect("a kidney").centroid[2] = 50.0;
        }
        let found = Mirroring::of(&cases, &labels);
        assert_eq!(found.axes, MirrorAxes([true, false, false]));
        assert!(
            found.value == "not from back to front and across the body" && found.reason.contains("by where they lie"),
            "{}: {}",
            found.value,
            found.reason
        );
    }
}
