//! DiceCE, nnU-Net's loss, the loss of regions and the consistency loss against MONAI 1.5, nnFormer's released code,
//! PyTorch and the paper's equation, values and gradients; coarser labels against scikit-image.
//!
//! Tolerances: values 1e-5 (1e-4 on a GPU); gradients 1e-4 relative L2 (1e-3 on a GPU).

use burn::tensor::{Device, Gradients, Tensor, TensorData};
use medcontext_core::loss::{Activation, DiceCe, Loss, MultiScaleLoss, Target};
use medcontext_core::medcontext::{ConsistencyForm, consistency};
use medcontext_tests::{Fixture, TestDevice, assert_gradient, assert_within, devices, procedural, values};
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
    let monai: Vec<&Value> = cases.iter().filter(|case| case["kwargs"].is_object()).collect();
    assert_eq!(monai.len(), 6);
    for on in devices() {
        let device = on.device.clone().autodiff();
        for case in &monai {
            let i = case["i"].as_u64().expect("a number");
            let classes = case["classes"].as_u64().expect("a number") as usize;
            let logits: Tensor<5> = fixture.tensor(&format!("z{i}"), &device).require_grad();
            let target = Target::new(fixture.bytes(&format!("y{i}")), 2, classes, &device);
            let loss = options(&case["kwargs"]).forward(logits.clone(), &target);
            let expected = (fixture.values(&format!("loss{i}")), fixture.values(&format!("grad{i}")));
            check_value_and_gradient(&format!("case {i}"), &on, (loss, logits), expected);
        }
    }
}

/// nnU-Net minimizes −Dice, which is less than ours by 1.
#[test]
fn nnunets_loss_equals_nnformers() {
    let fixture = Fixture::open("losses_dice_ce");
    let meta = fixture.meta();
    let cases = meta["cases"].as_array().expect("cases");
    let own = cases.iter().filter(|case| case["kwargs"].is_null());
    let mut pooled = Vec::new();
    for case in own {
        let (i, options) = (&case["i"], &case["nnformer_DC_and_CE"]);
        let batch = options["batch_dice"].as_bool().expect("an option");
        for on in devices() {
            let device = on.device.clone().autodiff();
            let logits: Tensor<5> = fixture.tensor(&format!("z{i}"), &device).require_grad();
            let target = Target::new(fixture.bytes(&format!("y{i}")), 2, 3, &device);
            let loss = DiceCe::nnunet(batch).forward(logits.clone(), &target);
            let value = fixture.values(&format!("loss{i}"))[0] + 1.0;
            let expected = (vec![value], fixture.values(&format!("grad{i}")));
            check_value_and_gradient(&format!("case {i}"), &on, (loss, logits), expected);
        }
        pooled.push(batch);
    }
    assert_eq!(pooled, [true, false]);
}

/// `losses_regions.py` makes the numbers.
#[test]
fn losses_of_regions_equal_monai_and_pytorch() {
    let fixture = Fixture::open("losses_regions");
    let brats = DiceCe::regions();
    let squared = DiceCe {
        squared: true,
        smooth_numerator: 0.0,
        smooth_denominator: 1e-6,
        ..brats
    };
    let batch = DiceCe { batch: true, ..brats };
    let with_bce = DiceCe {
        ce_weight: 0.7,
        ..brats
    };
    for on in devices() {
        let device = on.device.clone().autodiff();
        for (name, options) in [
            ("brats21", brats),
            ("squared", squared),
            ("batch", batch),
            ("with_bce", with_bce),
        ] {
            let logits: Tensor<5> = fixture.tensor("logits", &device).require_grad();
            let target = Target::regions(fixture.bytes("inside"), 2, 3, &device);
            let loss = options.forward(logits.clone(), &target);
            let expected = (
                fixture.values(&format!("loss.{name}")),
                fixture.values(&format!("gradient.{name}")),
            );
            check_value_and_gradient(name, &on, (loss, logits), expected);
        }
    }
}

#[test]
fn consistency_equals_both_published_forms() {
    let fixture = Fixture::open("loss_consistency");
    for on in devices() {
        let device = on.device.clone().autodiff();
        for (form, name) in [(ConsistencyForm::Paper, "paper"), (ConsistencyForm::Released, "code")] {
            let student: Tensor<5> = fixture.tensor("fm", &device).require_grad();
            let teacher: Tensor<5> = fixture.tensor("ft", &device).require_grad();
            let loss = consistency(student.clone(), teacher.clone(), form).expect("it is on");
            let expected = (
                fixture.values(&format!("loss_{name}")),
                fixture.values(&format!("grad_{name}")),
            );
            let gradients = check_value_and_gradient(name, &on, (loss, student), expected);
            assert!(teacher.grad(&gradients).is_none(), "no gradient reaches the teacher");
        }
    }
}

/// The released nnFormer trainers for ACDC and tumors index what has no scales.
#[test]
fn the_first_sample_alone_can_be_compared() {
    let fixture = Fixture::open("loss_consistency");
    let device = burn::tensor::Device::flex();
    let [student, teacher] = ["fm", "ft"].map(|name| fixture.tensor::<5>(name, &device));
    let of = |student, teacher, form| values(consistency(student, teacher, form).expect("it is on"));
    let first = |x: &Tensor<5>| x.clone().narrow(0, 0, 1);
    let alone = of(first(&student), first(&teacher), ConsistencyForm::Released);
    let found = of(student.clone(), teacher.clone(), ConsistencyForm::ReleasedFirst);
    assert_eq!(found, alone);
    assert_ne!(found, of(student, teacher, ConsistencyForm::Released));
}

#[test]
fn consistency_is_zero_for_agreement_and_one_for_silence() {
    let fixture = Fixture::open("loss_consistency");
    let device = burn::tensor::Device::flex();
    let teacher: Tensor<5> = fixture.tensor("ft", &device);
    let of = |student| values(consistency(student, teacher.clone(), ConsistencyForm::Paper).expect("it is on"));
    assert_within("agreement", &of(teacher.clone()), &[0.0], 0.0);
    assert_within("silence", &of(teacher.zeros_like()), &[1.0], 1e-6);
}

/// The loss of the coarse output alone, whose labels come from the fine ones.
fn coarse_loss(labels: Vec<u8>, classes: usize, fine: [usize; 3], coarse: &Tensor<5>) -> f32 {
    let [d, h, w] = fine;
    let batch = coarse.dims()[0];
    let device = coarse.device();
    let loss = MultiScaleLoss::new(DiceCe::default(), &[0.0, 1.0]);
    let target = Target::new(labels, batch, classes, &device);
    let fine = Tensor::zeros([batch, classes, d, h, w], &device);
    values(loss.forward(&[fine, coarse.clone()], &target))[0]
}

/// The voxels that scikit-image 0.26 selects when it shrinks a line of `0..side` to `side / step` by `resize(…,
/// order=0, mode="edge", anti_aliasing=False)`, as nnU-Net's `resize_segmentation` calls it;
/// `tests/fixtures/coarser_labels.py` prints them.
const TAKEN: [(usize, usize, &[usize]); 6] = [
    (16, 1, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]),
    (16, 2, &[1, 3, 5, 7, 9, 11, 13, 15]),
    (16, 4, &[2, 6, 10, 14]),
    (15, 3, &[1, 4, 7, 10, 13]),
    (20, 5, &[2, 7, 12, 17]),
    (6, 6, &[3]),
];

/// A separate factor for each axis: the labels for a coarse output are those of the voxels that scikit-image selects.
#[test]
fn labels_of_coarser_outputs_are_those_of_scikit_image() {
    let device = Device::flex();
    let factors = [
        [1, 1, 1],
        [0, 1, 1],
        [0, 2, 2],
        [1, 2, 2],
        [3, 1, 2],
        [4, 5, 3],
        [2, 2, 2],
    ];
    for axes in factors {
        let [d, h, w] = axes.map(|index| TAKEN[index]);
        let fine = [d.0, h.0, w.0];
        let voxels = fine.iter().product();
        let classes = 4;
        let labels: Vec<u8> = procedural(77, 0.0, 1.0, voxels)
            .into_iter()
            .map(|u| ((u + 1.0) * 2.0) as u8)
            .collect();
        let mut picked = Vec::new();
        for z in d.2 {
            for y in h.2 {
                picked.extend(w.2.iter().map(|x| labels[(z * h.0 + y) * w.0 + x]));
            }
        }
        let size = [1, classes, d.2.len(), h.2.len(), w.2.len()];
        let noise = procedural(78, 0.0, 2.0, size.iter().product());
        let coarse = Tensor::<5>::from_data(TensorData::new(noise, size), &device);
        let target = Target::new(picked, 1, classes, &device);
        let expected = values(DiceCe::default().forward(coarse.clone(), &target));
        let found = coarse_loss(labels, classes, fine, &coarse);
        assert_within(&format!("factors {axes:?}"), &[found], &expected, 1e-6);
    }
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
    let picked = (0..2 * d * 2).map(|i| labels[(i / 2 * h + i % 2 * 2 + 1) * w + 1]);
    let loss = MultiScaleLoss::new(DiceCe::default(), &[2.0, 0.5]);
    let of = |logits: &Tensor<5>, labels: Vec<u8>| {
        let target = Target::new(labels, 2, 3, &device);
        values(DiceCe::default().forward(logits.clone(), &target))[0]
    };
    let expected = 2.0 * of(&fine, labels.clone()) + 0.5 * of(&coarse, picked.collect());
    let target = Target::new(labels, 2, 3, &device);
    let found = values(loss.forward(&[fine, coarse], &target));
    assert_within("both scales", &found, &[expected], 1e-6);
}
