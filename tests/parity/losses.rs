//! DiceCE and the consistency loss against MONAI 1.5 and the paper's equation, values and gradients.
//!
//! Tolerances: values 1e-5 (1e-4 on a GPU); gradients 1e-4 relative L2 (1e-3 on a GPU).

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use medcontext_core::medcontext::{ConsistencyForm, consistency};
use medcontext_core::train::{Activation, DiceCe, Target};
use medcontext_tests::{
    Fixture, TestDevice, assert_gradient, assert_within, devices, procedural, values,
};
use serde_json::Value;

/// The options of one case of the fixture; MONAI's defaults where it names none.
fn options(kwargs: &Value) -> DiceCe {
    let number = |key: &str, default| kwargs[key].as_f64().unwrap_or(default);
    let flag = |key: &str, default| kwargs[key].as_bool().unwrap_or(default);
    DiceCe {
        activation: Activation::Softmax,
        background: flag("include_background", true),
        squared: flag("squared_pred", false),
        batch: flag("batch", false),
        smooth_numerator: number("smooth_nr", 1e-5),
        smooth_denominator: number("smooth_dr", 1e-5),
        dice_weight: number("lambda_dice", 1.0),
        ce_weight: number("lambda_ce", 1.0),
        scale_weights: &[1.0],
    }
}

fn check_value_and_gradient(
    what: &str,
    on: &TestDevice,
    (loss, logits): (Tensor<1>, Tensor<5>),
    (value, gradient): (Vec<f32>, Vec<f32>),
) -> Gradients {
    let what = format!("{what} on {}", on.name);
    assert_within(&what, &values(loss.clone()), &value, 1e-5 * on.gradients);
    let gradients = loss.backward();
    let found = logits.grad(&gradients).expect("the logits have a gradient");
    assert_gradient(&what, &values(found), &gradient, 1e-4 * on.gradients);
    gradients
}

#[test]
fn dice_ce_equals_monai_with_every_option() {
    let fixture = Fixture::open("losses_dice_ce");
    let meta = fixture.meta();
    let cases = meta["cases"].as_array().expect("cases");
    let monai: Vec<&Value> = cases
        .iter()
        .filter(|case| case["kwargs"].is_object())
        .collect();
    assert_eq!(monai.len(), 6);
    for on in devices() {
        let device = on.device.clone().autodiff();
        for case in &monai {
            let i = case["i"].as_u64().expect("a number");
            let classes = case["classes"].as_u64().expect("a number") as usize;
            let logits: Tensor<5> = fixture.tensor(&format!("z{i}"), &device).require_grad();
            let target = Target::new(fixture.bytes(&format!("y{i}")), 2, classes, &device);
            let loss = options(&case["kwargs"]).forward(logits.clone(), &target);
            let expected = (
                fixture.values(&format!("loss{i}")),
                fixture.values(&format!("grad{i}")),
            );
            check_value_and_gradient(&format!("case {i}"), &on, (loss, logits), expected);
        }
    }
}

#[test]
fn consistency_equals_both_published_forms() {
    let fixture = Fixture::open("loss_consistency");
    for on in devices() {
        let device = on.device.clone().autodiff();
        for (form, name) in [
            (ConsistencyForm::Paper, "paper"),
            (ConsistencyForm::Released, "code"),
        ] {
            let student: Tensor<5> = fixture.tensor("fm", &device).require_grad();
            let teacher: Tensor<5> = fixture.tensor("ft", &device).require_grad();
            let loss = consistency(student.clone(), teacher.clone(), form).expect("it is on");
            let expected = (
                fixture.values(&format!("loss_{name}")),
                fixture.values(&format!("grad_{name}")),
            );
            let gradients = check_value_and_gradient(name, &on, (loss, student), expected);
            assert!(
                teacher.grad(&gradients).is_none(),
                "no gradient reaches the teacher"
            );
        }
    }
}

#[test]
fn consistency_is_zero_for_agreement_and_one_for_silence() {
    let fixture = Fixture::open("loss_consistency");
    let device = burn::tensor::Device::flex();
    let teacher: Tensor<5> = fixture.tensor("ft", &device);
    let of = |student| {
        values(consistency(student, teacher.clone(), ConsistencyForm::Paper).expect("it is on"))
    };
    assert_within("agreement", &of(teacher.clone()), &[0.0], 0.0);
    assert_within("silence", &of(teacher.zeros_like()), &[1.0], 1e-6);
}

#[test]
fn coarser_outputs_are_compared_with_every_second_label() {
    let device = Device::flex();
    let noise = |shape: [usize; 5], key| {
        let values = procedural(key, 0.0, 1.0, shape.iter().product());
        Tensor::<5>::from_data(TensorData::new(values, shape), &device)
    };
    let [d, h, w] = [4, 4, 2];
    let labels: Vec<u8> = (0..2 * d * h * w).map(|i| (i * 7 % 5 % 3) as u8).collect();
    let fine = noise([2, 3, d, h, w], 1);
    // Half the height and width, the whole depth.
    let coarse = noise([2, 3, d, 2, 1], 2);
    let picked = (0..2 * d * 2).map(|i| labels[(i / 2 * h + i % 2 * 2) * w]);
    let loss = DiceCe {
        scale_weights: &[2.0, 0.5],
        ..DiceCe::default()
    };
    let of = |logits: &Tensor<5>, labels: Vec<u8>| {
        let target = Target::new(labels, 2, 3, &device);
        values(loss.forward(logits.clone(), &target))[0]
    };
    let expected = 2.0 * of(&fine, labels.clone()) + 0.5 * of(&coarse, picked.collect());
    let target = Target::new(labels, 2, 3, &device);
    let found = values(loss.forward_scales(&[fine, coarse], &target));
    assert_within("both scales", &found, &[expected], 1e-6);
}
