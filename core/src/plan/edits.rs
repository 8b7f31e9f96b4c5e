//! Settings of a plan that a person has changed.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::training::{checkpoint_every, learning_rate, set_learning_rate};
use super::{Budget, TrainingPlan};
use crate::train::TrainConfig;
use crate::transform::Crop;
use crate::{Error, Result};

/// Settings that were changed by hand, which a plan leaves as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Edits {
    /// Their names as in the configuration: `patch`, `preprocessing.spacing`, or `preprocessing` for all below it.
    pub settings: BTreeSet<String>,
    /// Settings that hold their values; the others in it do not count.
    pub chosen: TrainConfig,
}

impl Edits {
    /// Whether this setting was changed, or all of those that it is one of.
    pub fn contain(&self, setting: &str) -> bool {
        is_edited(&self.settings, setting)
    }

    /// A plan's settings with the changed ones in their place. A planned patch is cut to what a changed network takes,
    /// and a planned number of iterations is what the budget allows of such steps, for a network of so many channels
    /// and outputs.
    ///
    /// # Errors
    /// When the settings cannot be written down, such as numbers that are none.
    pub fn over(&self, plan: &TrainConfig, budget: &Budget, channels: usize, outputs: usize) -> Result<TrainConfig> {
        let one_stage = self.contain("coarse") && self.chosen.coarse.is_none();
        let mut merged = match one_stage {
            true => table(&TrainingPlan::single_stage(plan.clone()))?,
            false => table(plan)?,
        };
        let chosen = table(&self.chosen)?;
        for setting in &self.settings {
            replace(&mut merged, &chosen, setting);
            if setting == "backbone" {
                // Numbers of its own belong to the planned network.
                replace(&mut merged, &chosen, "network");
            }
        }
        share(&mut merged, self.settings.iter().map(String::as_str));
        let mut config: TrainConfig = serde_json::from_value(Value::Object(merged)).map_err(unusable)?;
        if !matches!(config.preprocessing.crop, Crop::Labels { .. }) {
            // A person's own preprocessing is that of a single network.
            config.coarse = None;
        }
        fit_first_patch(&mut config, plan);
        if !self.contain("learning_rate") && config.network.backbone() != plan.network.backbone() {
            let rate = learning_rate(config.network.backbone());
            set_learning_rate(&mut config, rate);
        }
        if !self.contain("patch") {
            config.fit_patch();
        }
        if !self.contain("iterations") {
            let seconds = budget.step_seconds(&config, channels, outputs);
            config.iterations = budget.steps_left(&config, seconds, channels, outputs);
        }
        if !self.contain("checkpoint_every") {
            config.checkpoint_every = checkpoint_every(config.iterations);
        }
        Ok(config)
    }

    /// Every setting of a configuration, as if all had been changed.
    ///
    /// # Errors
    /// When the settings cannot be written down.
    pub fn all(chosen: TrainConfig) -> Result<Self> {
        let settings = table(&chosen)?.into_iter().map(|(name, _)| name).collect();
        Ok(Self { settings, chosen })
    }

    /// Gives a setting back to the plan, with all that it was changed together with.
    pub fn forget(&mut self, setting: &str) {
        self.settings
            .retain(|edited| !covers(edited, setting) && !covers(setting, edited));
    }
}

/// Settings of which each stage of a cascade has its own.
const OWN: [&str; 10] = [
    "patch",
    "iterations",
    "warmup",
    "checkpoint_every",
    "preprocessing",
    "preprocessing.spacing",
    "preprocessing.crop",
    "inference",
    "unlabeled_share",
    "coarse",
];

/// The settings with those that were changed in the first stage of a cascade too, but for what each stage has of its
/// own. A single network has no first stage.
///
/// # Errors
/// When the settings cannot be written down.
pub fn shared_by_stages<'a>(config: TrainConfig, changed: impl IntoIterator<Item = &'a str>) -> Result<TrainConfig> {
    if config.coarse.is_none() {
        return Ok(config);
    }
    let mut table = table(&config)?;
    share(&mut table, changed);
    let mut shared: TrainConfig = serde_json::from_value(Value::Object(table)).map_err(unusable)?;
    fit_first_patch(&mut shared, &config);
    Ok(shared)
}

/// Cuts the first stage's patch to what a network takes that is another than before.
fn fit_first_patch(config: &mut TrainConfig, before: &TrainConfig) {
    let network = before.coarse.as_ref().map(|first| &first.network);
    if let Some(first) = config.coarse.as_mut().filter(|first| Some(&first.network) != network) {
        first.fit_patch();
    }
}

fn share<'a>(table: &mut Map<String, Value>, changed: impl IntoIterator<Item = &'a str>) {
    let Some(Value::Object(mut first)) = table.remove("coarse") else {
        return;
    };
    for setting in changed.into_iter().filter(|setting| !OWN.contains(setting)) {
        replace(&mut first, table, setting);
        if setting == "backbone" {
            replace(&mut first, table, "network");
        }
    }
    table.insert("coarse".to_owned(), Value::Object(first));
}

/// Whether a setting is among the names of changed ones, by itself or by a group that it is in.
pub fn is_edited(settings: &BTreeSet<String>, setting: &str) -> bool {
    settings.iter().any(|edited| covers(edited, setting))
}

/// Whether a name stands for this setting, alone or among others.
fn covers(name: &str, setting: &str) -> bool {
    let rest = setting.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn table(config: &TrainConfig) -> Result<Map<String, Value>> {
    match serde_json::to_value(config).map_err(unusable)? {
        Value::Object(table) => Ok(table),
        other => Err(Error::Config(format!("the settings are no table but {other}"))),
    }
}

/// Takes a setting over from another table; one that is absent there is removed.
fn replace(into: &mut Map<String, Value>, from: &Map<String, Value>, setting: &str) {
    if let Some((group, rest)) = setting.split_once('.') {
        if let (Some(Value::Object(into)), Some(Value::Object(from))) = (into.get_mut(group), from.get(group)) {
            replace(into, from, rest);
        }
        return;
    }
    match from.get(setting) {
        Some(value) => into.insert(setting.to_owned(), value.clone()),
        None => into.remove(setting),
    };
}

fn unusable(error: serde_json::Error) -> Error {
    Error::Config(format!(
        "the settings cannot be put over the plan ({error}); set them anew"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backbone::{Backbone, Size};
    use crate::medcontext::MedContext;
    use crate::train::NetworkChoice;
    use crate::transform::{Center, Normalization, Resampling, Spacing};

    fn planned() -> TrainConfig {
        let mut config = TrainConfig {
            network: NetworkChoice::named(Backbone::Pcrlv2, Size::Tiny),
            patch: [24, 80, 80],
            iterations: 900,
            batch_size: 1,
            medcontext: MedContext::off(),
            ..TrainConfig::default()
        };
        config.preprocessing.normalization = Normalization::NonZeroZScore;
        config.preprocessing.spacing = Some(Spacing {
            mm: [7.7, 3.5, 3.5],
            rule: Resampling::NnUnet,
        });
        config.sampling.center = Center::Foreground { share: 0.5 };
        config
    }

    fn edits(settings: &[&str], change: impl FnOnce(&mut TrainConfig)) -> Edits {
        let mut chosen = TrainConfig::default();
        change(&mut chosen);
        Edits {
            settings: settings.iter().map(|&name| name.to_owned()).collect(),
            chosen,
        }
    }

    fn over(edits: &Edits) -> TrainConfig {
        edits.over(&planned(), &Budget::DEFAULT, 1, 3).expect("settings")
    }

    #[test]
    fn only_what_was_changed_differs_from_the_plan() {
        let budget = Budget::DEFAULT;
        let iterations = budget.steps_of(budget.step_seconds(&planned(), 1, 3));
        let unchanged = TrainConfig {
            iterations,
            checkpoint_every: (iterations / 5).clamp(25, 1000),
            ..planned()
        };
        assert_eq!(over(&Edits::default()), unchanged);
        let edited = edits(&["preprocessing.spacing", "seed"], |config| {
            config.preprocessing.spacing = None;
            config.seed = u64::MAX;
            config.learning_rate = 7.0;
        });
        let mut expected = unchanged.clone();
        expected.preprocessing.spacing = None;
        expected.seed = u64::MAX;
        assert_eq!(over(&edited), expected);
        assert!(edited.contain("preprocessing.spacing") && !edited.contain("preprocessing.normalization"));
        let group = edits(&["preprocessing"], |_| {});
        assert!(group.contain("preprocessing.spacing") && !group.contain("pre"));
        assert_eq!(over(&group).preprocessing, TrainConfig::default().preprocessing);
    }

    /// 30 minutes are 1,800 s: as many steps as they have room for, of whatever a step computes now.
    #[test]
    fn planned_iterations_follow_what_a_step_costs() {
        let before = over(&Edits::default());
        let half = edits(&["patch"], |config| config.patch = [24, 80, 40]);
        let longer = over(&half).iterations as f64 / before.iterations as f64;
        assert!((longer - 2.0).abs() < 0.02, "{longer} times as many of half a patch");
        let own = edits(&["patch", "iterations"], |config| {
            config.patch = [24, 80, 40];
            config.iterations = 7;
        });
        assert_eq!((over(&own).iterations, over(&own).checkpoint_every), (7, 7));
    }

    /// Two stages of PCRLv2.
    fn cascade() -> TrainConfig {
        let mut config = planned();
        config.coarse = Some(Box::new(TrainConfig {
            iterations: 300,
            ..planned()
        }));
        config.preprocessing.crop = Crop::Labels { margin_mm: 20 };
        config
    }

    #[test]
    fn both_stages_of_a_cascade_take_what_is_changed() {
        let edited = edits(
            &["backbone", "learning_rate", "patch", "preprocessing.spacing"],
            |config| {
                config.network = NetworkChoice::named(Backbone::Unetr, Size::Tiny);
                config.learning_rate = 0.25;
                config.patch = [32, 64, 64];
            },
        );
        let merged = edited.over(&cascade(), &Budget::DEFAULT, 1, 3).expect("settings");
        let first = merged.coarse.clone().expect("a first stage");
        assert_eq!(
            (first.network.clone(), first.learning_rate),
            (merged.network.clone(), 0.25)
        );
        // The planned patch, as far as UNETR takes it.
        assert_eq!((first.patch, merged.patch), ([16, 80, 80], [32, 64, 64]));
        assert_eq!(first.preprocessing.spacing, planned().preprocessing.spacing);
        assert_eq!(merged.preprocessing.spacing, None);
        // The second stage has the time that the first leaves.
        let budget = Budget::DEFAULT;
        let [one, two] = [&*first, &merged].map(|stage| budget.step_seconds(stage, 1, 3));
        let seconds = 300.0 * one + merged.iterations as f64 * two;
        assert!((60.0 * budget.minutes - seconds).abs() <= two, "{seconds} s");
    }

    #[test]
    fn another_network_has_its_own_learning_rate_in_both_stages() {
        let mut plan = cascade();
        set_learning_rate(&mut plan, learning_rate(Backbone::Pcrlv2));
        let rates = |edits: Edits| {
            let merged = edits.over(&plan, &Budget::DEFAULT, 1, 3).expect("settings");
            let first = merged.coarse.expect("a first stage");
            [first.learning_rate, merged.learning_rate]
        };
        let unetr = |config: &mut TrainConfig| config.network = NetworkChoice::named(Backbone::Unetr, Size::Tiny);
        assert_eq!(rates(edits(&["backbone"], unetr)), [5e-4; 2]);
        let given = edits(&["backbone", "learning_rate"], |config| {
            unetr(config);
            config.learning_rate = 0.002;
        });
        assert_eq!(rates(given), [0.002; 2]);
        assert_eq!(rates(edits(&["size"], |_| {})), [0.01; 2]);
    }

    #[test]
    fn a_cascade_can_be_made_a_single_network() {
        let single = edits(&["coarse"], |config| config.coarse = None);
        let merged = single.over(&cascade(), &Budget::DEFAULT, 1, 3).expect("settings");
        assert_eq!(merged, over(&Edits::default()));
        // So does preprocessing of one's own.
        let whole = edits(&["preprocessing"], |_| {});
        assert_eq!(
            whole.over(&cascade(), &Budget::DEFAULT, 1, 3).expect("settings").coarse,
            None
        );
    }

    #[test]
    fn a_planned_patch_is_cut_for_a_chosen_network() {
        let unetr = edits(&["backbone"], |config| {
            config.network = NetworkChoice::named(Backbone::Unetr, Size::Paper);
        });
        let merged = over(&unetr);
        // The size stays planned; UNETR takes multiples of 16.
        assert_eq!(merged.network, NetworkChoice::named(Backbone::Unetr, Size::Tiny));
        assert_eq!(merged.patch, [16, 80, 80]);
    }

    #[test]
    fn everything_can_be_kept_and_given_back_setting_by_setting() {
        let mut chosen = TrainConfig::default();
        chosen.preprocessing.normalization = Normalization::None;
        let mut all = Edits::all(chosen.clone()).expect("settings");
        assert_eq!(over(&all), chosen);
        all.forget("preprocessing.spacing");
        assert!(!all.contain("preprocessing.normalization") && all.contain("patch"));
        assert_eq!(over(&all).preprocessing, planned().preprocessing);
    }
}
