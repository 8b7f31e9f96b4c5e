//! Overriding settings.

use std::collections::BTreeSet;

use super::TrainConfig;

/// `config` overridden by the values of a table. If the table changes the iterations but not the warmup, the warmup is
/// [fitted](TrainConfig::set_iterations) to them.
///
/// # Errors
/// When a value is wrong or a field does not exist.
pub fn overlay(config: &TrainConfig, given: toml::Table) -> Result<TrainConfig, String> {
    let mut config = config.clone();
    let iterations = given.get("iterations").and_then(toml::Value::as_integer);
    if let Some(Ok(iterations)) = iterations.map(usize::try_from)
        && !given.contains_key("warmup")
    {
        config.set_iterations(iterations);
    }
    let mut table = toml::Table::try_from(&config).map_err(|error| error.to_string())?;
    let mut names: BTreeSet<String> = table.keys().cloned().collect();
    names.extend(OPTIONAL.map(str::to_owned));
    merge(&mut table, given);
    check_names(&table, &names)?;
    if let Some(toml::Value::Table(coarse)) = table.get("coarse") {
        check_names(coarse, &names).map_err(|problem| format!("coarse: {problem}"))?;
    }
    table
        .try_into()
        .map_err(|error: toml::de::Error| error.message().to_owned())
}

/// Checks that all fields exist.
fn check_names(table: &toml::Table, names: &BTreeSet<String>) -> Result<(), String> {
    let Some(key) = table.keys().find(|key| !names.contains(*key)) else {
        return Ok(());
    };
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    let expected = names.join(", ");
    Err(format!("unknown field `{key}`, expected one of {expected}"))
}

/// Settings that are only written if set.
const OPTIONAL: [&str; 8] = [
    "clip_norm",
    "coarse",
    "inference",
    "network",
    "pretraining",
    "reported",
    "unlabeled_share",
    "warmup",
];

/// Renamed settings, by old and new name.
const RENAMED: [(&str, &str); 5] = [
    ("centre", "center"),
    ("mask_law", "mask_sampling"),
    ("normalisation", "normalization"),
    ("rate_by_epoch", "step_schedule_per_epoch"),
    ("views_in_turn", "sequential_views"),
];

/// Settings that are there or not, in whatever table: `"off"` in a file removes what was planned.
const SWITCHED: [&str; 14] = [
    "blur",
    "brightness",
    "clip_norm",
    "coarse",
    "contrast",
    "gamma",
    "gamma_inverted",
    "inference",
    "low_resolution",
    "noise",
    "scale",
    "shift",
    "spacing",
    "spatial",
];

/// Settings that are one of several, each with values of its own: another one takes their place as a whole.
const CHOICES: [&str; 2] = ["center", "normalization"];

/// Merges the values of one table into another, recursively. Old names count as new ones.
pub(crate) fn merge(base: &mut toml::Table, given: toml::Table) {
    for (key, value) in given {
        let renamed = RENAMED.iter().find(|(old, _)| *old == key);
        let key = renamed.map_or(key, |(_, new)| (*new).to_owned());
        if value.as_str() == Some("off") && SWITCHED.contains(&key.as_str()) {
            base.remove(&key);
            continue;
        }
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(given))
                if !CHOICES.contains(&key.as_str()) || given.keys().any(|name| base.contains_key(name)) =>
            {
                merge(base, given);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
