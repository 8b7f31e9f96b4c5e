//! Post-processing chosen by the Dice of held-out cases.

use std::collections::BTreeMap;

use ndarray::{Array3, Zip};
use serde::{Deserialize, Serialize};

use super::{Overlap, Statistic, without_ignored};
use crate::Error;
use crate::dataset::DatasetError;
use crate::infer::PostProcessing;
use crate::volume::{Components, LabelImage};

/// What a switch has to add to the mean Dice.
const GAIN: f64 = 1e-3;

/// What a label's Dice may lose.
const LOSS: f64 = 0.005;

/// Sizes that are tried, as shares of the smallest true component.
const SHARES: [f64; 3] = [0.1, 0.25, 0.5];

/// A case that the network was not trained on.
#[derive(Debug, Clone)]
pub struct HeldOutPrediction {
    /// Name of the case.
    pub case: String,
    /// The segmentation without post-processing.
    pub prediction: LabelImage,
    /// The true label map.
    pub truth: LabelImage,
}

/// Post-processing that held-out cases speak for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChosenPostProcessing {
    /// The settings.
    pub settings: PostProcessing,
    /// Mean Dice over labels without post-processing; undefined where no map has a label.
    pub dice_before: Option<f64>,
    /// Mean Dice over labels with the settings.
    pub dice: Option<f64>,
    /// A sentence on each of largest component, smallest component and holes: why it is used, or why not.
    pub reasons: [String; 3],
}

impl ChosenPostProcessing {
    /// What it does to Dice, and a line on each switch.
    pub fn to_lines(&self) -> Vec<String> {
        let gain = match (self.dice_before, self.dice) {
            (Some(before), Some(after)) => format!(": mean Dice {before:.4} before, {after:.4} after"),
            _ => String::new(),
        };
        let head = format!("post-processing chosen on the held-out cases{gain}");
        let reasons = self.reasons.iter().map(|reason| format!("  {reason}"));
        [head].into_iter().chain(reasons).collect()
    }
}

/// Chooses the post-processing with the best mean Dice on held-out cases: over labels the mean of the means over cases,
/// in which a label that neither map has does not count. Voxels that the truth [ignores](LabelImage::ignored) are left
/// out. Each switch has to add more than 0.001 to what the others reach, and no label may lose more than 0.005. Of
/// sizes below the smallest true component a few are tried.
///
/// With one network per fold, pass the held-out cases of all folds together. There are so many `cases`, which `read`
/// reads by their number, each twice: one at a time is held.
///
/// # Errors
/// When one cannot be read, or a prediction does not lie on its true label map.
pub fn choose_post_processing<E: From<Error>>(
    cases: usize,
    read: impl Fn(usize) -> Result<HeldOutPrediction, E>,
) -> Result<ChosenPostProcessing, E> {
    let mut components = Vec::new();
    for case in 0..cases {
        components.extend(smallest_component_ml(&read(case)?.truth));
    }
    let settings = combinations(&sizes(components.into_iter()));
    let mut found: Vec<Vec<BTreeMap<u16, f64>>> = vec![Vec::new(); settings.len()];
    for case in 0..cases {
        let dice = dice_of(read(case)?, &settings).map_err(Error::from)?;
        for (found, dice) in found.iter_mut().zip(dice) {
            found.push(dice);
        }
    }
    let trials = settings.into_iter().zip(&found);
    let trials = Trials(trials.map(|(settings, cases)| Trial::new(settings, cases)).collect());
    let chosen = trials.best();
    Ok(ChosenPostProcessing {
        settings: chosen.settings,
        dice_before: trials.0[0].dice,
        dice: chosen.dice,
        reasons: Switch::ALL.map(|switch| trials.reason(chosen, switch)),
    })
}

/// The volume of the smallest component of any label.
fn smallest_component_ml(truth: &LabelImage) -> Option<f64> {
    let found = Components::of(&truth.canonical_known());
    let voxels = found.components.iter().map(|component| component.voxels).min()?;
    Some(voxels as f64 * truth.grid().voxel_ml())
}

/// Sizes to try in mL, with two significant digits.
fn sizes(components: impl Iterator<Item = f64>) -> Vec<f64> {
    let smallest = components.min_by(f64::total_cmp);
    let shares = SHARES.iter().filter_map(|share| Some(share * smallest?));
    shares.filter_map(|size| format!("{size:.1e}").parse().ok()).collect()
}

/// All settings; the first does nothing, and of two that differ in one switch the one without it comes first.
fn combinations(sizes: &[f64]) -> Vec<PostProcessing> {
    let mut all = Vec::new();
    for largest_component in [false, true] {
        for fill_holes in [false, true] {
            all.extend([0.0].iter().chain(sizes).map(|&smallest_ml| PostProcessing {
                largest_component,
                fill_holes,
                smallest_ml,
            }));
        }
    }
    all
}

/// Dice of every label that either map of a case has, with each of the settings.
fn dice_of(case: HeldOutPrediction, settings: &[PostProcessing]) -> Result<Vec<BTreeMap<u16, f64>>, DatasetError> {
    let grid = case.truth.grid();
    let placed = case.prediction.placed_on(case.truth.header(), grid);
    let (prediction, _) = placed.map_err(|source| DatasetError::PredictionElsewhere {
        case: case.case,
        source,
    })?;
    let (prediction, truth) = (prediction.canonical(), case.truth.canonical());
    let dice = |settings: &PostProcessing| {
        let mut labels = prediction.clone();
        settings.apply(&mut labels, grid.voxel_ml());
        let mut truth = truth.clone();
        without_ignored(&mut labels, &mut truth, case.truth.ignored());
        let overlaps = overlaps(&labels, &truth).into_iter();
        overlaps
            .filter_map(|(label, overlap)| Some((label, overlap.dice()?)))
            .collect()
    };
    Ok(settings.iter().map(dice).collect())
}

fn overlaps(prediction: &Array3<u16>, truth: &Array3<u16>) -> BTreeMap<u16, Overlap> {
    let mut found: BTreeMap<u16, Overlap> = BTreeMap::new();
    Zip::from(prediction).and(truth).for_each(|&p, &t| {
        if p > 0 {
            found.entry(p).or_default().predicted += 1;
        }
        if t > 0 {
            let overlap = found.entry(t).or_default();
            overlap.truth += 1;
            overlap.both += u64::from(p == t);
        }
    });
    found
}

/// What can be turned on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    Largest,
    Smallest,
    Holes,
}

impl Switch {
    const ALL: [Switch; 3] = [Self::Largest, Self::Smallest, Self::Holes];

    fn is_on(self, settings: &PostProcessing) -> bool {
        self.off(*settings) != *settings
    }

    fn off(self, mut settings: PostProcessing) -> PostProcessing {
        match self {
            Self::Largest => settings.largest_component = false,
            Self::Smallest => settings.smallest_ml = 0.0,
            Self::Holes => settings.fill_holes = false,
        }
        settings
    }

    /// What it does with these settings, as the subject of a sentence.
    fn describe(self, settings: &PostProcessing) -> String {
        match self {
            Self::Largest => "keeping only the largest component of each label".to_owned(),
            Self::Smallest => format!("removing components below {} mL", settings.smallest_ml),
            Self::Holes => "filling holes".to_owned(),
        }
    }
}

/// Settings, and what they reach.
#[derive(Debug)]
struct Trial {
    settings: PostProcessing,
    /// Mean Dice over cases, by label.
    labels: BTreeMap<u16, f64>,
    /// Mean over labels.
    dice: Option<f64>,
}

impl Trial {
    fn new(settings: PostProcessing, cases: &[BTreeMap<u16, f64>]) -> Self {
        let mut values: BTreeMap<u16, Vec<f64>> = BTreeMap::new();
        for (&label, &dice) in cases.iter().flatten() {
            values.entry(label).or_default().push(dice);
        }
        let mean = |values: Vec<f64>| Statistic::of(values.into_iter().map(Some)).map(|found| found.mean);
        let labels: BTreeMap<u16, f64> = (values.into_iter())
            .filter_map(|(label, values)| Some((label, mean(values)?)))
            .collect();
        Self {
            settings,
            dice: mean(labels.values().copied().collect()),
            labels,
        }
    }

    /// How much more it reaches than another.
    fn gain(&self, other: &Trial) -> f64 {
        self.dice.zip(other.dice).map_or(0.0, |(own, other)| own - other)
    }

    /// The label that loses most against another trial, if it loses too much.
    fn loser(&self, other: &Trial) -> Option<(u16, f64)> {
        let lost = other.labels.iter().filter_map(|(&label, &before)| {
            let now = self.labels.get(&label)?;
            Some((label, before - now))
        });
        lost.filter(|&(_, lost)| lost > LOSS).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// All trials, the one without post-processing first.
struct Trials(Vec<Trial>);

impl Trials {
    fn of(&self, settings: PostProcessing) -> &Trial {
        let found = self.0.iter().find(|trial| trial.settings == settings);
        found.unwrap_or(&self.0[0])
    }

    /// The best of those whose every switch helps; of equals the first.
    fn best(&self) -> &Trial {
        let mut best = &self.0[0];
        for trial in &self.0 {
            let helps = |switch: &Switch| {
                let without = self.of(switch.off(trial.settings));
                trial.gain(without) > GAIN && trial.loser(without).is_none()
            };
            let mut on = Switch::ALL.iter().filter(|switch| switch.is_on(&trial.settings));
            if on.all(helps) && trial.loser(&self.0[0]).is_none() && trial.gain(best) > 0.0 {
                best = trial;
            }
        }
        best
    }

    /// Why a switch is on in the chosen trial, or why it is not.
    fn reason(&self, chosen: &Trial, switch: Switch) -> String {
        if switch.is_on(&chosen.settings) {
            let without = self.of(switch.off(chosen.settings));
            let (before, after) = (without.dice.unwrap_or_default(), chosen.dice.unwrap_or_default());
            let what = switch.describe(&chosen.settings);
            return format!("{what} raises the mean Dice of held-out cases from {before:.4} to {after:.4}");
        }
        // Of the sizes, the one that reaches most.
        let others = self
            .0
            .iter()
            .filter(|trial| switch.is_on(&trial.settings) && switch.off(trial.settings) == chosen.settings);
        let Some(with) = others.max_by(|a, b| a.gain(chosen).total_cmp(&b.gain(chosen))) else {
            return "small components stay: no true label map has a component to choose a size by".to_owned();
        };
        let (what, gain) = (switch.describe(&with.settings), with.gain(chosen));
        match with.loser(chosen).or(with.loser(&self.0[0])) {
            Some((label, lost)) => format!("{what} would cost label {label} {lost:.4} of its Dice"),
            None => format!("{what} would change the mean Dice of held-out cases by {gain:+.4}, which is too little"),
        }
    }
}

#[cfg(test)]
mod tests;
