//! Volumes that the worker made for the viewer.

use leptos::prelude::*;

use super::store::{Displayed, Picture};
use crate::message::DisplayReport;
use crate::page::state::State;

/// Takes them, if they are still wanted.
pub fn on_report(state: State, report: DisplayReport) {
    let viewer = state.viewer;
    match report {
        DisplayReport::Case { case, image, truth } => {
            if viewer.viewed.read_untracked().as_ref() == Some(&case) {
                viewer.picture.set(Some(Picture {
                    case,
                    image: image.0,
                    truth: truth.map(|truth| truth.0),
                }));
            }
        }
        DisplayReport::Segmentation {
            case,
            number,
            labels,
            uncertainty,
        } => {
            if number == viewer.number.get_value() {
                viewer.displayed.set(Some(Displayed {
                    case,
                    labels: labels.map(|labels| labels.0),
                    uncertainty: uncertainty.map(|map| map.0),
                }));
            }
        }
        DisplayReport::Difference { case, file } => {
            viewer.differences.update(|all| drop(all.insert(case, file.0)));
        }
    }
}
