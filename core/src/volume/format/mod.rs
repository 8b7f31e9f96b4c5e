//! File formats of volumes.
//!
//! A format is one file in this folder, with a [`Format`], and one line in the list below ([`FORMATS`]): pairing,
//! reading, the page's file dialog and all messages use that list. Volumes are always written as NIfTI-1.

pub(super) mod decoded;
mod file_format;

pub use file_format::Format;

use super::stream::Stream;
use super::{Result, VolumeError};

macro_rules! formats {
    ($($(#[$condition:meta])* $name:ident;)*) => {
        $($(#[$condition])* pub(super) mod $name;)*

        /// The supported formats.
        pub static FORMATS: &[Format] = &[$($(#[$condition])* $name::FORMAT),*];
    };
}

formats! {
    nifti;
    #[cfg(test)] toy;
}

/// Decoded bytes by which a format is recognized.
const START: u64 = 512;

impl Format {
    /// The format of a file: by its first bytes (or all of them), else by its name, which may be empty.
    ///
    /// # Errors
    /// [`VolumeError::UnknownFormat`] when neither tells; or the problem with its gzip data, when that cannot be
    /// decoded at all.
    pub fn of(name: &str, bytes: &[u8]) -> Result<&'static Format> {
        let start = Stream::open(bytes).start(START);
        let recognized = FORMATS.iter().find(|format| (format.recognizes)(&start));
        if let Some(format) = recognized.or_else(|| Format::by_name(name)) {
            return Ok(format);
        }
        let mut stream = Stream::open(bytes);
        if stream.is_gzipped() {
            stream.read_exact(&mut [0; 4])?;
        }
        Err(VolumeError::UnknownFormat)
    }

    /// The format of a file by its name alone.
    pub fn by_name(name: &str) -> Option<&'static Format> {
        let lower = name.to_ascii_lowercase();
        let ends = |format: &&Format| format.endings.iter().any(|ending| lower.ends_with(ending));
        FORMATS.iter().find(ends)
    }
}

/// A file's name without the ending of its format, ignoring case; `None` if it is not a volume, or has no name before
/// its ending.
pub fn stem(file: &str) -> Option<&str> {
    let lower = file.to_ascii_lowercase();
    let all = FORMATS.iter().flat_map(|format| format.endings);
    let ending = all.filter(|ending| lower.ends_with(*ending));
    let longest = ending.max_by_key(|ending| ending.len())?;
    file.get(..file.len() - longest.len()).filter(|stem| !stem.is_empty())
}

/// The names of the formats in words: `NIfTI`.
pub fn names() -> String {
    in_words(FORMATS.iter().map(|format| format.name))
}

/// The file endings that are read, in words: `.nii or .nii.gz`.
pub fn endings() -> String {
    in_words(FORMATS.iter().flat_map(|format| format.endings).copied())
}

fn in_words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<&str> = words.collect();
    match &words[..] {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
