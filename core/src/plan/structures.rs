//! What the sizes and pieces of labels tell: how large voxels may be, how patches are drawn, what is kept of a
//! segmentation.

use std::collections::{BTreeMap, BTreeSet};

use super::Decision;
use crate::dataset::{CaseFingerprint, LabelFacts, LabelSet, subject};
use crate::statistics::median;

/// A label is one piece where its largest component has this share of its voxels: strokes that went astray while it
/// was drawn do not count. In ten scans of abdomen-mr one kidney has a second component, of 0.06 %; with the largest
/// alone the HD95 of a planned run fell from 23 to 12 mm, and its Dice rose from 0.863 to 0.872.
const ONE_PIECE: f64 = 0.99;

/// Scans of fewer people say little.
pub(super) const FEWEST_SUBJECTS: usize = 3;

/// Below this share of the labeled voxels a label is rare: of a hundred patches on any of them, at most two are on it.
const RARE: f64 = 0.02;

/// Different people in cases.
pub(super) fn subjects<'a>(cases: impl IntoIterator<Item = &'a CaseFingerprint>) -> usize {
    let people: BTreeSet<&str> = cases.into_iter().map(|case| subject(&case.id)).collect();
    people.len()
}

/// The cases in which each label occurs, with its facts.
fn by_label(cases: &[CaseFingerprint]) -> BTreeMap<u16, Vec<(&CaseFingerprint, &LabelFacts)>> {
    let mut found: BTreeMap<u16, Vec<(&CaseFingerprint, &LabelFacts)>> = BTreeMap::new();
    for case in cases {
        for (id, label) in case.facts.iter().flat_map(|facts| &facts.labels) {
            found.entry(*id).or_default().push((case, label));
        }
    }
    found
}

/// Whether only the largest component of each label is kept: where every label is one piece, in scans of enough people.
pub(super) fn one_piece(cases: &[CaseFingerprint], labels: &LabelSet) -> (bool, Decision) {
    let name = |id: u16| match labels.class_of(id).and_then(|class| labels.names().get(class)) {
        Some(name) => name.clone(),
        None => format!("label {id}"),
    };
    let found = by_label(cases);
    let in_pieces = found.iter().find(|(_, cases)| {
        let one = |label: &LabelFacts| label.largest_component as f64 >= ONE_PIECE * label.voxels as f64;
        !cases.iter().all(|(_, label)| one(label))
    });
    let too_few = found
        .iter()
        .find(|(_, cases)| subjects(cases.iter().map(|(case, _)| *case)) < FEWEST_SUBJECTS);
    let problem = if let Some((id, _)) = in_pieces {
        Some(format!("{} is not one piece in every scan", name(*id)))
    } else if cases.iter().any(|case| case.ignored.is_some()) {
        Some("scans are labeled in part, which does not tell whether a label is one piece".to_owned())
    } else if let Some((id, _)) = too_few {
        Some(format!(
            "{} is labeled in scans of fewer than three people, which does not tell whether it is one piece",
            name(*id)
        ))
    } else {
        found.is_empty().then(|| "nothing is labeled".to_owned())
    };
    let setting = "inference.largest_component";
    match problem {
        Some(problem) => (false, Decision::new(setting, "all", problem)),
        None => (
            true,
            Decision::new(
                setting,
                "the largest of each label",
                "in all scans each label is one piece, but for at most 1 % of its voxels",
            ),
        ),
    }
}

/// Median volume over the cases of the smallest label's typical component, in mm³; infinite where there is none.
pub(super) fn smallest_structure(cases: &[CaseFingerprint]) -> f64 {
    let volume = |(case, label): &(&CaseFingerprint, &LabelFacts)| {
        let voxels = label.typical_component.unwrap_or(label.voxels);
        voxels as f64 * case.spacing.iter().product::<f64>()
    };
    let medians = by_label(cases).into_values();
    let medians = medians.filter_map(|cases| median(cases.iter().map(volume).collect()));
    medians.fold(f64::INFINITY, f64::min)
}

/// Whether a label is so rare, in the median of the cases that have it, that patches on any labeled voxel would miss
/// it.
pub(super) fn has_rare_label(cases: &[CaseFingerprint]) -> bool {
    let share = |(case, label): &(&CaseFingerprint, &LabelFacts)| {
        let all = case.facts.iter().flat_map(|facts| facts.labels.values());
        label.voxels as f64 / all.map(|label| label.voxels).sum::<u64>().max(1) as f64
    };
    let mut medians = by_label(cases).into_values();
    medians.any(|cases| median(cases.iter().map(share).collect()).is_some_and(|share| share < RARE))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::abdomens;

    fn one(cases: &[CaseFingerprint]) -> (bool, String) {
        let names = [(1, "liver".to_owned()), (2, "left kidney".to_owned())].into();
        let labels = LabelSet::from_fingerprints(cases, &names).expect("labels");
        let (keep, decision) = one_piece(cases, &labels);
        (keep, decision.reason)
    }

    /// Changes a label of one case.
    fn change(cases: &mut [CaseFingerprint], case: usize, id: u16, change: impl FnOnce(&mut LabelFacts)) {
        let facts = cases[case].facts.as_mut().expect("facts");
        change(facts.labels.get_mut(&id).expect("a label"));
    }

    #[test]
    fn only_what_is_one_piece_in_all_scans_is_kept_as_one() {
        let mut cases = abdomens(false);
        assert!(one(&cases).0);
        change(&mut cases, 2, 2, |label| label.largest_component /= 2);
        let reason = "left kidney is not one piece in every scan".to_owned();
        assert_eq!(one(&cases), (false, reason));
    }

    /// A stroke that went astray is no second piece; a part of the label is.
    #[test]
    fn a_few_stray_voxels_are_no_second_piece() {
        for (share, expected) in [(0.995, true), (0.98, false)] {
            let mut cases = abdomens(false);
            change(&mut cases, 3, 2, |kidney| {
                kidney.largest_component = (share * kidney.voxels as f64) as u64;
            });
            assert_eq!(one(&cases).0, expected, "{share}");
        }
    }

    #[test]
    fn what_few_people_or_few_slices_show_does_not_tell() {
        // A label in two scans, four scans of one person, scans that are labeled in part.
        let mut rare = abdomens(false);
        for case in &mut rare[..3] {
            case.facts.as_mut().expect("facts").labels.remove(&2);
        }
        let (keep, reason) = one(&rare);
        assert!(
            !keep && reason.starts_with("left kidney is labeled in scans of fewer than three people"),
            "{reason}"
        );
        let mut visits = abdomens(false);
        for (case, number) in visits.iter_mut().zip(1..) {
            case.id = format!("p1_visit{number}");
        }
        let (keep, reason) = one(&visits);
        assert!(!keep && reason.contains("fewer than three people"), "{reason}");
        let mut partial = abdomens(false);
        partial[0].ignored = Some(255);
        let (keep, reason) = one(&partial);
        assert!(!keep && reason.contains("labeled in part"), "{reason}");
    }

    #[test]
    fn the_smallest_structure_is_a_piece_of_a_label() {
        let mut cases = abdomens(false);
        let milliliter = 1000.0;
        assert!((smallest_structure(&cases) / (150.0 * milliliter) - 1.0).abs() < 1e-3);
        // The liver in a hundred pieces.
        for case in 0..cases.len() {
            change(&mut cases, case, 1, |liver| {
                liver.typical_component = Some(liver.voxels / 100)
            });
        }
        assert!((smallest_structure(&cases) / (15.0 * milliliter) - 1.0).abs() < 1e-3);
        assert_eq!(smallest_structure(&[]), f64::INFINITY);
    }

    #[test]
    fn a_label_of_few_voxels_is_rare() {
        let mut cases = abdomens(false);
        assert!(!has_rare_label(&cases));
        for case in 0..cases.len() {
            change(&mut cases, case, 2, |kidney| kidney.voxels /= 10);
        }
        // 15 mL of 1,665.
        assert!(has_rare_label(&cases));
    }
}
