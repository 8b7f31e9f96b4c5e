//! The state of a run: everything needed to resume it, in one safetensors file.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::{LossScale, TrainConfig};
use crate::dataset::LabelSet;
use crate::weights::{Metadata, WeightsError};

/// Key of the state in the safetensors header.
const KEY: &str = "medcontext-run";

/// The state besides its tensors. Crops, augmentation, masks and dropped paths depend on the number of the step, so
/// their state is that number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Version of the format; [`read`](RunState::read) returns the current one.
    #[serde(default)]
    pub form: u32,
    /// The settings, resolved.
    pub config: TrainConfig,
    /// Ids of the training cases, in order.
    pub cases: Vec<String>,
    /// Ids of the cases without labels that it learns from too, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unlabeled: Vec<String>,
    /// Names of all cases that the weights have seen, as in [`TrainingSummary`](crate::weights::TrainingSummary).
    #[serde(default)]
    pub seen: Option<Vec<String>>,
    /// The network's labels.
    pub labels: LabelSet,
    /// Steps done, of the stage that is trained.
    pub iteration: usize,
    /// The network of a cascade's first stage, once it is trained: the state is that of the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coarse: Option<Box<Metadata>>,
    /// Steps done by the optimizer.
    pub optimizer_steps: usize,
    /// Loss scale, in f16.
    #[serde(default)]
    pub loss_scale: Option<LossScale>,
    /// Highest validation Dice so far.
    pub best_dice: Option<f64>,
    /// The newest validation Dice.
    pub last_dice: Option<f64>,
}

impl RunState {
    /// Reads the state without its tensors.
    ///
    /// # Errors
    /// When the bytes are not the state of a run.
    pub fn read(bytes: &[u8]) -> Result<Self, WeightsError> {
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| WeightsError::Format(error.to_string()))?;
        let text = header.metadata().as_ref().and_then(|map| map.get(KEY));
        let text = text.ok_or_else(|| WeightsError::BadMetadata("they are not the state of a run".to_owned()))?;
        Self::from_text(text).map_err(|error| WeightsError::BadMetadata(error.to_string()))
    }

    /// Steps done, of all stages.
    pub fn steps_done(&self) -> usize {
        let first = self.coarse.as_ref().and(self.config.coarse.as_ref());
        self.iteration + first.map_or(0, |first| first.iterations)
    }

    fn from_text(text: &str) -> serde_json::Result<Self> {
        let mut state: Self = serde_json::from_str(text)?;
        let config = &mut state.config;
        if state.form == 0 {
            let most = config.iterations.div_ceil(10);
            config.warmup = config.warmup.map(|steps| steps.min(most));
        }
        state.form = Self::FORM;
        Ok(state)
    }

    /// The current version of the format. In version 0, which is not written, a warmup was never longer than a tenth of
    /// the run, whatever the settings.
    pub(super) const FORM: u32 = 1;

    /// The header of the state's file.
    pub(super) fn header(&self) -> Result<BTreeMap<&'static str, String>, WeightsError> {
        let text = serde_json::to_string(self).map_err(|error| WeightsError::BadMetadata(error.to_string()))?;
        Ok(BTreeMap::from([(KEY, text)]))
    }

    /// Checks that a run with these settings, cases and labels is this one.
    ///
    /// # Errors
    /// When it is not; names what differs.
    pub(super) fn check(
        &self,
        config: &TrainConfig,
        [cases, unlabeled]: [&[String]; 2],
        labels: &LabelSet,
    ) -> Result<(), WeightsError> {
        let different = |what: &str| Err(WeightsError::OtherRun(format!("other {what}")));
        if self.cases != cases {
            return different("training cases");
        }
        if self.unlabeled != unlabeled {
            return different("unlabeled cases");
        }
        if self.labels != *labels {
            return different("labels");
        }
        let (old, new) = (self.config.resolved_network(), config.resolved_network());
        if old != new || self.config.patch != config.patch {
            return different("networks or patches");
        }
        if self.config.optimizer != config.optimizer {
            return different("optimizers");
        }
        if self.config.pretraining.map(|settings| settings.method) != config.pretraining.map(|settings| settings.method)
        {
            return different("methods of pretraining");
        }
        if self.config.medcontext.has_teacher() != config.medcontext.has_teacher() {
            return different("teachers");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::transform::Normalization;

    /// Settings derived from scans are not round numbers, and a run is only resumed with exactly the same ones.
    #[test]
    fn numbers_of_settings_survive_to_the_last_bit() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..2000 {
            let mut number = || rng.random_range(-1000.0..1000.0);
            let mut config = TrainConfig::default();
            config.preprocessing.normalization = Normalization::ClipZScore {
                low: number(),
                high: number(),
                mean: number(),
                deviation: number(),
            };
            let state = RunState {
                form: RunState::FORM,
                config,
                cases: Vec::new(),
                unlabeled: Vec::new(),
                seen: None,
                labels: LabelSet::from_ids([1], &BTreeMap::new()).expect("labels"),
                iteration: 0,
                coarse: None,
                optimizer_steps: 0,
                loss_scale: None,
                best_dice: Some(number()),
                last_dice: None,
            };
            let text = state.header().expect("a header").remove(KEY);
            let again = RunState::from_text(&text.expect("its text")).expect("read");
            assert_eq!(again, state);
        }
    }

    /// Versions that limited every warmup to a tenth wrote no version, and the momentum as a number.
    #[test]
    fn a_state_of_an_earlier_version_goes_on_as_it_began() {
        let state = |warmup: usize| {
            let text = format!(
                r#"{{"config": {{"iterations": 300, "warmup": {warmup}, "medcontext": {{"momentum": 0.996}}}},
                "cases": [], "labels": {{"ids": [0, 1], "names": ["background", "a"]}}, "iteration": 10,
                "optimizer_steps": 10, "best_dice": null, "last_dice": null}}"#
            );
            RunState::from_text(&text).expect("a state").config
        };
        for (asked, had) in [(50, 30), (20, 20)] {
            let config = state(asked);
            assert_eq!(config.warmup_steps(), had);
            assert_eq!(config.medcontext.start_momentum(300), 0.996);
        }
    }
}
