use super::TrainConfig;
use crate::backbone::{Backbone, Network, NnformerConfig, NnformerForm, Size};
use crate::loss::DiceCe;
use crate::medcontext::{MaskSampling, MedContext, Momentum, MomentumSchedule};
use crate::train::{NetworkChoice, overlay, parse_toml};
use crate::transform::{Normalization, Resampling, Spacing};

fn of(text: &str) -> TrainConfig {
    let given = text.parse().expect("TOML");
    overlay(&TrainConfig::default(), given).expect("settings")
}

/// A default warmup is short in a short run; an explicit one is kept.
#[test]
fn only_the_default_warm_up_is_cut() {
    let by_default = [10, 300, 600, 5000].map(|n| of(&format!("iterations = {n}")).warmup_steps());
    assert_eq!(by_default, [1, 30, 50, 50]);
    assert_eq!(of("iterations = 300\nwarmup = 200").warmup_steps(), 200);
    assert_eq!(of("iterations = 300\nwarmup = 0").warmup_steps(), 0);
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

/// Patches of a batch become batches of their own, but where they need each other.
#[test]
fn a_batch_can_be_trained_patch_by_patch() {
    let counts = |text: &str| {
        let config = of(text).by_patch();
        (config.batch_size, config.accumulation)
    };
    assert_eq!(counts("batch_size = 3\naccumulation = 2"), (1, 6));
    assert_eq!(counts("batch_size = 3\nloss.batch = true"), (3, 1));
    let norm = |norm: &str| {
        format!("backbone = \"pcrlv2\"\nbatch_size = 2\n[network]\nkind = \"pcrlv2\"\nwidth = 16\nnorm = \"{norm}\"")
    };
    assert_eq!(counts(&norm("group")), (1, 2));
    assert_eq!(counts(&norm("batch")), (2, 1));
}

/// Whatever depends on the run's length is a number in its files, and resolving it again changes nothing.
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

/// What a plan has switched on, a file can switch off, and what is off may be switched off again.
#[test]
fn optional_settings_can_be_off() {
    let planned = of(
        "clip_norm = 12.0\n[preprocessing.spacing]\nmm = [3.0, 1.0, 1.0]\nrule = \"nn-unet\"\n\
                      [augmentation.noise]\nprobability = 0.1\ndeviation = [0.0, 0.1]",
    );
    assert!(planned.preprocessing.spacing.is_some() && planned.augmentation.noise.is_some());
    let off = "clip_norm = \"off\"\npreprocessing.spacing = \"off\"\naugmentation.noise = \"off\"\n\
               augmentation.blur = \"off\"";
    let without = overlay(&planned, off.parse().expect("TOML")).expect("settings");
    assert_eq!(without, TrainConfig::default());
}

/// What cannot be read says where it stands: the setting, or the line of a file that is no TOML.
#[test]
fn errors_name_the_setting_or_the_line() {
    let problem = |text: &str| {
        let given = parse_toml(text)?;
        overlay(&TrainConfig::default(), given).map(|_| ())
    };
    for (text, place) in [
        (
            "iterations = \"off\"",
            "invalid type: string \"off\", expected usize in `iterations`",
        ),
        (
            "[preprocessing]\nspacing = 1.5",
            "expected [depth, height, width] in mm in `preprocessing.spacing`",
        ),
        ("[preprocessing]\nspacing = [1, 1]", "in `preprocessing.spacing.mm`"),
        ("[coarse.sampling]\nreplacement = 1", "in `coarse.sampling.replacement`"),
        ("seed = 1\npatch = [32, 32\nbatch_size = 2", "line 3: "),
        // Of [augmentation].
        ("noise = \"off\"", "unknown field `noise`"),
    ] {
        let wrong = problem(text).expect_err(text);
        assert!(wrong.contains(place) && !wrong.contains('\n'), "{text}: {wrong}");
    }
}

/// A list is a spacing in mm; whose rule resamples is left as it was.
#[test]
fn a_spacing_can_be_a_list() {
    let planned = of("preprocessing.spacing = { mm = [3.0, 1.0, 1.0], rule = \"nn-unet\" }");
    let given = "preprocessing.spacing = [5, 2, 2]".parse().expect("TOML");
    let changed = overlay(&planned, given).expect("settings");
    let expected = Spacing {
        mm: [5.0, 2.0, 2.0],
        rule: Resampling::NnUnet,
    };
    assert_eq!(changed.preprocessing.spacing, Some(expected));
    let alone = of("preprocessing.spacing = [5, 2, 2]").preprocessing.spacing;
    assert_eq!(alone.map(|spacing| spacing.rule), Some(Resampling::Monai));
}

#[test]
fn a_momentum_is_a_number_or_fitted() {
    let momentum = |text: &str| {
        let table = format!("[medcontext]\nmomentum = {text}").parse().expect("TOML");
        overlay(&TrainConfig::default(), table).map(|config| config.medcontext.momentum)
    };
    assert_eq!(momentum("0.95"), Ok(Momentum::Of(0.95)));
    assert_eq!(momentum("1"), Ok(Momentum::Of(1.0)));
    assert_eq!(momentum("\"fitted\""), Ok(Momentum::Fitted));
    let wrong = momentum("\"fited\"").expect_err("no such word");
    assert!(wrong.contains("a number from 0 to 1, or \"fitted\""), "{wrong}");
}

/// The paper's momentum in long enough runs, and in the released schedules.
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
    assert_eq!(steps("batch_size = 4\nsampling.patches_per_case = 4", 18), 18);
    assert_eq!(steps("batch_size = 4", 18), 5);
    assert_eq!(
        steps("batch_size = 2\naccumulation = 2\nsampling.patches_per_case = 3", 5),
        4
    );
    assert_eq!(steps("epoch = 7\nsampling.patches_per_case = 3", 5), 7);
}

/// Settings of a run as written by versions with three fields for the network, a loss without a kind, and other names
/// for two switches.
const EARLIER: &str = r#"{
    "backbone": "nnformer-acdc", "size": "tiny", "patch": [14, 160, 160], "iterations": 300, "batch_size": 4,
    "accumulation": 1, "learning_rate": 0.01, "weight_decay": 0.00003, "warmup": 0, "warmup_count": "next",
    "schedule": "poly", "epoch": 250, "rate_by_epoch": true,
    "optimizer": {"kind": "sgd", "momentum": 0.99, "nesterov": true}, "clip_norm": 12.0,
    "loss": {"activation": "softmax", "background": false, "squared": false, "batch": true,
        "smooth_numerator": 0.00001, "smooth_denominator": 0.00001, "dice_weight": 1.0, "ce_weight": 0.1},
    "views_in_turn": true, "mixed_precision": "off", "seed": 7, "checkpoint_every": 100, "overlap": 0.5,
    "blend": "gaussian", "new_head": false,
    "network": {"kind": "nnformer", "form": "acdc", "drop_path": 0.30000000000000004}
}"#;

fn earlier() -> TrainConfig {
    serde_json::from_str(EARLIER).expect("settings")
}

#[test]
fn settings_of_earlier_versions_are_read() {
    let config = earlier();
    let NetworkChoice::Custom { network, size } = &config.network else {
        panic!("numbers of its own: {:?}", config.network);
    };
    let expected = NnformerConfig {
        form: NnformerForm::Acdc,
        drop_path: 0.300_000_000_000_000_04,
        ..NnformerConfig::default()
    };
    assert_eq!(network, &Network::Nnformer(expected));
    assert_eq!((config.network.backbone(), *size), (Backbone::NnformerAcdc, Size::Tiny));
    assert!(config.step_schedule_per_epoch && config.sequential_views);
    let loss = DiceCe {
        ce_weight: 0.1,
        ..DiceCe::nnunet(true)
    };
    assert_eq!(config.loss, loss.into());
}

/// Under the same keys, except the two that were renamed.
#[test]
fn settings_are_written_as_earlier_versions_read_them() {
    let config = earlier();
    let written = serde_json::to_value(&config).expect("JSON");
    let given: serde_json::Value = serde_json::from_str(EARLIER).expect("JSON");
    for (key, value) in given.as_object().expect("an object") {
        match key.as_str() {
            "rate_by_epoch" => assert_eq!(&written["step_schedule_per_epoch"], value),
            "views_in_turn" => assert_eq!(&written["sequential_views"], value),
            "network" => assert_eq!(written[key]["drop_path"], value["drop_path"]),
            _ => assert_eq!(&written[key], value, "{key}"),
        }
    }
    let text = config.to_toml().expect("TOML");
    assert!(
        text.starts_with("backbone = \"nnformer-acdc\"\nsize = \"tiny\"\n"),
        "{text}"
    );
    let again: TrainConfig = toml::from_str(&text).expect("settings");
    assert_eq!(again, config);
    let text = serde_json::to_string(&config).expect("JSON");
    assert_eq!(serde_json::from_str::<TrainConfig>(&text).expect("settings"), config);
    let named = TrainConfig::default();
    let written = serde_json::to_value(&named).expect("JSON");
    assert_eq!(
        (&written["backbone"], &written["size"]),
        (&"unetr".into(), &"small".into())
    );
    assert!(written.get("network").is_none());
}

#[test]
fn numbers_of_another_backbone_are_refused() {
    let given = "backbone = \"unetr\"\nnetwork = { kind = \"pcrlv2\" }";
    let given = given.parse().expect("TOML");
    let error = overlay(&TrainConfig::default(), given).expect_err("they contradict each other");
    assert_eq!(
        error,
        "the settings name the backbone unetr and give numbers for pcrlv2: make them agree"
    );
}

/// Names of earlier versions also work in configuration files.
#[test]
fn renamed_settings_are_known_by_both_names() {
    for name in ["views_in_turn", "sequential_views"] {
        assert!(of(&format!("{name} = true")).sequential_views);
    }
    for name in ["rate_by_epoch", "step_schedule_per_epoch"] {
        assert!(of(&format!("{name} = true")).step_schedule_per_epoch);
    }
    for name in ["mask_law", "mask_sampling"] {
        let config = of(&format!("medcontext.{name} = \"bernoulli\""));
        assert_eq!(config.medcontext.mask_sampling, MaskSampling::Bernoulli);
    }
    let given = "views_in_turns = true".parse().expect("TOML");
    let error = overlay(&TrainConfig::default(), given).expect_err("no such setting");
    assert!(error.starts_with("unknown field `views_in_turns`"), "{error}");
}

/// What segments by default with the weights; without it, nothing is written.
#[test]
fn settings_of_inference_are_optional() {
    assert_eq!(of("").inference, None);
    assert!(!of("").to_toml().expect("TOML").contains("inference"));
    let config = of("[inference]\nlargest_component = true\nsmallest_ml = 2");
    let inference = config.inference.expect("given");
    assert_eq!(inference.post_processing.smallest_ml, 2.0);
    assert_eq!((inference.overlap, inference.mirror), (0.5, false));
    assert_eq!(of(&config.to_toml().expect("TOML")), config);
    let changed = overlay(&config, "[inference]\nmirror = true".parse().expect("TOML")).expect("settings");
    let changed = changed.inference.expect("kept");
    assert!(changed.mirror && changed.post_processing.largest_component);

    let network = config.resolved_network();
    assert!(config.check(&network).is_ok());
    let bad = of("[inference]\noverlap = 1.0")
        .check(&network)
        .expect_err("no such overlap");
    assert!(
        bad.to_string().contains("inference: an overlap of 1 cannot work"),
        "{bad}"
    );
    let misspelled = overlay(&config, "[inference]\nfill_hole = true".parse().expect("TOML"));
    assert!(misspelled.expect_err("no such setting").contains("fill_hole"));
}

/// A window in place of the z-score of labeled voxels, and other values of the same rule.
#[test]
fn another_choice_takes_the_place_of_the_whole() {
    let ct = "[preprocessing.normalization.clip-z-score]\nlow = 1.0\nhigh = 9.0\nmean = 5.0\ndeviation = 2.0\n";
    let planned = of(ct);
    let over = |text: &str| {
        let given = text.parse().expect("TOML");
        let config = overlay(&planned, given).expect("settings");
        config.preprocessing.normalization
    };
    let window = over("[preprocessing.normalization.window]\nlow = 0.0\nhigh = 200.0\n");
    let expected = Normalization::Window { low: 0.0, high: 200.0 };
    assert_eq!(window, expected);
    let higher = over("[preprocessing.normalization.clip-z-score]\nhigh = 10.0\n");
    let expected = Normalization::ClipZScore {
        low: 1.0,
        high: 10.0,
        mean: 5.0,
        deviation: 2.0,
    };
    assert_eq!(higher, expected);
}
