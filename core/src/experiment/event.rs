//! What a runner reports.

use super::Cell;
use super::CellResult;
use crate::infer::Segmentation;
use crate::metric::CaseScore;
use crate::train;

/// One event of an experiment, in the order in which they happen.
#[derive(Clone, Debug)]
pub enum Event {
    /// A cell begins.
    Cell {
        /// Which.
        cell: Box<Cell>,
        /// Its number among those to be done, from 1.
        number: usize,
        /// How many are to be done.
        cells: usize,
        /// Steps already done, if it is resumed.
        done: Option<usize>,
    },
    /// Its network is being trained.
    Training(train::Event),
    /// A case of the evaluation list was segmented and measured.
    Case {
        /// The segmentation.
        segmentation: Box<Segmentation>,
        /// Its scores.
        score: CaseScore,
        /// Cases done so far.
        done: usize,
        /// Cases in all.
        cases: usize,
    },
    /// A cell is done.
    Finished(Box<CellResult>),
}
