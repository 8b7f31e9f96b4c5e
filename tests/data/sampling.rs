//! Patch sampling.

use std::collections::BTreeMap;

use medcontext_core::dataset::LabelSet;
use medcontext_core::loss::IGNORED;
use medcontext_core::train::TrainConfig;
use medcontext_core::transform::{
    Augmentation, CaseFile, Center, Loader, Normalization, Prepared, Preprocessing, SampledCase, Sampler, Sampling,
};
use ndarray::s;

use crate::resampling::{image, scaled};

const SIDE: usize = 12;

fn case(offset: f32) -> SampledCase {
    prepared(offset).into()
}

/// A case of 12³ voxels whose intensity is its index and `offset`; voxel (1, 1, 1) has label 1, twenty
/// others in a far corner have label 2, the lower half of the rest is not above 0.
fn prepared(offset: f32) -> Prepared {
    let count = SIDE.pow(3);
    let mut values: Vec<f32> = (0..count).map(|index| index as f32 + offset).collect();
    values[..count / 2].iter_mut().for_each(|value| *value = -*value);
    let mut labels = vec![0; count];
    labels[SIDE * SIDE + SIDE + 1] = 1;
    labels[count - 20..].fill(2);
    let (image, label) = image(&values, &labels, [SIDE; 3], scaled([1.0; 3]));
    let set = LabelSet::from_ids([1, 2], &BTreeMap::new()).expect("labels");
    let recipe = Preprocessing {
        axes: medcontext_core::volume::AxisOrder::Xyz,
        normalization: Normalization::None,
        ..Preprocessing::default()
    };
    Prepared::new(&[&image], Some((&label, &set)), &recipe, [1; 3])
}

fn sampler(cases: Vec<SampledCase>, patch: usize, batch_size: usize, sampling: Sampling) -> Sampler {
    let config = TrainConfig {
        patch: [patch; 3],
        batch_size,
        sampling,
        augmentation: Augmentation::none(),
        ..TrainConfig::default()
    };
    Sampler::new(cases, config.sampler_settings(), 7)
}

/// How often patches of one voxel hit a voxel that is labeled, unlabeled above 0, and neither.
fn hits(center: Center, patches: usize) -> [usize; 3] {
    let sampling = Sampling {
        center,
        ..Sampling::default()
    };
    let drawn = sampler(vec![case(1.0)], 1, 2, sampling).draw(0, patches);
    let mut hits = [0; 3];
    for (&class, &value) in drawn.classes.iter().zip(&drawn.intensities) {
        hits[match (class, value > 0.0) {
            (1.., _) => 0,
            (0, true) => 1,
            (0, false) => 2,
        }] += 1;
    }
    hits
}

#[test]
fn positives_and_negatives_come_in_their_ratio() {
    // Standard deviation of each count of 2000: 22.
    let [labeled, background, neither] = hits(
        Center::PosNeg {
            positive: 1.0,
            negative: 1.0,
        },
        2000,
    );
    assert!((910..=1090).contains(&labeled), "{labeled}");
    assert_eq!((labeled + background, neither), (2000, 0));
    let [labeled, ..] = hits(
        Center::PosNeg {
            positive: 3.0,
            negative: 1.0,
        },
        2000,
    );
    assert!((1420..=1580).contains(&labeled), "{labeled}");
    let only = Center::PosNeg {
        positive: 0.0,
        negative: 1.0,
    };
    assert_eq!(hits(only, 500), [0, 500, 0]);
    // 21 of 1728 voxels are labeled.
    let [labeled, ..] = hits(Center::Anywhere, 2000);
    assert!((8..=45).contains(&labeled), "{labeled}");
    let [labeled, ..] = hits(Center::Foreground { share: 0.5 }, 2000);
    assert!((920..=1110).contains(&labeled), "{labeled}");
}

#[test]
fn the_last_third_of_a_batch_holds_a_class() {
    for (batch, forced) in [(2, 1), (4, 1), (3, 1), (6, 2), (1, 0)] {
        let draws = 600;
        let sampler = sampler(vec![case(1.0)], 1, batch, Sampling::nnunet());
        let drawn = sampler.draw(0, batch * draws);
        let mut found = [0; 3];
        for batch in drawn.classes.chunks_exact(batch) {
            for &class in &batch[batch.len() - forced..] {
                found[usize::from(class)] += 1;
            }
        }
        // Classes, not voxels, are equally likely: 1 has one voxel, 2 has twenty.
        assert_eq!(found[0], 0, "batch {batch}");
        let of_one = found[1] as f64 / (draws * forced).max(1) as f64;
        assert!(forced == 0 || (0.42..0.58).contains(&of_one), "{of_one}");
    }
}

/// One voxel of a label is as likely as twenty of another, whatever the batch.
#[test]
fn each_label_is_seen_as_often() {
    for batch in [1, 2] {
        let sampling = Sampling {
            center: Center::EachLabel { share: 0.5 },
            ..Sampling::default()
        };
        let drawn = sampler(vec![case(1.0)], 1, batch, sampling).draw(0, 2000);
        let count = |class: u8| drawn.classes.iter().filter(|&&found| found == class).count();
        // Standard deviation of each count: 19; of the patches anywhere, 12 are on a label.
        assert!((430..=580).contains(&count(1)), "{} of one voxel", count(1));
        assert!((430..=590).contains(&count(2)), "{} of twenty", count(2));
    }
}

#[test]
fn a_patch_stays_inside_and_around_its_center() {
    let sampler = sampler(
        vec![case(1.0)],
        4,
        1,
        Sampling {
            center: Center::Foreground { share: 1.0 },
            ..Sampling::default()
        },
    );
    let drawn = sampler.draw(0, 50);
    for patch in drawn.classes.as_chunks::<64>().0 {
        assert!(patch.iter().any(|&class| class > 0));
        // (1, 1, 1) is the only voxel of its class: its patch starts at the corner.
        if let Some(place) = patch.iter().position(|&class| class == 1) {
            assert_eq!(place, 16 + 4 + 1);
        }
    }
}

#[test]
fn cases_come_in_rounds_or_with_replacement() {
    let cases = || {
        (0..4)
            .map(|index| case(10_000.0 * (index + 1) as f32))
            .collect::<Vec<_>>()
    };
    // The case of a patch, from the size of its values.
    let order = |sampling, patches| -> Vec<usize> {
        let drawn = sampler(cases(), 1, 1, sampling).draw(0, patches);
        let of = |value: &f32| (value.abs() / 10_000.0) as usize - 1;
        drawn.intensities.iter().map(of).collect()
    };
    let rounds = order(Sampling::default(), 40);
    let mut orders = std::collections::BTreeSet::new();
    for round in rounds.as_chunks::<4>().0 {
        let mut sorted = round.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3]);
        orders.insert(round.to_vec());
    }
    assert!(orders.len() > 4, "{orders:?}");
    let fours = Sampling {
        patches_per_case: 4,
        ..Sampling::default()
    };
    for patches in order(fours, 40).as_chunks::<4>().0 {
        assert!(patches.iter().all(|case| *case == patches[0]));
    }
    let replacement = Sampling {
        replacement: true,
        ..Sampling::default()
    };
    let drawn = order(replacement, 400);
    assert!((0..4).all(|case| (70..=130).contains(&drawn.iter().filter(|&&c| c == case).count())));
    assert!(drawn.as_chunks::<4>().0.iter().any(|four| four[0] == four[1]));
}

#[test]
fn a_patch_depends_on_its_number_alone() {
    let config = TrainConfig {
        patch: [6; 3],
        sampling: Sampling::nnunet(),
        augmentation: Augmentation::nnunet(false, false),
        ..TrainConfig::default()
    };
    let sampler = Sampler::new(vec![case(1.0), case(5.0)], config.sampler_settings(), 3);
    let all = sampler.draw(0, 12);
    let voxels = 6 * 6 * 6;
    for number in [11, 0, 5] {
        let one = sampler.draw(number, 1);
        let range = number * voxels..(number + 1) * voxels;
        assert_eq!(one.intensities, all.intensities[range.clone()], "{number}");
        assert_eq!(one.classes, all.classes[range], "{number}");
    }
    assert_ne!(
        Sampler::new(vec![case(1.0), case(5.0)], config.sampler_settings(), 4).draw(0, 12),
        all
    );
}

#[test]
fn patches_prepared_ahead_are_the_same() {
    let config = TrainConfig {
        patch: [4; 3],
        sampling: Sampling::nnunet(),
        augmentation: Augmentation::nnunet(true, false),
        ..TrainConfig::default()
    };
    let new = || Sampler::new(vec![case(1.0), case(5.0)], config.sampler_settings(), 3);
    let (sampler, mut loader) = (new(), Loader::new(new(), 14));
    // In order, then elsewhere, as in a resumed run.
    for first in [0, 2, 4, 12, 14, 0] {
        assert_eq!(loader.draw(first, 2), sampler.draw(first, 2), "{first}");
    }
}

#[test]
fn patches_of_a_file_are_those_of_memory() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let config = TrainConfig {
        patch: [6; 3],
        sampling: Sampling::nnunet(),
        augmentation: Augmentation::nnunet(false, false),
        ..TrainConfig::default()
    };
    let in_file = |offset: f32| -> SampledCase {
        let path = folder.path().join(format!("{offset}"));
        let bytes = CaseFile::serialize(&prepared(offset), "here").expect("labeled");
        std::fs::write(&path, bytes).expect("written");
        CaseFile::open(&path, "here").expect("a case").into()
    };
    for center in [Center::Class { share: 0.5 }, MONAI] {
        let mut config = config.clone();
        config.sampling.center = center;
        let memory = Sampler::new(vec![case(1.0), case(5.0)], config.sampler_settings(), 3);
        let files = Sampler::new(vec![in_file(1.0), in_file(5.0)], config.sampler_settings(), 3);
        assert_eq!(memory.draw(0, 24), files.draw(0, 24), "{center:?}");
    }
}

const MONAI: Center = Center::PosNeg {
    positive: 1.0,
    negative: 1.0,
};

#[test]
fn only_whole_files_of_the_same_origin_are_opened() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let path = folder.path().join("case");
    let bytes = CaseFile::serialize(&prepared(1.0), "here").expect("labeled");
    let opens = |bytes: &[u8], origin: &str| {
        std::fs::write(&path, bytes).expect("written");
        CaseFile::open(&path, origin).is_some()
    };
    assert!(opens(&bytes, "here"));
    assert!(!opens(&bytes, "there"), "another origin");
    for length in [0, 7, 100, bytes.len() - 1] {
        assert!(!opens(&bytes[..length], "here"), "cut to {length}");
    }
    let mut shape = bytes.clone();
    let place = shape.windows(10).position(|part| part == b"[1,12,12,1");
    shape[place.expect("the shape") + 3] = b'3';
    assert!(!opens(&shape, "here"), "another shape");
    assert!(CaseFile::open(&folder.path().join("none"), "here").is_none());
}

/// A case in which label 2 and everything below the middle is not labeled.
fn partial() -> SampledCase {
    let mut case = prepared(1.0);
    let classes = case.classes.as_mut().expect("labeled");
    classes.mapv_inplace(|class| if class == 2 { IGNORED } else { class });
    classes.slice_mut(s![..SIDE / 2, .., ..]).fill(IGNORED);
    classes[[1, 1, 1]] = 1;
    case.into()
}

#[test]
fn patches_are_not_centered_on_ignored_voxels() {
    for center in [
        Center::Foreground { share: 1.0 },
        Center::EachLabel { share: 1.0 },
        Center::Class { share: 1.0 },
    ] {
        let sampling = Sampling {
            center,
            ..Sampling::default()
        };
        let drawn = sampler(vec![partial()], 1, 2, sampling).draw(0, 100);
        assert!(drawn.classes.iter().all(|&class| class == 1), "{center:?}");
    }
    let mixed = Sampling {
        center: MONAI,
        ..Sampling::default()
    };
    assert!(
        !sampler(vec![partial()], 1, 2, mixed)
            .draw(0, 100)
            .classes
            .contains(&IGNORED)
    );
}

/// Half of all single voxels are not labeled; 16 more tries find one that is.
#[test]
fn a_patch_without_any_labeled_voxel_is_drawn_again() {
    let drawn = sampler(vec![partial()], 1, 2, Sampling::default()).draw(0, 300);
    assert!(!drawn.classes.contains(&IGNORED));
    // Where nothing is labeled, a patch is drawn all the same.
    let mut case = prepared(1.0);
    case.classes = None;
    let drawn = sampler(vec![case.into()], 1, 2, Sampling::default()).draw(0, 4);
    assert_eq!(drawn.classes, [IGNORED; 4]);
}

#[test]
fn unlabeled_patches_come_between_the_labeled_ones() {
    let config = TrainConfig {
        patch: [6; 3],
        sampling: Sampling::nnunet(),
        augmentation: Augmentation::nnunet(false, false),
        ..TrainConfig::default()
    };
    let voxels = 6 * 6 * 6;
    let labeled = || Sampler::new(vec![case(1.0), case(5.0)], config.sampler_settings(), 3);
    // As large as the patch, so that rotated patches reach beyond it.
    let unlabeled = || {
        let values: Vec<f32> = (0..voxels).map(|index| 1e6 + index as f32).collect();
        let (image, _) = image(&values, &vec![0; voxels], [6; 3], scaled([1.0; 3]));
        let recipe = Preprocessing {
            normalization: Normalization::None,
            ..Preprocessing::default()
        };
        SampledCase::from(Prepared::new(&[&image], None, &recipe, [6; 3]))
    };
    let both = labeled().with_unlabeled(vec![unlabeled(), unlabeled()], 0.4, 0);
    let drawn = both.draw(0, 50);
    let (mut kept, mut count) = (Vec::new(), 0);
    let patches = drawn
        .classes
        .chunks_exact(voxels)
        .zip(drawn.intensities.chunks_exact(voxels));
    for (classes, intensities) in patches {
        if classes.iter().all(|&class| class == IGNORED) {
            assert!(intensities.iter().any(|&value| value > 1e4));
            count += 1;
        } else {
            assert!(!classes.contains(&IGNORED));
            kept.extend_from_slice(intensities);
        }
    }
    assert_eq!(count, 20);
    // The labeled ones are what they are without the others.
    assert_eq!(kept, labeled().draw(0, 30).intensities);
    // Each draw depends on its number alone.
    for number in [0, 7, 23] {
        let one = both.draw(number, 1);
        assert_eq!(
            one.intensities,
            drawn.intensities[number * voxels..(number + 1) * voxels]
        );
    }
    assert_eq!(
        labeled().with_unlabeled(Vec::new(), 0.4, 0).draw(0, 9),
        labeled().draw(0, 9)
    );
}
