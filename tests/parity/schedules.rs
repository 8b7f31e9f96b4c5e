//! Learning-rate and momentum schedules against MONAI 1.5 and the released code.
//!
//! Tolerance 1e-12 relative to a learning rate of 1e-4 (both sides compute in f64).

use medcontext_core::medcontext::momentum;
use medcontext_core::train::{Warmup, warmup_cosine};
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
    check(
        "lr_official_w50_n5000_every10",
        500,
        at(50, 5000, 10),
        1e-16,
    );
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

#[test]
fn momentum_is_the_papers_cosine() {
    check("mom_paper_n40", 40, |step| momentum(0.996, step, 40), 1e-12);
}
