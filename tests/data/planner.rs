//! Plans against those of nnU-Net 2.8.1's planners for seven made-up data sets.

use medcontext_core::plan::{Configuration, CroppedGrid, DatasetFacts, Planner, Plans};
use serde_json::{Value, json};

const EXAMPLES: &str = include_str!("../fixtures/planner_examples.json");

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn numbers(value: &Value) -> Vec<f64> {
    let values = list(value).iter();
    values.map(|value| value.as_f64().expect("a number")).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn facts(example: &Value) -> DatasetFacts {
    let (sizes, spacings) = (list(&example["shapes_after_crop"]), list(&example["spacings"]));
    assert_eq!(sizes.len(), spacings.len());
    let grid = |(size, spacing): (&Value, &Value)| {
        let size: [f64; 3] = numbers(size).try_into().expect("three sizes");
        CroppedGrid {
            size: size.map(|size| size as usize),
            spacing: numbers(spacing).try_into().expect("three sides"),
        }
    };
    DatasetFacts {
        cases: sizes.iter().zip(spacings).map(grid).collect(),
        channels: list(&example["channels"])
            .iter()
            .map(|name| text(name).to_owned())
            .collect(),
        labels: example["labels"].as_u64().expect("a number") as usize,
        median_relative_size: example["median_relative_size_after_cropping"]
            .as_f64()
            .expect("a share"),
    }
}

fn planner(name: &str) -> Planner {
    match name {
        "ExperimentPlanner" => Planner::DEFAULT,
        "nnUNetPlannerResEncM" => Planner::RES_ENC_M,
        "nnUNetPlannerResEncL" => Planner::RES_ENC_L,
        "nnUNetPlannerResEncXL" => Planner::RES_ENC_XL,
        other => panic!("no planner is called {other}"),
    }
}

fn assert_configuration<const AXES: usize>(found: Option<&Configuration<AXES>>, expected: &Value, place: &str) {
    assert_eq!(found.is_none(), expected.is_null(), "{place}");
    let Some(found) = found else {
        return;
    };
    let spacing = numbers(&expected["spacing"]);
    assert_eq!(spacing.len(), AXES, "{place}");
    for (found, expected) in found.spacing.iter().zip(spacing) {
        assert!(
            (found - expected).abs() <= 1e-9 * expected,
            "{place}: {found} and not {expected} mm"
        );
    }
    assert_eq!(found.median_size.to_vec(), numbers(&expected["median_size"]), "{place}");
    let lists = |lists: &[[usize; AXES]]| json!(lists.iter().map(|list| list.to_vec()).collect::<Vec<_>>());
    let (topology, maps) = (&found.topology, &found.feature_maps);
    let compared = [
        ("patch", json!(topology.patch.to_vec())),
        ("batch_size", json!(found.batch_size)),
        ("batch_dice", json!(found.batch_dice)),
        ("strides", lists(&topology.strides)),
        ("kernels", lists(&topology.kernels)),
        ("features", json!(maps.features)),
        ("blocks", json!(maps.blocks)),
        ("decoder_convolutions", json!(maps.decoder_convolutions)),
    ];
    for (key, found) in compared {
        assert_eq!(found, expected[key], "{place}: {key}");
    }
}

fn assert_plans(plans: &Plans, expected: &Value, place: &str) {
    let schemes: Vec<&str> = plans
        .normalization
        .iter()
        .map(|channel| channel.scheme.name())
        .collect();
    let masks: Vec<bool> = plans.normalization.iter().map(|channel| channel.use_mask).collect();
    let compared = [
        ("transpose_forward", json!(plans.target.transpose_forward)),
        ("transpose_backward", json!(plans.target.transpose_backward())),
        ("normalization_schemes", json!(schemes)),
        ("use_mask_for_norm", json!(masks)),
        ("cascade", json!(plans.low_resolution.is_some())),
    ];
    for (key, found) in compared {
        assert_eq!(found, expected[key], "{place}: {key}");
    }
    let (full, low) = (plans.full_resolution.as_ref(), plans.low_resolution.as_ref());
    assert_configuration(Some(&plans.slices), &expected["2d"], &format!("{place}, 2d"));
    assert_configuration(full, &expected["3d_fullres"], &format!("{place}, 3d_fullres"));
    assert_configuration(low, &expected["3d_lowres"], &format!("{place}, 3d_lowres"));
}

#[test]
fn plans_are_those_of_nnunet() {
    let examples: Value = serde_json::from_str(EXAMPLES).expect("examples");
    let mut compared = 0;
    for example in list(&examples) {
        for (name, expected) in example["plans"].as_object().expect("plans") {
            let place = format!("{} by {name}", text(&example["name"]));
            let plans = planner(name).plan(&facts(example));
            assert_plans(
                &plans.unwrap_or_else(|error| panic!("{place}: {error}")),
                expected,
                &place,
            );
            compared += 1;
        }
    }
    assert_eq!((list(&examples).len(), compared), (7, 15));
}
