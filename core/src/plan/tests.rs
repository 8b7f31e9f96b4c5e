//! Plans for made-up data sets: what follows from which fact.

use std::collections::BTreeMap;

use super::{Budget, Speed, TrainingPlan};
use crate::dataset::{CaseFacts, CaseFingerprint, ChannelFacts, LabelFacts, LabelSet};
use crate::train::{TrainConfig, overlay};
use crate::transform::{Center, Crop, Normalization};
use crate::volume::Bounds;

/// A label of a case: id, volume in mL, number of pieces, center in mm.
type Label = (u16, f64, usize, [f64; 3]);

/// A case without a scan: its grid, and its labels.
fn case(id: &str, size: [usize; 3], spacing: [f64; 3], hu: bool, labels: &[Label]) -> CaseFingerprint {
    let whole = Bounds { start: [0; 3], size };
    let voxel_ml = spacing.iter().product::<f64>() / 1000.0;
    // The scan's middle is the origin.
    let center = |[x, y, z]: [f64; 3]| {
        let mm = [z, y, x];
        [0, 1, 2].map(|axis| size[axis] as f64 / 2.0 + mm[axis] / spacing[axis])
    };
    let facts = |&(id, milliliters, components, centroid): &Label| {
        let voxels = (milliliters / voxel_ml) as u64;
        let label = LabelFacts {
            voxels,
            components,
            largest_component: voxels / components as u64,
            typical_component: Some(voxels / components as u64),
            bounds: whole,
            center: Some(center(centroid)),
            centroid,
        };
        (id, label)
    };
    CaseFingerprint {
        id: id.to_owned(),
        channels: 1,
        channel_names: Vec::new(),
        size,
        spacing,
        labeled: true,
        labels: labels.iter().map(|label| label.0).collect(),
        ignored: None,
        names: BTreeMap::new(),
        labeled_hu: hu.then(|| (0..=100).map(|value| (value as f32, 10)).collect()),
        warnings: Vec::new(),
        facts: Some(CaseFacts {
            channels: vec![ChannelFacts {
                min: if hu { -1000.0 } else { 0.0 },
                max: 1000.0,
                labeled: None,
            }],
            labels: labels.iter().map(facts).collect(),
            labeled_share: 0.1,
            nonzero: whole,
            nonzero_share: 1.0,
        }),
    }
}

/// Five scans of an abdomen in thick slices, with both kidneys.
pub(super) fn abdomens(hu: bool) -> Vec<CaseFingerprint> {
    let labels = [
        (1, 1500.0, 1, [70.0, 0.0, 0.0]),
        (2, 150.0, 1, [60.0, -40.0, -60.0]),
        (3, 150.0, 1, [-60.0, -40.0, -50.0]),
    ];
    let ids = ["a", "b", "c", "d", "e"];
    ids.map(|id| case(id, [36, 288, 320], [7.7, 1.25, 1.25], hu, &labels))
        .to_vec()
}

fn labels(cases: &[CaseFingerprint], names: [&str; 3]) -> LabelSet {
    let names = (1..).zip(names.map(str::to_owned)).collect();
    LabelSet::from_fingerprints(cases, &names).expect("labels")
}

fn plan(cases: &[CaseFingerprint], names: [&str; 3], minutes: f64) -> TrainingPlan {
    let budget = Budget {
        minutes,
        ..Budget::DEFAULT
    };
    let labels = labels(cases, names);
    let plan = TrainingPlan::new(cases, &labels, &budget).expect("a plan");
    plan.config
        .check(&plan.config.resolved_network())
        .expect("settings that work");
    plan
}

const KIDNEYS: [&str; 3] = ["liver", "right kidney", "left kidney"];

#[test]
fn few_minutes_give_larger_voxels_so_that_a_patch_sees_the_body() {
    let cases = abdomens(false);
    let ten = plan(&cases, KIDNEYS, 10.0);
    let spacing = ten.config.preprocessing.spacing.expect("a spacing").mm;
    // Slices are as they are; within them voxels grow, but not beyond the slices' thickness.
    assert!(spacing[1] > 2.0 && spacing[1] == spacing[2], "{spacing:?}");
    assert!((7.7..8.5).contains(&spacing[0]), "{spacing:?}");
    let covered: f64 = (0..3)
        .map(|axis| {
            let size = cases[0].size[axis] as f64 * cases[0].spacing[axis] / spacing[axis];
            (ten.config.patch[axis] as f64 / size).min(1.0)
        })
        .product();
    assert!(covered >= 0.55, "{covered}");
    assert!(
        (200..2000).contains(&ten.config.iterations),
        "{}",
        ten.config.iterations
    );

    // A device a thousand times as fast sees the scans as they are.
    let fast = Budget {
        minutes: 10.0,
        speed: Speed {
            rate: 1000.0 * Speed::CPU_THREAD.rate,
            overhead: 0.0,
        },
        memory: 64 << 30,
        ..Budget::DEFAULT
    };
    let fast = TrainingPlan::new(&cases, &labels(&cases, KIDNEYS), &fast).expect("a plan");
    assert_eq!(
        fast.config.preprocessing.spacing.expect("a spacing").mm,
        [7.7, 1.25, 1.25]
    );
}

/// Four threads have the arithmetic of four: the same patch, four times in a step, and as many steps.
#[test]
fn threads_each_take_a_patch_of_a_step() {
    let cases = abdomens(false);
    let alone = plan(&cases, KIDNEYS, 10.0);
    let budget = Budget {
        minutes: 10.0,
        speed: Speed::CPU_THREAD.times(4),
        memory: 4 * Budget::DEFAULT.memory,
        at_once: 4,
        ..Budget::DEFAULT
    };
    let four = TrainingPlan::new(&cases, &labels(&cases, KIDNEYS), &budget).expect("a plan");
    assert_eq!((alone.config.batch_size, four.config.batch_size), (1, 4));
    assert_eq!(four.config.patch, alone.config.patch);
    assert_eq!(four.config.iterations, alone.config.iterations);
    let told = |plan: &TrainingPlan| plan.decisions.iter().any(|decision| decision.setting == "batch_size");
    assert!(told(&four) && !told(&alone));
}

#[test]
fn left_and_right_are_not_mirrored() {
    let cases = abdomens(false);
    let reason = |names| {
        let plan = plan(&cases, names, 10.0);
        assert!(!plan.config.augmentation.mirror_axes.0[2]);
        let decisions = plan.decisions.into_iter();
        let mut mirrored = decisions.filter(|decision| decision.setting == "augmentation.mirror_axes");
        mirrored.next().expect("a decision").reason
    };
    let named = reason(KIDNEYS);
    assert!(
        named.starts_with("left kidney and right kidney differ in their side alone"),
        "{named}"
    );
    // By where they lie, where names say nothing.
    let unnamed = reason(["label 1", "label 2", "label 3"]);
    assert!(unnamed.contains("by where they lie"), "{unnamed}");
    let others = reason(["liver", "spleen", "stomach"]);
    assert!(others.starts_with("labels lie in the same places"), "{others}");
}

#[test]
fn intensities_of_ct_are_those_of_the_labels() {
    let ct = plan(&abdomens(true), KIDNEYS, 10.0);
    let Normalization::ClipZScore { low, high, mean, .. } = ct.config.preprocessing.normalization else {
        panic!("{:?}", ct.config.preprocessing.normalization);
    };
    // Values 0 to 100, each as often; the percentiles of 5 × 1010 values.
    assert!(
        (low, high) == (0.0, 100.0) && (mean - 50.0).abs() < 1e-9,
        "{low} {high} {mean}"
    );
    let mr = plan(&abdomens(false), KIDNEYS, 10.0);
    assert_eq!(mr.config.preprocessing.normalization, Normalization::ZScore);
    // Metal is as bright as a scanner can tell; a window around that one value would hide everything else.
    let mut metal = abdomens(true);
    for case in &mut metal {
        case.labeled_hu = Some(vec![(3071.0, 1010)]);
    }
    let metal = plan(&metal, KIDNEYS, 10.0);
    assert_eq!(metal.config.preprocessing.normalization, Normalization::ZScore);
}

#[test]
fn a_small_structure_keeps_its_voxels() {
    let nodule = [(1, 0.3, 1, [0.0; 3])];
    let cases = ["a", "b", "c"].map(|id| case(id, [200, 400, 400], [1.0, 0.7, 0.7], true, &nodule));
    let names = BTreeMap::from([(1, "nodule".to_owned())]);
    let labels = LabelSet::from_fingerprints(&cases, &names).expect("labels");
    let plan = TrainingPlan::new(&cases, &labels, &Budget::DEFAULT).expect("a plan");
    let voxel: f64 = plan
        .config
        .preprocessing
        .spacing
        .expect("a spacing")
        .mm
        .iter()
        .product();
    assert!(300.0 / voxel >= 125.0, "{voxel}");
}

#[test]
fn impossible_budgets_are_refused() {
    let cases = abdomens(false);
    for minutes in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let budget = Budget {
            minutes,
            ..Budget::DEFAULT
        };
        let error = TrainingPlan::new(&cases, &labels(&cases, KIDNEYS), &budget).expect_err("no budget");
        assert!(error.to_string().contains("minutes"), "{error}");
    }
    assert!(TrainingPlan::new(&[], &labels(&cases, KIDNEYS), &Budget::DEFAULT).is_err());
}

/// Of a probability of 0.2, a run of half of a thousand steps takes half.
#[test]
fn short_runs_are_augmented_less_often() {
    let cases = abdomens(false);
    for minutes in [5.0, 200.0] {
        let config = plan(&cases, KIDNEYS, minutes).config;
        let share = (config.iterations as f64 / 1000.0).min(1.0);
        let augmentation = config.augmentation;
        let rotate = augmentation.spatial.expect("rotation").rotate;
        assert!(
            (rotate - 0.2 * share).abs() < 1e-12,
            "{rotate} at {} steps",
            config.iterations
        );
        assert!((augmentation.gamma.expect("gamma").probability - 0.3 * share).abs() < 1e-12);
        assert_eq!(augmentation.blur.expect("blur").channel, 0.5);
        assert_eq!(augmentation.flip, 0.5);
    }
}

/// Five CT scans of the trunk, 400 mm wide, with an organ of `milliliters` in a box of `side` voxels of 1.5 mm.
fn organ(milliliters: f64, side: usize) -> Vec<CaseFingerprint> {
    let ids = ["a", "b", "c", "d", "e"];
    let scans = ids.map(|id| {
        let mut scan = case(id, [267; 3], [1.5; 3], true, &[(1, milliliters, 1, [0.0; 3])]);
        let label = scan.facts.as_mut().and_then(|facts| facts.labels.get_mut(&1));
        label.expect("the label").bounds = Bounds {
            start: [100; 3],
            size: [side; 3],
        };
        scan
    });
    scans.to_vec()
}

fn plan_one(cases: &[CaseFingerprint], minutes: f64) -> TrainingPlan {
    let labels = LabelSet::from_fingerprints(cases, &[(1, "organ".to_owned())].into()).expect("labels");
    let budget = Budget {
        minutes,
        ..Budget::DEFAULT
    };
    let plan = TrainingPlan::new(cases, &labels, &budget).expect("a plan");
    let works = plan.config.check(&plan.config.resolved_network());
    works.expect("settings that work");
    plan
}

#[test]
fn a_small_structure_in_a_large_scan_is_looked_at_closely() {
    let hours = 240.0;
    // 30 mL in a box of 60 mm: few voxels of what a whole scan allows, and a small part of it.
    let config = plan_one(&organ(30.0, 40), hours).config;
    let first = config.coarse.clone().expect("two stages");
    let mm = |config: &TrainConfig| config.preprocessing.spacing.expect("a spacing").mm;
    assert_eq!(config.preprocessing.crop, Crop::Labels { margin_mm: 20 });
    assert_eq!(first.preprocessing.crop, Crop::NonZero);
    let finer = mm(&first).iter().product::<f64>() / mm(&config).iter().product::<f64>();
    assert!(finer >= 2.0, "{finer}");
    // Each has half of the time.
    let budget = Budget {
        minutes: hours,
        ..Budget::DEFAULT
    };
    let seconds = first.iterations as f64 * budget.step_seconds(&first, 1, 2);
    assert!((seconds / (60.0 * hours) - 0.5).abs() < 0.01, "{seconds} s");

    // Not where the structure is large, where it fills the scan, or where minutes are few.
    for (milliliters, side, minutes) in [(1500.0, 80, hours), (30.0, 260, hours), (30.0, 40, 10.0)] {
        let plan = plan_one(&organ(milliliters, side), minutes);
        assert_eq!(
            plan.config.coarse, None,
            "{milliliters} mL, {side} voxels, {minutes} minutes"
        );
        assert!(plan.decisions.iter().all(|decision| decision.setting != "coarse"));
    }
}

/// One network has all the minutes, whether asked for or because weights bring it.
#[test]
fn a_single_stage_has_all_the_minutes() {
    let cases = organ(30.0, 40);
    let labels = LabelSet::from_fingerprints(&cases, &BTreeMap::new()).expect("labels");
    let budget = Budget {
        minutes: 240.0,
        single_stage: true,
        ..Budget::DEFAULT
    };
    let plan = TrainingPlan::new(&cases, &labels, &budget).expect("a plan");
    assert_eq!(plan.config.coarse, None);
    let seconds = plan.config.iterations as f64 * budget.step_seconds(&plan.config, 1, 2);
    assert!((seconds / (60.0 * 240.0) - 1.0).abs() < 0.01, "{seconds} s");
}

/// Longer runs take longer steps and more of them.
#[test]
fn hours_give_finer_voxels_and_more_steps() {
    let [half, two, eight] = [30.0, 120.0, 480.0].map(|minutes| plan(&abdomens(false), KIDNEYS, minutes).config);
    let voxel = |config: &TrainConfig| {
        config
            .preprocessing
            .spacing
            .expect("a spacing")
            .mm
            .iter()
            .product::<f64>()
    };
    assert!(voxel(&half) > 1.5 * voxel(&two) && voxel(&two) > 1.5 * voxel(&eight));
    assert!(half.iterations < two.iterations && two.iterations < eight.iterations);
}

#[test]
fn a_rare_label_is_seen_as_often_as_the_others() {
    let mut cases = abdomens(false);
    let center = |cases: &[CaseFingerprint]| plan(cases, KIDNEYS, 10.0).config.sampling.center;
    assert_eq!(center(&cases), Center::Foreground { share: 0.5 });
    for case in &mut cases {
        let facts = case.facts.as_mut().expect("facts");
        facts.labels.get_mut(&3).expect("a kidney").voxels /= 10;
    }
    assert_eq!(center(&cases), Center::EachLabel { share: 0.5 });
}

/// A sagittal scan: thick slices lie across the body.
#[test]
fn patches_are_turned_within_slices_wherever_these_lie() {
    let labels = [(1, 60.0, 1, [0.0; 3])];
    let cases = ["a", "b", "c"].map(|id| case(id, [200, 200, 20], [0.6, 0.6, 8.0], false, &labels));
    let config = plan_one(&cases, 30.0).config;
    let settings = config.sampler_settings();
    assert!(config.augmentation.spatial.expect("rotation").in_plane);
    assert_eq!(settings.slice_axis, 2);
}

#[test]
fn cases_with_other_channels_are_refused() {
    let mut cases = abdomens(false);
    cases[1].channels = 2;
    let error = TrainingPlan::new(&cases, &labels(&cases, KIDNEYS), &Budget::DEFAULT).expect_err("two channels");
    assert!(error.to_string().contains('b'), "{error}");
}

#[test]
fn a_plan_of_two_stages_survives_its_file() {
    let plan = plan_one(&organ(30.0, 40), 240.0);
    let text = plan.config.to_toml().expect("written");
    let table: toml::Table = text.parse().expect("TOML");
    let read = overlay(&TrainConfig::default(), table).expect("settings");
    assert_eq!(read, plan.config);
}
