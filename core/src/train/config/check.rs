//! Whether settings are valid.

use super::TrainConfig;
use crate::backbone::Network;
use crate::transform::Crop;
use crate::{Error, Result};

impl TrainConfig {
    /// Unlabeled cases teach nothing without consistency.
    fn check_unlabeled(&self) -> Result<()> {
        let share = self.unlabeled_share;
        if !(0.0..1.0).contains(&share) {
            return Err(Error::Config(format!(
                "unlabeled_share is {share}: choose 0 to below 1"
            )));
        }
        if share > 0.0 && !self.medcontext.has_consistency() {
            return Err(Error::Config(format!(
                "unlabeled_share is {share} and cases without labels teach by MedContext's consistency alone, which is \
                 off: switch it on, or set unlabeled_share = 0"
            )));
        }
        Ok(())
    }

    /// Pretraining has one network, and no loss beside its own.
    fn check_pretraining(&self, network: &Network) -> Result<()> {
        let Some(pretraining) = &self.pretraining else {
            return Ok(());
        };
        let conflict = [
            ("medcontext.enabled", self.medcontext.enabled),
            ("coarse", self.coarse.is_some()),
            ("unlabeled_share", self.unlabeled_share > 0.0),
        ];
        if let Some((name, _)) = conflict.into_iter().find(|(_, on)| *on) {
            return Err(Error::Config(format!(
                "{name} is for training with labels, and pretraining uses none: leave it out"
            )));
        }
        pretraining
            .check(network, self.patch, self.batch_size)
            .map_err(Error::Config)
    }

    /// The first stage is a single network, and the second sees what it finds.
    fn check_coarse(&self) -> Result<()> {
        let Some(coarse) = &self.coarse else {
            return Ok(());
        };
        if coarse.coarse.is_some() {
            return Err(Error::Config(
                "a cascade has two stages: leave coarse.coarse out".to_owned(),
            ));
        }
        if !matches!(self.preprocessing.crop, Crop::Labels { .. }) {
            return Err(Error::Config(
                "the second stage of a cascade sees what the first has found: set preprocessing.crop.labels.margin_mm, \
                 or leave coarse out"
                    .to_owned(),
            ));
        }
        if coarse.unlabeled_share > 0.0 {
            return Err(Error::Config(
                "cases without labels teach the second stage of a cascade alone: leave coarse.unlabeled_share out"
                    .to_owned(),
            ));
        }
        let told = |error: Error| Error::Config(format!("coarse: {error}"));
        coarse.check(&coarse.resolved_network()).map_err(told)
    }

    /// Checks that so many devices can share the batches of every step.
    ///
    /// # Errors
    /// When a step, of either stage of a cascade, has fewer batches.
    pub fn check_devices(&self, devices: usize) -> Result<()> {
        let first = self.coarse.iter().map(|first| first.accumulation);
        let batches = first.fold(self.accumulation, usize::min);
        if batches >= devices {
            return Ok(());
        }
        let patches = self.patches_per_step().div_ceil(devices);
        Err(Error::Config(format!(
            "{devices} devices cannot share a step of {batches} batch{}: set accumulation to {devices} or a multiple \
             of it, for example with batch_size {patches}",
            if batches == 1 { "" } else { "es" }
        )))
    }

    /// Checks that these settings are valid.
    ///
    /// # Errors
    /// One sentence that names the setting.
    pub fn check(&self, network: &Network) -> Result<()> {
        network.check(self.patch).map_err(Error::Config)?;
        let problem = self.preprocessing.problem();
        if let Some(problem) = problem.or_else(|| self.sampling.problem()) {
            return Err(Error::Config(problem));
        }
        let positive = [
            ("iterations", self.iterations as f64),
            ("batch_size", self.batch_size as f64),
            ("accumulation", self.accumulation as f64),
            ("learning_rate", self.learning_rate),
            ("clip_norm", self.clip_norm.unwrap_or(1.0)),
        ];
        for (name, value) in positive {
            if !(value > 0.0 && value.is_finite()) {
                return Err(Error::Config(format!("{name} is {value}: make it more than 0")));
            }
        }
        for (name, value) in self.augmentation.probabilities() {
            if !(0.0..=1.0).contains(&value) {
                return Err(Error::Config(format!("{name} is {value}: choose 0 to 1")));
            }
        }
        self.medcontext.check().map_err(Error::Config)?;
        self.check_pretraining(network)?;
        self.check_unlabeled()?;
        self.check_coarse()?;
        if !(0.0..1.0).contains(&self.overlap) {
            let overlap = self.overlap;
            return Err(Error::Config(format!("overlap is {overlap}: choose 0 to below 1")));
        }
        match self.inference.and_then(|inference| inference.problem()) {
            Some(problem) => Err(Error::Config(format!("inference: {problem}"))),
            None => Ok(()),
        }
    }
}
