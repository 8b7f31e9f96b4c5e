//! Names of settings for people, the fields that edit them, and their values in words.

use medcontext_core::train::TrainConfig;
use medcontext_core::transform::{Augmentation, Center, MirrorAxes, Normalization};

use crate::page::format;

/// A setting that a person can change.
pub struct Field {
    /// Its name in a plan.
    pub setting: &'static str,
    /// Its name on the page.
    pub title: &'static str,
    /// The id of the field in the form.
    pub id: &'static str,
    /// The settings that the field changes.
    pub edits: &'static [&'static str],
    /// Its value in a few words.
    pub text: fn(&TrainConfig) -> String,
}

/// What an augmentation consists of, apart from the axes that may be mirrored.
pub const AUGMENTATION: [&str; 12] = [
    "augmentation.flip",
    "augmentation.quarter_turn",
    "augmentation.spatial",
    "augmentation.noise",
    "augmentation.blur",
    "augmentation.brightness",
    "augmentation.contrast",
    "augmentation.low_resolution",
    "augmentation.gamma_inverted",
    "augmentation.gamma",
    "augmentation.scale",
    "augmentation.shift",
];

const fn field(
    setting: &'static str,
    title: &'static str,
    id: &'static str,
    edits: &'static [&'static str],
    text: fn(&TrainConfig) -> String,
) -> Field {
    Field {
        setting,
        title,
        id,
        edits,
        text,
    }
}

/// The known ones. A plan may decide more: those are shown under their names in the configuration.
static FIELDS: [Field; 13] = [
    field(
        "preprocessing.normalization",
        "Intensities",
        "normalization",
        &["preprocessing.normalization"],
        |config| normalization(&config.preprocessing.normalization),
    ),
    field(
        "preprocessing.spacing",
        "Voxel size",
        "spacing-depth",
        &["preprocessing.spacing"],
        |config| match config.preprocessing.spacing {
            Some(spacing) => format!("{} mm", format::spacing(spacing.mm)),
            None => "the scans' own".to_owned(),
        },
    ),
    field("patch", "Patch", "patch-depth", &["patch"], |config| {
        format!("{} voxels", format::product(&config.patch))
    }),
    field(
        "learning_rate",
        "Learning rate",
        "learning-rate",
        &["learning_rate"],
        |config| config.learning_rate.to_string(),
    ),
    field(
        "augmentation",
        "Augmentation",
        "augmentation",
        &AUGMENTATION,
        |config| augmentation(config).to_owned(),
    ),
    field(
        "sampling.center",
        "Sampling",
        "foreground-share",
        &["sampling.center"],
        |config| match config.sampling.center {
            Center::Anywhere => "patches anywhere".to_owned(),
            Center::Foreground { share } => format!("{:.0} % of the patches on a label", 100.0 * share),
            Center::EachLabel { share } => format!("{:.0} % of the patches on a label, each as often", 100.0 * share),
            _ => "as planned".to_owned(),
        },
    ),
    field(
        "augmentation.mirror_axes",
        "Mirroring",
        "mirror-depth",
        &["augmentation.mirror_axes"],
        |config| mirroring(config.augmentation.mirror_axes),
    ),
    // A choice of segmentation, in the next step: it is not among the settings of a run that are edited here.
    field(
        "inference.largest_component",
        "Pieces",
        "largest-component",
        &[],
        |_| String::new(),
    ),
    field("backbone", "Network", "backbone", &["backbone", "size"], |config| {
        format!("{}, {}", config.network.backbone().title(), config.network.size())
    }),
    field("coarse", "Stages", "stages", &["coarse"], |config| {
        if config.coarse.is_some() { "two" } else { "one" }.to_owned()
    }),
    field("iterations", "Steps", "iterations", &["iterations"], |config| {
        config.iterations.to_string()
    }),
    field("batch_size", "Batch", "batch-size", &["batch_size"], |config| {
        config.batch_size.to_string()
    }),
    field(
        "medcontext.enabled",
        "MedContext",
        "medcontext",
        &["medcontext.enabled"],
        |config| if config.medcontext.enabled { "on" } else { "off" }.to_owned(),
    ),
];

/// The field of a setting.
pub fn find(setting: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.setting == setting)
}

fn normalization(rule: &Normalization) -> String {
    match rule {
        Normalization::ZScore => "z-score of each scan".to_owned(),
        Normalization::NonZeroZScore => "z-score of what is not 0".to_owned(),
        Normalization::Window { low, high } => format!("window from {low} to {high}"),
        Normalization::ClipZScore { low, high, .. } => format!("CT, {low:.0} to {high:.0} HU"),
        Normalization::None => "as they are".to_owned(),
    }
}

/// The name of an augmentation.
pub fn augmentation(config: &TrainConfig) -> &'static str {
    let augmentation = &config.augmentation;
    let none = Augmentation {
        mirror_axes: augmentation.mirror_axes,
        keep_zero: augmentation.keep_zero,
        ..Augmentation::none()
    };
    match augmentation.spatial {
        Some(_) => "strong",
        None if *augmentation == none => "none",
        None => "light",
    }
}

fn mirroring(MirrorAxes(axes): MirrorAxes) -> String {
    let names = ["depth", "height", "width"].into_iter().zip(axes);
    let allowed: Vec<&str> = names.filter_map(|(name, allowed)| allowed.then_some(name)).collect();
    match allowed.len() {
        0 => "never".to_owned(),
        3 => "along every axis".to_owned(),
        _ => format!("along {}", allowed.join(" and ")),
    }
}
