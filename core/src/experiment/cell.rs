//! The training runs that an experiment consists of.

use serde::{Deserialize, Serialize};

use crate::dataset::{Case, LabelSet};
use crate::infer::PredictConfig;
use crate::metric::{Evaluation, Protocol, Targets};
use crate::train::TrainConfig;
use crate::volume::LabelImage;
use crate::{Error, Result};

/// One training run of an experiment and everything that its result depends on, apart from the scans
/// and the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Name of its row.
    pub row: String,
    /// Name of the list it is trained on.
    pub list: String,
    /// All training settings, the seed included.
    pub config: TrainConfig,
    /// Cases that it is trained on.
    pub training: Vec<String>,
    /// Cases that it is evaluated on.
    pub evaluation: Vec<String>,
    /// The labels that it learns; `None` for those of its cases.
    pub learned: Option<LabelSet>,
    /// The labels or regions that are reported.
    pub targets: Targets,
    /// How it is measured.
    pub protocol: Protocol,
    /// How cases are segmented.
    pub predict: PredictConfig,
    /// The weights file that it starts from, by its path from the experiment's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The pretraining that it begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pretraining: Option<Box<CellPretraining>>,
    /// Cases by which its best weights are chosen; the last weights count where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub validation: Vec<String>,
}

/// The pretraining of a cell's encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellPretraining {
    /// All settings.
    pub config: TrainConfig,
    /// Cases that it learns from.
    pub cases: Vec<String>,
}

/// The result of a cell's run: the whole content of its `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellResult {
    /// The cell.
    pub cell: Cell,
    /// Trainable parameters.
    pub parameters: usize,
    /// Wall time of the training in seconds.
    pub seconds: f64,
    /// Dice and HD95 on the evaluation list.
    pub evaluation: Evaluation,
}

impl Cell {
    /// Steps of pretraining, before those of training.
    pub fn pretraining_steps(&self) -> usize {
        self.pretraining
            .as_ref()
            .map_or(0, |pretraining| pretraining.config.iterations)
    }

    /// Steps of pretraining and training.
    pub fn steps(&self) -> usize {
        self.pretraining_steps() + self.config.all_iterations()
    }

    /// Checks that so many devices can share the batches of each of its steps.
    ///
    /// # Errors
    /// When a step has fewer batches.
    pub fn check_devices(&self, devices: usize) -> Result<()> {
        let told = |what: &str, error: Error| Error::Config(format!("{what}row {:?}: {error}", self.row));
        if let Some(pretraining) = &self.pretraining {
            let checked = pretraining.config.check_devices(devices);
            checked.map_err(|error| told("pretraining of ", error))?;
        }
        self.config.check_devices(devices).map_err(|error| told("", error))
    }

    /// Path of its run folder relative to the experiment's, such as `unetr-medcontext/fewshot5/seed-0`.
    pub fn folder(&self) -> String {
        let list = self.list.rsplit(':').next().unwrap_or(&self.list);
        format!("{}/{}/seed-{}", slug(&self.row), slug(list), self.config.seed)
    }
}

/// A name as part of a path: lower-case letters and digits, with dashes between.
pub(super) fn slug(name: &str) -> String {
    let parts: Vec<String> = name
        .split(|letter: char| !letter.is_alphanumeric() && letter != '.')
        .filter(|part| !part.is_empty())
        .map(str::to_lowercase)
        .collect();
    parts.join("-").trim_matches('.').to_owned()
}

/// The label map of a case that is to be measured.
pub(super) fn true_labels(case: Case) -> Result<LabelImage> {
    let Case { id, label, .. } = case;
    label.ok_or_else(|| no_truth(&id))
}

/// There is no label map to measure a case against.
pub(super) fn no_truth(case: &str) -> Error {
    Error::Config(format!(
        "case {case} has no label map to measure against; give it one or take it out of the list"
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::CellResult;
    use crate::dataset::Case;
    use crate::experiment::{Cell, Experiment, Source};
    use crate::{Error, Result};

    /// For experiments that define their lists themselves.
    struct NoScans;

    impl Source for NoScans {
        type Error = Error;

        fn list(&self, name: &str) -> Result<Vec<String>> {
            Err(Error::Config(format!("there is no list {name}")))
        }

        fn state(&self, _: &Cell) -> Result<Option<Vec<u8>>> {
            Ok(None)
        }

        fn read(&self, case: &str) -> Result<Case> {
            Err(Error::Config(format!("there is no case {case}")))
        }

        fn label_names(&self) -> std::collections::BTreeMap<u16, String> {
            Default::default()
        }
    }

    /// Results of earlier versions use other names for some settings, and still belong to the same cells.
    #[test]
    fn results_of_earlier_versions_are_known() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../experiments");
        for (name, count) in [("hippocampus-fewshot", 24), ("hippocampus-ablation", 33)] {
            let file = folder.join(format!("{name}.toml"));
            let text = std::fs::read_to_string(file).expect("readable");
            let experiment = Experiment::from_toml(name, &text).expect("an experiment");
            let cells = experiment.cells(&NoScans).expect("cells");
            assert_eq!(cells.len(), count);
            for cell in cells {
                let path = folder.join("results").join(name).join(cell.folder());
                let text = std::fs::read(path.join("result.json")).expect("a result");
                let result: CellResult = serde_json::from_slice(&text).expect("read");
                assert_eq!(result.cell, cell);
            }
        }
    }

    /// Cases are segmented by the row's `inference`, else as in validation, with what the row turns on.
    #[test]
    fn a_row_says_how_its_cases_are_segmented() {
        let text = r#"
title = "t"
train = ["a"]
evaluate = "b"
lists = { a = ["1"], b = ["2"] }

[[row]]
name = "plain"
overlap = 0.25

[[row]]
name = "switched"
mirror = true
largest_component = true

[[row]]
name = "given"
largest_component = true
inference = { fill_holes = true, overlap = 0.75 }
"#;
        let experiment = Experiment::from_toml("t.toml", text).expect("an experiment");
        let cells = experiment.cells(&NoScans).expect("cells");
        let words: Vec<String> = cells.iter().map(|cell| cell.predict.inference.describe()).collect();
        assert_eq!(
            words,
            [
                "overlap 0.25, constant blending, no post-processing",
                "overlap 0.5, constant blending, averaged over mirror images, largest component of each label",
                "overlap 0.75, gaussian blending, largest component of each label, holes filled",
            ]
        );
    }
}
