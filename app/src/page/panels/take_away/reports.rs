//! Files that the worker made, to be saved.

use web_sys::Blob;

use crate::message::ExportReport;
use crate::page::files;
use crate::page::state::State;

/// The file name for an archive of everything.
const ARCHIVE: &str = "medcontext.zip";

/// Saves what the worker made.
pub fn on_report(state: State, report: ExportReport) {
    match report {
        ExportReport::Archive(file) => save(state, ARCHIVE, &file.0),
        ExportReport::Surfaces { case, file } => {
            save(state, &format!("{case}_surfaces.zip"), &file.0);
        }
    }
}

/// Hands a file to the browser to save.
fn save(state: State, name: &str, file: &Blob) {
    if files::save(name, file).is_err() {
        state.say(format!("The browser could not save {name}; try again."));
    }
}
