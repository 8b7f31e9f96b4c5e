//! Where the cases of an experiment come from.

use std::collections::BTreeMap;

use super::{Cell, CellPretraining};
use crate::dataset::{Case, LabelSet};
use crate::train::{HeldOut, TrainingSet};
use crate::{Error, Result};

/// Where an experiment's cases come from.
pub trait Source {
    /// The error type, which includes this crate's own errors.
    type Error: From<Error>;

    /// Names of the cases of a list that the experiment does not define itself.
    ///
    /// # Errors
    /// When the list does not exist.
    fn list(&self, name: &str) -> Result<Vec<String>, Self::Error>;

    /// The state that [`Trainer::write_state`](crate::train::Trainer::write_state) saved of an unfinished cell, if any.
    ///
    /// # Errors
    /// When it cannot be read.
    fn state(&self, cell: &Cell) -> Result<Option<Vec<u8>>, Self::Error>;

    /// The weights file that a cell starts from, if any; see [`Start::Weights`](crate::train::Start::Weights).
    ///
    /// # Errors
    /// When it cannot be read.
    fn start(&self, _cell: &Cell) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(None)
    }

    /// The cases by which a cell's best weights are chosen.
    ///
    /// # Errors
    /// When one cannot be read.
    fn validation(&self, cell: &Cell) -> Result<Vec<HeldOut>, Self::Error> {
        let cases = cell.validation.iter();
        cases.map(|name| Ok(HeldOut::from(self.read(name)?))).collect()
    }

    /// The cases that the encoder of a cell with pretraining learns from, prepared.
    ///
    /// # Errors
    /// As [`training`](Self::training).
    fn pretraining(&self, pretraining: &CellPretraining) -> Result<TrainingSet, Self::Error> {
        let cases = pretraining.cases.iter().map(|name| self.read(name));
        let cases = cases.collect::<Result<Vec<Case>, Self::Error>>()?;
        Ok(TrainingSet::prepare(
            cases,
            &LabelSet::background(),
            &pretraining.config,
        )?)
    }

    /// Reads a case with its label map.
    ///
    /// # Errors
    /// When it is not there, has no label map or cannot be read.
    fn read(&self, case: &str) -> Result<Case, Self::Error>;

    /// The labels that a cell learns, and its cases, prepared.
    ///
    /// # Errors
    /// When a case cannot be read, or settings or cases cannot be trained with.
    fn training(&self, cell: &Cell) -> Result<(LabelSet, TrainingSet), Self::Error> {
        let cases = cell.training.iter().map(|name| self.read(name));
        let cases = cases.collect::<Result<Vec<Case>, Self::Error>>()?;
        let labels = match &cell.learned {
            Some(labels) => labels.clone(),
            None => LabelSet::from_cases(&cases, &self.label_names()).map_err(Error::from)?,
        };
        let prepared = TrainingSet::prepare(cases, &labels, &cell.config)?;
        Ok((labels, prepared))
    }

    /// Names of labels by id, where known.
    fn label_names(&self) -> BTreeMap<u16, String>;
}
