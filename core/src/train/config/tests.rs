use super::TrainConfig;
use crate::backbone::Backbone;
use crate::dataset::Preset;
use crate::medcontext::{MedContext, Momentum, MomentumSchedule};
use crate::train::{Warmup, overlay};

fn of(text: &str) -> TrainConfig {
    let given = text.parse().expect("TOML");
    overlay(&TrainConfig::default(), given).expect("settings")
}

/// A warm-up that nobody asked for is short in a short run; one that was asked for is as asked.
#[test]
fn only_the_default_warm_up_is_cut() {
    let by_default = [10, 300, 600, 5000].map(|n| of(&format!("iterations = {n}")).warmup_steps());
    assert_eq!(by_default, [1, 30, 50, 50]);
    assert_eq!(of("iterations = 300\nwarmup = 200").warmup_steps(), 200);
    assert_eq!(of("iterations = 300\nwarmup = 0").warmup_steps(), 0);
}

#[test]
fn a_preset_warms_up_for_the_epochs_that_its_source_has() {
    let brats = Preset::Brats21.published(Backbone::SwinUnetr, 1000);
    let mut config = brats.expect("labels").expect("settings").config;
    assert_eq!(config.iterations, 300_000);
    assert_eq!(config.warmup_steps(), 50_000);
    // Epoch e trains at e/49, as the source's LinearWarmupCosineAnnealingLR.
    let at = |epoch: usize| config.rate_at(1000 * epoch, 1000) / config.learning_rate;
    let rates = [0, 1, 25, 49, 50, 175, 299].map(at);
    let cosine = |epoch: f64| 0.5 * (1.0 + (std::f64::consts::PI * (epoch - 50.0) / 250.0).cos());
    let expected = [0.0, 1.0 / 49.0, 25.0 / 49.0, 1.0, 1.0, 0.5, cosine(299.0)];
    for (found, expected) in rates.into_iter().zip(expected) {
        assert!((found - expected).abs() < 1e-12, "{found} and {expected}");
    }
    // A shorter run keeps the share of a sixth.
    config.set_iterations(60_000);
    assert_eq!(config.warmup_steps(), 10_000);
    config.set_iterations(600_000);
    assert_eq!(config.warmup_steps(), 10_000);
}

/// A hundredth of 5000 epochs is not enough to warm up in a few hundred steps.
#[test]
fn a_preset_that_is_cut_short_warms_up_for_a_tenth() {
    let synapse = Preset::Synapse.published(Backbone::Unetr, 18);
    let mut config = synapse.expect("labels").expect("settings").config;
    assert_eq!(config.warmup_steps(), 900);
    let table = "iterations = 600".parse().expect("TOML");
    assert_eq!(
        overlay(&config, table).expect("settings").warmup_steps(),
        60
    );
    let table = "iterations = 600\nwarmup = 7".parse().expect("TOML");
    assert_eq!(overlay(&config, table).expect("settings").warmup_steps(), 7);
    config.set_iterations(600);
    assert_eq!(
        (config.warmup_steps(), config.warmup_count),
        (60, Warmup::Released)
    );
    assert!(config.warnings().is_empty());
}

#[test]
fn a_warm_up_longer_than_the_run_is_said() {
    let warnings = of("iterations = 300\nwarmup = 301").warnings();
    assert!(
        warnings[0].contains("301 steps is longer than the run of 300"),
        "{warnings:?}"
    );
    assert!(of("iterations = 300\nwarmup = 300").warnings().is_empty());
}

/// What hangs on the run's length is a number in its files, and that number is the same once more.
#[test]
fn resolved_settings_hold_numbers() {
    let config = of("iterations = 300");
    assert_eq!(config.medcontext.momentum, Momentum::Fitted);
    let resolved = config.clone().resolved();
    assert_eq!(resolved.warmup, Some(30));
    // exp(−(1 − m) · 300 / 2) = 0.001
    let expected = 1.0 + 2.0 * 1e-3f64.ln() / 300.0;
    assert_eq!(resolved.medcontext.momentum, Momentum::Of(expected));
    let again = of(&resolved.to_toml().expect("TOML"));
    assert_eq!(again, resolved);
    assert_eq!(again.resolved(), resolved);
    assert_eq!(of(&config.to_toml().expect("TOML")), config);
}

#[test]
fn a_momentum_is_a_number_or_fitted() {
    let momentum = |text: &str| {
        let table = format!("[medcontext]\nmomentum = {text}")
            .parse()
            .expect("TOML");
        overlay(&TrainConfig::default(), table).map(|config| config.medcontext.momentum)
    };
    assert_eq!(momentum("0.95"), Ok(Momentum::Of(0.95)));
    assert_eq!(momentum("1"), Ok(Momentum::Of(1.0)));
    assert_eq!(momentum("\"fitted\""), Ok(Momentum::Fitted));
    let wrong = momentum("\"fited\"").expect_err("no such word");
    assert!(
        wrong.contains("a number from 0 to 1, or \"fitted\""),
        "{wrong}"
    );
}

/// The paper's momentum where the run is long enough for it, and in the released schedules.
#[test]
fn long_runs_have_the_papers_teacher() {
    let start = |iterations: usize| MedContext::default().start_momentum(iterations);
    // Where 1 + 2 ln(0.001) / n is 0.996.
    assert!(start(3453) < 0.996);
    assert_eq!(start(3454), 0.996);
    let released = MedContext {
        schedule: MomentumSchedule::ReleasedUnetr,
        ..MedContext::default()
    };
    assert_eq!(released.start_momentum(300), 0.996);
}

#[test]
fn an_epoch_is_once_through_the_cases_with_all_their_patches() {
    let steps = |text: &str, cases| of(text).epoch_steps(cases);
    assert_eq!(
        steps("batch_size = 4\nsampling.patches_per_case = 4", 18),
        18
    );
    assert_eq!(steps("batch_size = 4", 18), 5);
    assert_eq!(
        steps(
            "batch_size = 2\naccumulation = 2\nsampling.patches_per_case = 3",
            5
        ),
        4
    );
    assert_eq!(steps("epoch = 7\nsampling.patches_per_case = 3", 5), 7);
}
