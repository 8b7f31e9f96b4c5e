//! Cross-validation: every labeled case is held out once.
//!
//! The cases are divided into folds; for each, a network is trained on the others and measured on the fold's own cases.
//! Folds are the cells of a [`Runner`](super::Runner), which trains and measures them one after another, and
//! [`FoldSummary`] is what they show together. Settings and labels are shared: they come from all cases, as nnU-Net's
//! plans do, so that the folds' networks can segment together
//! ([`Predictor::ensemble`](crate::infer::Predictor::ensemble)).

use std::collections::BTreeMap;
use std::str::FromStr;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::cell::true_labels;
use super::{Cell, CellResult, Source};
use crate::dataset::{LabelSet, by_subject};
use crate::infer::{Inference, PostProcessing, PredictConfig};
use crate::metric::{
    ChosenPostProcessing, Evaluation, HeldOutPrediction, Protocol, Region, Targets, choose_post_processing,
};
use crate::train::TrainConfig;
use crate::volume::LabelImage;
use crate::{Error, Result};

/// Combined (XOR) with the seed of a run for the order in which cases are dealt to folds.
const DEALING: u64 = 0xF01D;

/// The file of a cross-validation's folder that holds its [`FoldSummary`].
pub const FOLDS_FILE: &str = "folds.json";

/// How many folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldCount {
    /// So many.
    Number(usize),
    /// One for each subject (leave-one-out).
    All,
}

/// Written as a number, or `all`.
impl FromStr for FoldCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| format!("{text:?} is not a number of folds: write one, such as 5, or all")),
        }
    }
}

impl FoldCount {
    /// The number of folds for these labeled cases.
    ///
    /// # Errors
    /// When they are of fewer than two subjects, or of fewer than there are folds.
    pub fn of(self, cases: &[String]) -> Result<usize> {
        let subjects = by_subject(cases).len();
        let folds = match self {
            Self::Number(folds) => folds,
            Self::All => subjects,
        };
        match folds {
            folds if (2..=subjects).contains(&folds) => Ok(folds),
            _ if subjects < 2 => Err(Error::Config(format!(
                "cross-validation needs labeled cases of at least two subjects, and there is {subjects}: add some"
            ))),
            folds => {
                let divided = match subjects == cases.len() {
                    true => format!("{subjects} labeled cases"),
                    false => format!("labeled cases of {subjects} subjects"),
                };
                Err(Error::Config(format!(
                    "{divided} cannot be divided into {folds} folds: choose 2 to {subjects}, or all"
                )))
            }
        }
    }
}

/// One fold: a run on all other cases, measured on its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    /// Its number, from 1.
    pub number: usize,
    /// Names of the cases that it is trained on, sorted.
    pub training: Vec<String>,
    /// Names of the cases that are held out from it, sorted.
    pub held_out: Vec<String>,
}

impl Fold {
    /// The name of its run folder: `fold-1`, `fold-2`, ….
    pub fn folder(&self) -> String {
        format!("fold-{}", self.number)
    }
}

/// Divides cases into folds, the same for the same names and seed in whatever order: the subjects in the order of their
/// names are shuffled by the seed and dealt out in turn, so that the folds' subjects differ in number by one at most.
/// Where every fold has a single subject they are not shuffled. Which cases are of one subject is told by their names
/// ([`subject`](crate::dataset::subject)).
///
/// # Errors
/// When there are too few subjects for so many folds.
pub fn folds(cases: &[String], count: FoldCount, seed: u64) -> Result<Vec<Fold>> {
    let count = count.of(cases)?;
    let mut dealt = by_subject(cases);
    if count < dealt.len() {
        dealt.shuffle(&mut ChaCha8Rng::seed_from_u64(seed ^ DEALING));
    }
    let fold = |index: usize| {
        let cases = |held_out: bool| {
            let numbered = dealt.iter().enumerate();
            let of_fold = numbered.filter(|(place, _)| (place % count == index) == held_out);
            let mut names: Vec<String> = of_fold.flat_map(|(_, cases)| cases).cloned().collect();
            names.sort();
            names
        };
        Fold {
            number: index + 1,
            training: cases(false),
            held_out: cases(true),
        }
    };
    Ok((0..count).map(fold).collect())
}

/// Runs on folds of one set of cases.
#[derive(Clone, Debug, PartialEq)]
pub struct CrossValidation {
    /// The folds.
    pub folds: Vec<Fold>,
    /// Settings of every run.
    pub config: TrainConfig,
    /// Labels that every run learns.
    pub labels: LabelSet,
}

impl CrossValidation {
    /// The folds as a runner takes them; the row of a cell is its fold's folder.
    pub fn cells(&self) -> Vec<Cell> {
        self.folds.iter().map(|fold| self.cell(fold)).collect()
    }

    fn cell(&self, fold: &Fold) -> Cell {
        let config = &self.config;
        Cell {
            start: None,
            pretraining: None,
            validation: Vec::new(),
            row: fold.folder(),
            list: format!("all but {}", fold.held_out.join(", ")),
            training: fold.training.clone(),
            evaluation: fold.held_out.clone(),
            learned: Some(self.labels.clone()),
            targets: self.targets(),
            protocol: Protocol::default(),
            predict: PredictConfig {
                inference: Inference {
                    // It is chosen by the held-out cases of all folds.
                    post_processing: PostProcessing::default(),
                    ..config.inference_settings()
                },
                batch_size: config.batch_size,
                ..PredictConfig::default()
            },
            config: config.clone(),
        }
    }

    /// What is measured: regions where they are learned, else the reported labels, else all that are learned.
    fn targets(&self) -> Targets {
        let learned = self.labels.regions().into_iter().flat_map(|regions| &regions.0);
        let regions: Vec<Region> = learned
            .map(|region| Region {
                name: region.name.clone(),
                labels: region.labels.clone(),
            })
            .collect();
        let labels = match &self.config.reported[..] {
            _ if !regions.is_empty() => Vec::new(),
            [] => self.labels.ids()[1..].to_vec(),
            reported => reported.to_vec(),
        };
        Targets { labels, regions }
    }

    /// What the finished folds among `results` show together.
    ///
    /// # Errors
    /// When two results hold one case, or were measured differently.
    pub fn summary(&self, results: &[CellResult]) -> Result<FoldSummary> {
        let of = |fold: &Fold| {
            let folder = fold.folder();
            let result = results.iter().find(|result| result.cell.row == folder)?;
            Some(FinishedFold {
                fold: fold.clone(),
                weights: format!("{folder}/last.safetensors"),
                seconds: result.seconds,
                dice: result.evaluation.mean.dice.map(|dice| dice.mean),
            })
        };
        let parts = results.iter().map(|result| result.evaluation.clone());
        let evaluation = Evaluation::merge(parts.collect())?;
        Ok(FoldSummary {
            version: FoldSummary::VERSION,
            planned: self.folds.len(),
            seed: self.config.seed,
            folds: self.folds.iter().filter_map(of).collect(),
            worst: WorstCase::of(&evaluation),
            evaluation,
            post_processing: None,
        })
    }
}

/// What the finished folds of a cross-validation show together: the content of its `folds.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoldSummary {
    /// Version of the format.
    pub version: u32,
    /// Number of folds when all are finished.
    pub planned: usize,
    /// Seed of the division into folds and of every run.
    pub seed: u64,
    /// The finished folds.
    pub folds: Vec<FinishedFold>,
    /// The held-out cases of all of them, each measured once, by the network that has not seen it: Dice and HD95 by
    /// label and case, and their means.
    pub evaluation: Evaluation,
    /// The case with the lowest Dice; `None` where no case has one.
    pub worst: Option<WorstCase>,
    /// The post-processing that the held-out cases speak for, once all folds are finished; `evaluation` is without any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_processing: Option<ChosenPostProcessing>,
}

/// A finished fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FinishedFold {
    /// The fold.
    #[serde(flatten)]
    pub fold: Fold,
    /// Path of its weights from the summary's folder.
    pub weights: String,
    /// Wall time of its training in seconds.
    pub seconds: f64,
    /// Mean Dice over labels and its held-out cases; undefined where none counts.
    pub dice: Option<f64>,
}

/// The held-out case that was segmented worst.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorstCase {
    /// Its name.
    pub case: String,
    /// Its mean Dice over labels.
    pub dice: f64,
}

impl WorstCase {
    /// The first of equals; cases without any label do not count.
    fn of(evaluation: &Evaluation) -> Option<Self> {
        let cases = evaluation.cases.iter().filter_map(|case| {
            let dice = case.mean_dice(evaluation.protocol.empty)?;
            Some((case, dice))
        });
        let (case, dice) = cases.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some(Self {
            case: case.case.clone(),
            dice,
        })
    }
}

impl FoldSummary {
    /// The current version of the format.
    const VERSION: u32 = 1;

    /// Whether all folds are finished.
    pub fn is_complete(&self) -> bool {
        self.folds.len() == self.planned
    }

    /// Chooses the post-processing by all held-out cases, by name with where their segmentations are, which `read`
    /// reads. Their true label maps are read from `source`.
    ///
    /// # Errors
    /// When a case cannot be read, has no label map, or its prediction does not lie on it.
    pub fn choose_post_processing<S: Source, P>(
        &mut self,
        source: &S,
        predicted: &BTreeMap<String, P>,
        read: impl Fn(&P) -> Result<LabelImage, S::Error>,
    ) -> Result<(), S::Error> {
        let predicted: Vec<(&String, &P)> = predicted.iter().collect();
        let held_out = |number: usize| {
            let (case, prediction) = predicted[number];
            Ok::<_, S::Error>(HeldOutPrediction {
                case: case.clone(),
                prediction: read(prediction)?,
                truth: true_labels(source.read(case)?)?,
            })
        };
        self.post_processing = Some(choose_post_processing(predicted.len(), held_out)?);
        Ok(())
    }

    /// Reads a summary.
    ///
    /// # Errors
    /// What is wrong with it: it is none, or a newer program wrote it.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct Form {
            version: u32,
        }
        let wrong = |error: serde_json::Error| format!("not a summary of folds ({error})");
        let Form { version } = serde_json::from_slice(bytes).map_err(wrong)?;
        if version > Self::VERSION {
            return Err(format!("written in version {version} by a newer program"));
        }
        serde_json::from_slice(bytes).map_err(wrong)
    }

    /// The table in columns of text: Dice and HD95 by label, their means, and the worst case with its fold.
    pub fn to_lines(&self) -> Vec<String> {
        let mut lines = self.evaluation.to_lines(None);
        if let Some(WorstCase { case, dice }) = &self.worst {
            let holds = |finished: &&FinishedFold| finished.fold.held_out.contains(case);
            let fold = (self.folds.iter().find(holds))
                .map_or(String::new(), |finished| format!(" (fold {})", finished.fold.number));
            lines.push(format!("worst case: {case}{fold}, Dice {dice:.4}"));
        }
        if let Some(chosen) = &self.post_processing {
            lines.extend(chosen.to_lines());
        }
        lines
    }
}

#[cfg(test)]
mod tests;
