//! Names of files as they are shown.

use std::ffi::OsStr;
use std::path::Path;

use crate::volume;

/// A volume file's name without its ending; `None` for any other file.
pub(super) fn volume_stem(path: &Path) -> Option<String> {
    let name = readable(path.file_name()?);
    // Archives that were made on Windows leave their folders in names.
    let name = name.rsplit('\\').next()?;
    volume::stem(name).map(str::to_owned)
}

/// A name in letters. What is not UTF-8 is taken for ISO 8859-1, in which it mostly was written; control
/// characters, which a terminal would obey, become `%` and their number.
pub(super) fn readable(name: &OsStr) -> String {
    let mut text = String::new();
    let mut push = |letter: char| match letter.is_control() {
        true => text.push_str(&format!("%{:02X}", u32::from(letter))),
        false => text.push(letter),
    };
    for chunk in name.as_encoded_bytes().utf8_chunks() {
        chunk.valid().chars().for_each(&mut push);
        let invalid = chunk.invalid().iter();
        invalid.for_each(|&byte| push(char::from(byte)));
    }
    text
}
