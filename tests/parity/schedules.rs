//! Learning-rate and momentum schedules against MONAI 1.5 and the released code.
//!
//! Tolerance 1e-12 relative to a learning rate of 1e-4 (both sides compute in f64).

use medcontext_core::medcontext::{MedContext, momentum, released_momentum};
use medcontext_core::train::{Warmup, poly, warmup_cosine};
use medcontext_tests::Fixture;

fn check(name: &str, steps: usize, found: impl Fn(usize) -> f64, tolerance: f64) {
    let expected = Fixture::open("schedules").doubles(name);
    assert!(!expected.is_empty());
    for (step, expected) in expected.into_iter().take(steps).enumerate() {
        let found = found(step);
        assert!(
            (found - expected).abs() <= tolerance,
            "{name} at {step}: {found} and {expected}"
        );
    }
}

#[test]
fn warm_up_and_cosine_equal_the_released_schedule() {
    let at = |warmup, total, stride: usize| {
        move |i: usize| 1e-4 * warmup_cosine(i * stride, warmup, total, Warmup::Released)
    };
    check("lr_official_w5_n40", 40, at(5, 40, 1), 1e-16);
    check("lr_official_w50_n5000_every10", 500, at(50, 5000, 10), 1e-16);
}

#[test]
fn warm_up_and_cosine_equal_monais_schedule() {
    // Past its end MONAI's cosine rises again; ours stays at 0.
    let at = |step| 1e-4 * warmup_cosine(step, 5, 40, Warmup::Monai);
    check("lr_monai_warmupcosine_w5_t40", 41, at, 1e-16);
}

#[test]
fn our_warm_up_learns_from_the_first_step_and_ends_at_the_full_rate() {
    let at = |step| warmup_cosine(step, 50, 600, Warmup::Next);
    assert_eq!(at(0), 1.0 / 50.0);
    assert_eq!(at(49), 1.0);
    assert_eq!(at(50), 1.0);
    assert!((at(325) - 0.5).abs() < 1e-12);
    assert!(at(600).abs() < 1e-12);
}

/// By the end of a run the teacher has forgotten its random initialization, with the largest possible momentum.
#[test]
fn a_fitted_teacher_forgets_its_random_start() {
    let left = |steps: usize| -> f64 {
        let teacher = MedContext::paper().fitted(steps);
        (0..steps)
            .map(|step| teacher.momentum_at(step, steps, 1).expect("an update"))
            .product()
    };
    for steps in [100, 300, 600, 3000] {
        let left = left(steps);
        assert!((3e-4..2e-3).contains(&left), "{left} after {steps} steps");
    }
    assert_eq!(MedContext::paper().fitted(5000), MedContext::paper());
    assert!(MedContext::paper().fitted(1).check().is_ok());
}

#[test]
fn momentum_is_the_papers_cosine() {
    check("mom_paper_n40", 40, |step| momentum(0.996, 1.0, step, 40), 1e-12);
}

#[test]
fn the_released_warm_up_of_the_momentum_is_followed_to_its_end() {
    // 50 epochs of 3 steps; the cosine that follows is never reached by the released trainers.
    let at = |step| released_momentum(0.996, step, 150);
    check("mom_code_e60_it3_warm50", 150, at, 1e-12);
}

#[test]
fn the_released_trainers_keep_a_teacher_that_all_but_equals_the_student() {
    // Numbers derived from the released code: 18 steps per epoch for UNETR, 250 for nnFormer.
    let unetr = MedContext::released_unetr();
    let updates: Vec<(usize, f64)> = (0..54)
        .filter_map(|step| Some((step, unetr.momentum_at(step, 90_000, 18)?)))
        .collect();
    assert_eq!(updates.iter().map(|u| u.0).collect::<Vec<_>>(), [17, 35, 53]);
    assert!(updates.iter().all(|u| (u.1 - 0.0188).abs() < 5e-5), "{updates:?}");

    let nnformer = MedContext::released_nnformer();
    let at = |step| nnformer.momentum_at(step, 250_000, 250).expect("an update");
    assert_eq!((at(0), at(250)), (0.0, 0.0));
    assert!((at(249) - 0.0496).abs() < 5e-5);
}

#[test]
fn poly_is_nnformers() {
    check("poly_nnformer_1000_every10", 100, |i| 1e-2 * poly(i * 10, 1000), 1e-15);
}
