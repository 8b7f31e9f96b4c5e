//! Settings as TOML: reading them, and overriding some.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;

use super::TrainConfig;

/// Reads TOML.
///
/// # Errors
/// What is wrong and in which line.
pub fn parse_toml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    toml::from_str(text).map_err(|error: toml::de::Error| {
        let message = on_one_line(error.message());
        match error.span().and_then(|span| text.get(..span.start)) {
            Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
            None => message,
        }
    })
}

fn on_one_line(message: &str) -> String {
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `config` overridden by the values of a table. If the table changes the iterations but not the warmup, the warmup is
/// [fitted](TrainConfig::set_iterations) to them.
///
/// # Errors
/// When a value is wrong, with the name of its setting, or a field does not exist.
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
    let renamed = given.into_iter().map(|(key, value)| (current_name(key), value));
    let given: toml::Table = renamed.collect();
    // Before what is "off" is removed: a setting that stands in the wrong table is not one.
    check_names(&given, &names)?;
    merge(&mut table, given);
    if let Some(toml::Value::Table(coarse)) = table.get("coarse") {
        check_names(coarse, &names).map_err(|problem| format!("coarse: {problem}"))?;
    }
    table
        .try_into()
        .map_err(|error: toml::de::Error| on_one_line(&error.to_string()))
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

/// The name that a setting has now.
fn current_name(key: String) -> String {
    let renamed = RENAMED.iter().find(|(old, _)| *old == key);
    renamed.map_or(key, |(_, new)| (*new).to_owned())
}

/// Merges the values of one table into another, recursively. Old names count as new ones, and a list as a spacing
/// whose rule stays.
pub(crate) fn merge(base: &mut toml::Table, given: toml::Table) {
    for (key, value) in given {
        let key = current_name(key);
        if value.as_str() == Some("off") && SWITCHED.contains(&key.as_str()) {
            base.remove(&key);
            continue;
        }
        let value = match value {
            sides @ toml::Value::Array(_) if key == "spacing" => {
                toml::Table::from_iter([("mm".to_owned(), sides)]).into()
            }
            value => value,
        };
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
