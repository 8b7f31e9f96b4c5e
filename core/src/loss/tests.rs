use serde_json::{Value, json};

use super::{Activation, DiceCe, SupervisedLoss, Toy};

fn read(settings: Value) -> Result<SupervisedLoss, String> {
    serde_json::from_value(settings).map_err(|error| error.to_string())
}

/// As in settings, states and results since the first version.
#[test]
fn dice_plus_cross_entropy_has_no_name() {
    let written = json!({
        "activation": "sigmoid",
        "background": true,
        "squared": false,
        "batch": false,
        "smooth_numerator": 1e-5,
        "smooth_denominator": 1e-5,
        "dice_weight": 1.0,
        "ce_weight": 0.0,
    });
    let loss = SupervisedLoss::regions();
    assert_eq!(serde_json::to_value(loss).expect("JSON"), written);
    assert_eq!(read(written), Ok(loss));
    let table = toml::to_string(&loss).expect("TOML");
    assert!(table.starts_with("activation = \"sigmoid\"\n"), "{table}");
    assert_eq!(toml::from_str(&table), Ok(loss));
    let some: SupervisedLoss = toml::from_str("ce_weight = 2").expect("settings");
    let expected = DiceCe {
        ce_weight: 2.0,
        ..DiceCe::default()
    };
    assert_eq!(some, expected.into());
}

#[test]
fn another_loss_is_known_by_its_name() {
    let loss = SupervisedLoss::Toy(Toy { weight: 0.1 });
    let written = json!({"kind": "toy", "weight": 0.1});
    assert_eq!(serde_json::to_value(loss).expect("JSON"), written);
    assert_eq!(read(written), Ok(loss));
}

#[test]
fn errors_name_the_field() {
    let error = read(json!({"cee_weight": 2.0})).expect_err("no such field");
    assert!(
        error.starts_with("unknown field `cee_weight`, expected one of `activation`"),
        "{error}"
    );
    let error = read(json!({"activation": "relu"})).expect_err("no such activation");
    assert!(error.contains("`softmax`"), "{error}");
    let error = read(json!({"kind": "toy", "weigth": 2.0})).expect_err("no such field");
    assert_eq!(error, "there is no loss of this kind with these settings");
}

#[test]
fn the_activation_is_that_of_the_chosen_loss() {
    use super::Loss;
    assert_eq!(SupervisedLoss::regions().activation(), Activation::Sigmoid);
    assert_eq!(SupervisedLoss::default().activation(), Activation::Softmax);
}
