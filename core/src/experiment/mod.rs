//! Experiments: rows of settings, each trained with several seeds on several lists of cases, segmented
//! and measured on one list, and compared in one table.
//!
//! - `plan.rs`, `row.rs`, `cell.rs`: an experiment's TOML file, its rows, and the cells that follow from them
//! - `source.rs`: where cases, states and weights come from
//! - `folds.rs`: cross-validation, whose folds are cells too
//! - `runner.rs`, `pace.rs`: trains, segments and measures cell by cell, one event per piece of work; how long it takes
//! - `table.rs`, `report.rs`: means over seeds, paired tests between rows, and their output
//! - `wilcoxon.rs`: the test

mod cell;
mod event;
mod folds;
mod pace;
mod plan;
mod report;
mod row;
mod runner;
mod source;
mod table;
mod wilcoxon;

pub use cell::{Cell, CellPretraining, CellResult};
pub use event::Event;
pub use folds::{CrossValidation, FOLDS_FILE, FinishedFold, Fold, FoldCount, FoldSummary, WorstCase, folds};
pub use plan::Experiment;
pub use row::{Row, RowPretraining, RowProtocol};
pub use runner::Runner;
pub use source::Source;
pub use table::{Comparison, Line, PairedTest, Table};
pub use wilcoxon::{SignedRank, wilcoxon};
