//! Dice and HD95 against MONAI 1.5.0 and medpy 0.5.2, on synthetic and real masks.

#[path = "metric/parts.rs"]
mod parts;

use medcontext_core::dataset::LabelSet;
use medcontext_core::metric::{
    CaseScore, EmptyPolicy, Evaluation, EvaluationError, Hausdorff, LabelScore, Protocol, Statistic, Unit, dice, hd95,
};
use medcontext_tests::announce;
use ndarray::{Array3, s};
use safetensors::SafeTensors;
use serde_json::Value;

type Labels = Array3<u16>;

/// The reference implementations' values for one class of one case: Dice; HD95 with spacing, pooled (medpy) and maximum
/// (MONAI); the same in voxels.
struct Reference {
    dice: Option<f64>,
    with_spacing: Option<(f64, f64)>,
    in_voxels: Option<(f64, f64)>,
}

fn check(name: &str, prediction: &Labels, truth: &Labels, class: u16, spacing: [f64; 3], expected: &Reference) {
    let (p, t) = (prediction.view(), truth.view());
    let close = |what: &str, found: Option<f64>, expected: Option<f64>, tolerance: f64| match (found, expected) {
        (Some(found), Some(expected)) => {
            let difference = (found - expected).abs();
            assert!(
                difference <= tolerance,
                "{name} class {class} {what}: {found}, not {expected}"
            );
        }
        _ => assert_eq!(found, expected, "{name} class {class} {what}"),
    };
    close("Dice", dice(p, t, class), expected.dice, 1e-12);
    for (what, spacing, expected) in [
        ("mm", Some(spacing), expected.with_spacing),
        ("voxels", None, expected.in_voxels),
    ] {
        let pooled = hd95(p, t, class, spacing, Hausdorff::Pooled);
        close(what, pooled, expected.map(|(pooled, _)| pooled), 1e-9);
        // MONAI works in f32, the position of the percentile included.
        let largest = hd95(p, t, class, spacing, Hausdorff::Max);
        close(what, largest, expected.map(|(_, largest)| largest), 2e-5);
    }
}

/// An 8×9×10 array with boxes `(corner, size, label)` painted in turn.
fn painted(boxes: &[([usize; 3], [usize; 3], u16)]) -> Labels {
    let mut labels = Array3::zeros([8, 9, 10]);
    for &([d, h, w], [depth, height, width], label) in boxes {
        labels
            .slice_mut(s![d..d + depth, h..h + height, w..w + width])
            .fill(label);
    }
    labels
}

/// What is expected where the distance is the same by MONAI and by medpy.
fn both(dice: f64, mm: f64, voxels: f64) -> Reference {
    Reference {
        dice: Some(dice),
        with_spacing: Some((mm, mm)),
        in_voxels: Some((voxels, voxels)),
    }
}

/// What is expected where there is no distance.
fn none(dice: Option<f64>) -> Reference {
    Reference {
        dice,
        with_spacing: None,
        in_voxels: None,
    }
}

/// A solid of label 1 with a core of label 2.
fn solid(shift: usize) -> Labels {
    painted(&[([1, 1 + shift, 2], [6, 7, 7], 1), ([3, 3 + shift, 4], [2, 2, 2], 2)])
}

/// The cases that can be painted, with MONAI's and medpy's values.
#[test]
fn painted_points() {
    let point = |at, label| (at, [1, 1, 1], label);
    let pair = (
        painted(&[point([2, 3, 4], 1), point([6, 1, 8], 2)]),
        painted(&[point([5, 7, 1], 1), point([6, 1, 8], 2)]),
    );
    let voxel = 5.830951894845301;
    check("single voxels", &pair.0, &pair.1, 1, [1.0; 3], &both(0.0, voxel, voxel));
    check("single voxels", &pair.0, &pair.1, 2, [1.0; 3], &both(1.0, 0.0, 0.0));
    check(
        "single voxels, thick",
        &pair.0,
        &pair.1,
        1,
        [1.5, 0.7, 2.0],
        &both(0.0, 8.005623023850173, voxel),
    );

    let empty = painted(&[]);
    check("both empty", &empty, &empty, 1, [1.0; 3], &none(None));
    check("prediction empty", &empty, &pair.1, 1, [1.0; 3], &none(Some(0.0)));
    check("truth empty", &pair.0, &empty, 2, [1.0; 3], &none(Some(0.0)));
}

/// The same for solids.
#[test]
fn painted_solids() {
    check(
        "solid with core",
        &solid(0),
        &solid(1),
        1,
        [2.0, 1.0, 0.5],
        &both(0.8391608391608392, 1.0, 1.0),
    );
    check(
        "solid with core",
        &solid(0),
        &solid(1),
        2,
        [2.0, 1.0, 0.5],
        &both(0.5, 1.0, 1.0),
    );

    let full = painted(&[([0, 0, 0], [8, 9, 10], 1)]);
    let expected = (2.23606797749979, 3.0);
    let reference = Reference {
        dice: Some(0.5685884691848907),
        with_spacing: Some(expected),
        in_voxels: Some(expected),
    };
    check("full volume", &full, &solid(0), 1, [1.0; 3], &reference);
    check("full volume", &full, &solid(0), 2, [1.0; 3], &none(Some(0.0)));
}

/// Every case of the fixture, if available: it holds real scans and is not part of the repository.
#[test]
fn real_masks() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/fixtures");
    let Ok(bytes) = std::fs::read(format!("{folder}/metrics_hd95_dice.safetensors")) else {
        announce("skipped: metrics_hd95_dice.safetensors is not here");
        return;
    };
    let manifest = std::fs::read_to_string(format!("{folder}/manifest.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    let cases = &manifest["fixtures"]["metrics_hd95_dice"]["meta"]["cases"];
    let tensors = SafeTensors::deserialize(&bytes).expect("safetensors");
    let labels = |name: String| {
        let view = tensors.tensor(&name).expect("a label map");
        let values = view.data().iter().map(|&value| u16::from(value)).collect();
        let shape: [usize; 3] = view.shape().try_into().expect("3D");
        Array3::from_shape_vec(shape, values).expect("its own shape")
    };
    let cases = cases.as_array().expect("a list");
    assert_eq!(cases.len(), 16);
    let mut scores = Vec::new();
    for case in cases {
        let name = case["name"].as_str().expect("a name");
        let (prediction, truth) = (labels(format!("pred.{name}")), labels(format!("gt.{name}")));
        let spacing: Vec<f64> = case["spacing"]
            .as_array()
            .expect("spacing")
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        for class in [1, 2] {
            let values = &case["classes"][class.to_string()];
            // A missing mask is "nan" or "raises RuntimeError" there.
            let pair = |medpy: &str, monai: &str| values[medpy].as_f64().zip(values[monai].as_f64());
            let both_empty = values["n_pred"] == 0 && values["n_gt"] == 0;
            let reference = Reference {
                dice: values["medpy_dice"].as_f64().filter(|_| !both_empty),
                with_spacing: pair("medpy_hd95", "monai_hd95"),
                in_voxels: pair("medpy_hd95_no_spacing", "monai_hd95_no_spacing"),
            };
            let spacing = spacing.as_slice().try_into().expect("three axes");
            check(name, &prediction, &truth, class, spacing, &reference);
        }
        let (p, t) = (prediction.view(), truth.view());
        let spacing = spacing.as_slice().try_into().expect("three axes");
        let score = CaseScore::new(name, p, t, spacing, &two_labels(), Protocol::default());
        scores.push(score.expect("one shape"));
    }
    means_over_the_cases(&scores, cases);
}

fn two_labels() -> LabelSet {
    LabelSet::from_ids([1, 2], &Default::default()).expect("two labels")
}

/// Means over labels of the means over cases, with each reference's policy for empty masks.
fn means_over_the_cases(scores: &[CaseScore], cases: &[Value]) {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let expected = |key: &str| {
        let label = |class: &str| {
            let values = cases.iter().map(|case| &case["classes"][class][key]);
            mean(values.filter_map(Value::as_f64).collect())
        };
        (label("1") + label("2")) / 2.0
    };
    let close = |found: Option<Statistic>, expected: f64| {
        let found = found.expect("a mean").mean;
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    };
    for (empty, key) in [
        (EmptyPolicy::Zero, "official_dice"),
        (EmptyPolicy::One, "monai_dice_no_ignore"),
        (EmptyPolicy::Medpy, "medpy_dice"),
        (EmptyPolicy::Monai, "monai_dice_ignore_empty"),
    ] {
        let protocol = Protocol {
            empty,
            ..Protocol::default()
        };
        let found = Evaluation::new(scores.to_vec(), &two_labels(), protocol);
        close(found.mean.dice, expected(key));
        if empty == EmptyPolicy::Medpy {
            close(found.mean.hd95_mm, expected("medpy_hd95"));
            close(found.mean.hd95_voxels, expected("medpy_hd95_no_spacing"));
        }
    }
}

#[test]
fn what_an_empty_mask_counts_as() {
    let empty = painted(&[]);
    let dice = dice(empty.view(), empty.view(), 1);
    let distance = hd95(empty.view(), empty.view(), 1, None, Hausdorff::Pooled);
    for (name, counted) in [
        ("zero", (Some(0.0), Some(0.0))),
        ("one", (Some(1.0), Some(0.0))),
        ("nan", (None, None)),
        ("medpy", (Some(1.0), None)),
        ("monai", (None, None)),
    ] {
        let policy: EmptyPolicy = name.parse().expect("a policy");
        assert_eq!((policy.overlap(dice), policy.distance(distance)), counted);
        assert_eq!(policy.overlap(Some(0.25)), Some(0.25), "{name}");
        assert_eq!(policy.distance(Some(3.0)), Some(3.0), "{name}");
    }
    assert!("none".parse::<EmptyPolicy>().is_err());
    // A false positive: 0 for every policy but MONAI's, which leaves out what the truth lacks.
    for name in ["zero", "one", "nan", "medpy"] {
        let policy: EmptyPolicy = name.parse().expect("a policy");
        assert_eq!(policy.overlap_of(Some(0.0), true), Some(0.0), "{name}");
    }
    assert_eq!(EmptyPolicy::Monai.overlap_of(Some(0.0), true), None);
    assert_eq!(EmptyPolicy::Monai.overlap_of(Some(0.0), false), Some(0.0));
}

#[test]
fn an_evaluation() {
    let set = LabelSet::from_ids([1, 2, 5], &Default::default()).expect("three labels");
    let score = |name: &str, prediction: &Labels, truth: &Labels| {
        CaseScore::new(
            name,
            prediction.view(),
            truth.view(),
            [2.0, 1.0, 0.5],
            &set,
            Protocol::default(),
        )
        .expect("one shape")
    };
    let only_one = painted(&[([1, 1, 2], [6, 7, 7], 1)]);
    let cases = vec![score("a", &solid(0), &solid(1)), score("b", &only_one, &solid(0))];
    let a = &cases[0].labels[0];
    assert_eq!((a.label, a.hd95_mm, a.hd95_voxels), (1, Some(1.0), Some(1.0)));
    // 286 voxels of 1 mm³.
    assert!((a.ml_predicted - 0.286).abs() < 1e-12 && (a.ml_true - 0.286).abs() < 1e-12);
    assert_eq!(cases[1].labels[1].hd95_mm, None);

    let evaluation = Evaluation::new(cases, &set, Protocol::default());
    let [one, two, five] = &evaluation.labels[..] else {
        panic!("three labels")
    };
    let (a, b) = (0.8391608391608392, 2.0 * 286.0 / (294.0 + 286.0));
    let dice = one.means.dice.expect("two cases");
    assert!((dice.mean - (a + b) / 2.0).abs() < 1e-12);
    // Two values lie half their distance from their mean: sd = |a − b| / √2.
    assert!((dice.sd.expect("two cases") - (b - a) / 2f64.sqrt()).abs() < 1e-12);
    // Missing in one prediction: 0 in the mean Dice, nothing in the mean distance, and counted.
    let mean = |statistic: Option<Statistic>| statistic.map(|statistic| statistic.mean);
    let (of_two, of_five) = (&two.means, &five.means);
    assert_eq!(
        (mean(of_two.dice), mean(of_two.hd95_mm), two.missed),
        (Some(0.25), Some(1.0), 1)
    );
    assert_eq!((of_five.dice, of_five.hd95_mm, five.missed), (None, None, 0));
    let all = evaluation.mean.dice.expect("two labels");
    assert!((all.mean - ((a + b) / 2.0 + 0.25) / 2.0).abs() < 1e-12);
    // The cases' own means are (a + 0.5) / 2 and (b + 0) / 2.
    let spread = ((a + 0.5) / 2.0 - b / 2.0).abs() / 2f64.sqrt();
    assert!((all.sd.expect("two cases") - spread).abs() < 1e-12);

    let json: Value = serde_json::to_value(&evaluation).expect("JSON");
    assert!(json["cases"][1]["labels"][1]["hd95_mm"].is_null());
    assert_eq!(json["labels"][1]["name"], "label 2");
    assert_eq!(json["labels"][1]["dice"]["mean"], 0.25);
    let again: Evaluation = serde_json::from_value(json).expect("the same");
    assert_eq!(again, evaluation);
}

#[test]
fn labels_of_two_shapes_cannot_be_compared() {
    let set = LabelSet::from_ids([1, 2, 5], &Default::default()).expect("three labels");
    let only_one = painted(&[([1, 1, 2], [6, 7, 7], 1)]);
    let other_shape = Array3::zeros([8, 9, 9]);
    let refused = CaseScore::new(
        "c",
        other_shape.view(),
        only_one.view(),
        [1.0; 3],
        &set,
        Protocol::default(),
    );
    assert_eq!(
        refused.expect_err("shapes differ").to_string(),
        "case c: an array of 8×9×9 labels cannot be compared with one of 8×9×10; give arrays of one shape"
    );
}
