//! A run in words, on every kind of screen.

use crate::train::Event;

/// An event that deserves its own line, in words.
pub(super) fn sentence(event: &Event) -> Option<String> {
    match event {
        Event::Started {
            parameters,
            training_cases,
            unlabeled_cases,
            validation_cases,
            ..
        } => {
            let unlabeled = match unlabeled_cases {
                0 => String::new(),
                count => format!("{count} unlabeled cases, "),
            };
            Some(format!(
                "{parameters} parameters, {training_cases} training cases, {unlabeled}{validation_cases} validation \
                 cases"
            ))
        }
        Event::Validated {
            iteration, dice, best, ..
        } => {
            let best = if *best { ", the best so far" } else { "" };
            Some(format!("step {iteration}: validation Dice {dice:.4}{best}"))
        }
        _ => None,
    }
}
