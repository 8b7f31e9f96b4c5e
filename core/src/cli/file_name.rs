//! Display names of files.

use std::ffi::OsStr;
use std::path::Path;

use crate::volume;

/// A volume file's name without its ending; `None` for any other file.
pub(super) fn volume_stem(path: &Path) -> Option<String> {
    let name = readable(path.file_name()?);
    // Archives made on Windows put folders into names, with `\`.
    let name = name.rsplit('\\').next()?;
    volume::stem(name).map(str::to_owned)
}

/// A name as printable text. Names that are not UTF-8 are read as ISO 8859-1, the most likely encoding; control
/// characters, which a terminal would obey, become `%` and their code.
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
