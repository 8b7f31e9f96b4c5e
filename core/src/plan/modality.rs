//! What kind of scan a data set holds, as far as its voxels and names tell.

use crate::dataset::CaseFingerprint;
use crate::transform::Normalization;

/// The kind of scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// Computed tomography: intensities are HU, the same in all scans.
    Ct,
    /// Magnetic resonance: intensities have no unit.
    Mr,
    /// Neither voxels nor names tell; treated as one without a unit.
    Unknown,
}

/// A modality and what it was told by, half a sentence.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Told {
    pub modality: Modality,
    pub by: &'static str,
}

/// Words in names that mean CT.
const CT: [&str; 4] = ["ct", "cta", "ncct", "cect"];

/// Words in names that mean MR.
const MR: [&str; 16] = [
    "mr", "mri", "mrt", "irm", "t1", "t1w", "t1c", "t1ce", "t1gd", "t2", "t2w", "flair", "dwi", "adc", "cine", "tof",
];

impl Told {
    /// By the names of the channels, else by the voxels of all cases, else by the names of these. All have to agree,
    /// and what tells of a scan as a whole tells nothing of one of its channels.
    pub fn of(cases: &[CaseFingerprint]) -> Self {
        let told = |modality, by| Self { modality, by };
        let named = |names: Vec<&str>| {
            let all = |words: &[&str]| !names.is_empty() && names.iter().all(|name| holds_word(name, words));
            let ct = all(&CT).then_some(Modality::Ct);
            ct.or(all(&MR).then_some(Modality::Mr))
        };
        let channels = cases.iter().flat_map(|case| &case.channel_names);
        if let Some(modality) = named(channels.map(String::as_str).collect()) {
            return told(modality, "dataset.json names the channels so");
        }
        if cases.iter().any(|case| case.channels > 1) {
            return told(Modality::Unknown, "the names of their channels do not tell");
        }
        if cases.iter().all(|case| case.labeled_hu.is_some()) {
            return told(Modality::Ct, "every scan has air below -500 HU");
        }
        match named(cases.iter().map(|case| case.id.as_str()).collect()) {
            Some(modality) => told(modality, "the files are named so"),
            None => told(Modality::Unknown, "neither air nor names tell"),
        }
    }
}

/// Whether one of the words of a name is among `words`, upper or lower case.
fn holds_word(name: &str, words: &[&str]) -> bool {
    let name = name.to_lowercase();
    let mut parts = name.split(|letter: char| !letter.is_alphanumeric());
    parts.any(|part| words.contains(&part))
}

/// nnU-Net's rule for CT: from every labeled voxel where those were counted, else from the statistics of each case,
/// whose percentiles are averaged. `None` where no voxel is labeled, or all labeled ones have the same intensity.
pub(super) fn window(cases: &[CaseFingerprint]) -> Option<Normalization> {
    let counted: Option<Vec<Vec<(f32, u64)>>> = cases.iter().map(|case| case.labeled_hu.clone()).collect();
    if let Some(counted) = counted {
        return Normalization::of_labeled(counted.concat());
    }
    let labeled = cases.iter().filter_map(|case| {
        let facts = case.facts.as_ref()?;
        let voxels: u64 = facts.labels.values().map(|label| label.voxels).sum();
        Some((voxels as f64, facts.channels.first()?.labeled?))
    });
    let labeled: Vec<_> = labeled.filter(|(voxels, _)| *voxels > 0.0).collect();
    let (cases, voxels) = (labeled.len() as f64, labeled.iter().map(|(n, _)| n).sum::<f64>());
    if labeled.is_empty() {
        return None;
    }
    let mean = labeled.iter().map(|(n, stats)| n * stats.mean).sum::<f64>() / voxels;
    let squares = labeled
        .iter()
        .map(|(n, stats)| n * (stats.std.powi(2) + (stats.mean - mean).powi(2)));
    let rule = Normalization::ClipZScore {
        low: labeled.iter().map(|(_, stats)| stats.percentile_00_5).sum::<f64>() / cases,
        high: labeled.iter().map(|(_, stats)| stats.percentile_99_5).sum::<f64>() / cases,
        mean,
        deviation: (squares.sum::<f64>() / voxels).sqrt(),
    };
    rule.problem().is_none().then_some(rule)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::IntensityStats;
    use crate::plan::tests::abdomens;

    fn named(id: &str, channel: &str) -> Modality {
        told(&abdomens(false), id, &[channel])
    }

    fn told(cases: &[CaseFingerprint], id: &str, channels: &[&str]) -> Modality {
        let mut cases = cases.to_vec();
        for case in &mut cases {
            id.clone_into(&mut case.id);
            case.channels = channels.len();
            case.channel_names = channels.iter().map(|&name| name.to_owned()).collect();
        }
        Told::of(&cases).modality
    }

    #[test]
    fn names_of_channels_tell_first_then_air_then_names_of_files() {
        assert_eq!(Told::of(&abdomens(true)).modality, Modality::Ct);
        assert_eq!(named("a", "CT"), Modality::Ct);
        // MR that was padded with -1024.
        assert_eq!(told(&abdomens(true), "a", &["MRI"]), Modality::Mr);
        // What is true of one channel is not of the other.
        assert_eq!(told(&abdomens(false), "ct_pet_1", &["CT", "PET"]), Modality::Unknown);
        assert_eq!(told(&abdomens(false), "a", &["CT arterial", "CT venous"]), Modality::Ct);
        assert_eq!(named("a_ct", "T2w"), Modality::Mr);
        assert_eq!(named("patient-3_CT_venous", "noNorm"), Modality::Ct);
        assert_eq!(named("sub-01_T1w", ""), Modality::Mr);
        // Parts of words mean nothing.
        assert_eq!(named("actor_mrs", "select"), Modality::Unknown);
    }

    /// Two cases of 3 and 1 labeled voxels: values 0, 10, 20 and 50.
    #[test]
    fn statistics_of_cases_are_pooled() {
        let mut cases = abdomens(false);
        cases.truncate(2);
        let values = [
            (3, 10.0, (200.0f64 / 3.0).sqrt(), 0.1, 19.9),
            (1, 50.0, 0.0, 50.0, 50.0),
        ];
        for (case, (voxels, mean, std, low, high)) in cases.iter_mut().zip(values) {
            let facts = case.facts.as_mut().expect("facts");
            facts.labels.retain(|id, _| *id == 1);
            facts.labels.get_mut(&1).expect("a label").voxels = voxels;
            facts.channels[0].labeled = Some(IntensityStats {
                mean,
                median: mean,
                std,
                min: low,
                max: high,
                percentile_00_5: low,
                percentile_99_5: high,
            });
        }
        let Some(Normalization::ClipZScore {
            low,
            high,
            mean,
            deviation,
        }) = window(&cases)
        else {
            panic!("a window");
        };
        // numpy: mean and std of [0, 10, 20, 50].
        let expected = [25.05, 34.95, 20.0, 18.708_286_933_869_708];
        for (found, expected) in [low, high, mean, deviation].into_iter().zip(expected) {
            assert!((found - expected).abs() < 1e-9, "{found} and not {expected}");
        }
    }
}
