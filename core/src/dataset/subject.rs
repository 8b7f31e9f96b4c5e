//! Which cases are scans of one person, as far as their names tell.
//!
//! Two scans of a person look alike: a network that was trained on one must not be measured on the other.

/// Words that name a visit, or a moment of the heart's cycle, when a number follows.
const NUMBERED: [&str; 10] = [
    "ses",
    "session",
    "visit",
    "tp",
    "timepoint",
    "frame",
    "mr",
    "day",
    "week",
    "month",
];

/// Words that do so alone.
const ALONE: [&str; 7] = ["ed", "es", "pre", "post", "baseline", "followup", "follow-up"];

/// The part of a case's name that names the person: of `sub-07_ses-2_T1w` it is `sub-07` (BIDS), of
/// `patient001_frame12` it is `patient001` (ACDC), of `BraTS-GLI-00005-101` all but the last number (BraTS from 2023
/// on). The whole name where it tells no more, or where nothing with a number would be left.
pub fn subject(case: &str) -> &str {
    if let Some(bids) = case
        .split(['_', '/'])
        .find(|part| part.starts_with("sub-") && part.len() > 4)
    {
        return bids;
    }
    if let Some(subject) = brats(case) {
        return subject;
    }
    let mut subject = case;
    while let Some((rest, last)) = subject.rsplit_once(['_', '/']) {
        if !is_visit(last) || !rest.contains(|letter: char| letter.is_ascii_digit()) {
            break;
        }
        subject = rest;
    }
    subject
}

/// The cases of each person, both in the order of their names.
pub fn by_subject(cases: &[String]) -> Vec<Vec<String>> {
    let mut sorted = cases.to_vec();
    sorted.sort_by(|a, b| (subject(a), a).cmp(&(subject(b), b)));
    sorted.dedup();
    let same = |a: &String, b: &String| subject(a) == subject(b);
    sorted.chunk_by(same).map(<[String]>::to_vec).collect()
}

fn is_visit(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    let name = word.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let numbered = name.len() < word.len() && NUMBERED.contains(&name.trim_end_matches('-'));
    numbered || ALONE.contains(&word.as_str())
}

/// `BraTS-GLI-00005` of `BraTS-GLI-00005-101`.
fn brats(case: &str) -> Option<&str> {
    let (subject, visit) = case.rsplit_once('-')?;
    let mut parts = subject.split('-');
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let named = parts.next() == Some("BraTS") && parts.next().is_some();
    (named && parts.next().is_some_and(is_number) && parts.next().is_none() && is_number(visit)).then_some(subject)
}

#[cfg(test)]
mod tests {
    use super::{by_subject, subject};

    #[test]
    fn names_tell_the_person() {
        for (case, expected) in [
            ("sub-07_ses-2_T1w", "sub-07"),
            ("sub-07/ses-1/anat", "sub-07"),
            ("patient001_frame12", "patient001"),
            ("patient001_ED", "patient001"),
            ("P12_visit2", "P12"),
            ("001_post", "001"),
            // OASIS
            ("OAS1_0001_MR2", "OAS1_0001"),
            ("7/week-04", "7"),
            ("BraTS-GLI-00005-101", "BraTS-GLI-00005"),
            // Numbers of cases, not of visits.
            ("hippocampus_017", "hippocampus_017"),
            ("BraTS20_Training_001", "BraTS20_Training_001"),
            ("case_00001", "case_00001"),
            ("scan01", "scan01"),
            // Nothing that tells persons apart would be left.
            ("heart_frame12", "heart_frame12"),
            ("day03", "day03"),
        ] {
            assert_eq!(subject(case), expected, "{case}");
        }
    }

    #[test]
    fn scans_of_one_person_stay_together() {
        let cases = ["b2_visit2", "a1", "b2_visit1", "a10", "a1"].map(str::to_owned);
        let expected = [vec!["a1"], vec!["a10"], vec!["b2_visit1", "b2_visit2"]];
        assert_eq!(by_subject(&cases), expected);
    }
}
