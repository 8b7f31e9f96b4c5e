//! The panels of the page, one folder each: state (`store.rs`), view (`view.rs`), and handling of the worker's reports
//! (`reports.rs`).

pub mod cases;
pub mod edit;
pub mod frame;
pub mod help;
pub mod measure;
pub mod plan;
pub mod progress;
pub mod segment;
pub mod session;
pub mod take_away;
pub mod train;
pub mod viewer;
pub mod weights;
pub mod worker;

use crate::message::Report;
use crate::page::state::State;

/// Passes a report to its panel.
pub fn on_report(state: State, report: Report) {
    match report {
        Report::Worker(report) => worker::on_report(state, report),
        Report::Cases(report) => cases::on_report(state, report),
        Report::Plan(report) => plan::on_report(state, report),
        Report::Training(report) => train::on_report(state, report),
        Report::Segmentation(report) => segment::on_report(state, report),
        Report::Task(report) => progress::on_report(state, report),
        Report::Weights(report) => weights::on_report(state, report),
        Report::Display(report) => viewer::on_report(state, report),
        Report::Export(report) => take_away::on_report(state, report),
        Report::Session(report) => session::on_report(state, report),
    }
}
