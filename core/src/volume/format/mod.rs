//! File formats of volumes.
//!
//! A format is one file in this folder, with a [`Format`], and one line in [`FORMATS`]: pairing, reading, the
//! page's file dialog and all messages ask that list. Volumes are written as NIfTI-1, whatever they were read
//! from.

pub(super) mod nifti;
#[cfg(test)]
mod toy;

use super::stream::Stream;
use super::{Grid, Header, Image, Inspection, Limits, Result, VolumeError, Voxels};

/// The formats that are read.
pub static FORMATS: &[Format] = &[
    nifti::NIFTI,
    #[cfg(test)]
    toy::TOY,
];

/// A file format of volumes.
pub struct Format {
    /// What it is called, such as `NIfTI`.
    pub name: &'static str,
    /// How the names of its files end, in lower case. Capitals make no difference.
    pub endings: &'static [&'static str],
    /// Whether a file of this format begins like that: its first [`START`] bytes (or all, where it has fewer),
    /// after gzip is undone.
    recognizes: fn(&[u8]) -> bool,
    /// What a volume's header says, by the first part of each of its files.
    inspect: Inspect,
    /// Reads one frame, counted from 0, or the only one, of the whole files of a volume.
    read: Read,
}

type Inspect = fn(&[&[u8]]) -> Result<Inspection>;
type Read = fn(&[&[u8]], &Limits, Option<usize>) -> Result<Decoded>;

/// Decoded bytes by which a format is recognized.
const START: u64 = 512;

/// One frame of a volume, as a format's reader gives it.
pub(super) struct Decoded {
    /// The NIfTI-1 header that the volume, and results that belong to it, are written with. Its slope and
    /// intercept are those of the voxels.
    pub header: Header,
    /// Size and place.
    pub grid: Grid,
    /// Stored values, i fastest, before slope and intercept.
    pub voxels: Voxels,
    /// Frames that the volume has.
    pub frames: usize,
    /// What is odd about the files and how they were read, one sentence each.
    pub warnings: Vec<String>,
}

impl Decoded {
    /// A volume of one frame without a NIfTI-1 header: it gets one that holds its grid, as 32-bit floats, and
    /// `scaling`, its slope and intercept.
    pub fn on_grid(voxels: Voxels, grid: &Grid, scaling: (f32, f32)) -> Result<Decoded> {
        let header = Header::of_grid(grid, voxels.datatype(), scaling)?;
        Ok(Decoded::with_header(header, grid.dims, voxels))
    }
}

impl Format {
    /// The format of a file: by its first bytes, which may be all of them, else by its name, which may be
    /// empty.
    ///
    /// # Errors
    /// [`VolumeError::UnknownFormat`] when neither tells; or what is wrong with its gzip data, when that cannot
    /// be decoded at all.
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

    /// What a volume's header says, by the first part of each of its files (64 KiB will do).
    ///
    /// # Errors
    /// As [`Format::read`], but voxels are not looked at, and several frames are not an error.
    pub fn inspect(&self, starts: &[&[u8]]) -> Result<Inspection> {
        (self.inspect)(starts)
    }

    /// Reads a volume from its files, which are several where a format stores each slice in one: one frame,
    /// counted from 0, or the only one.
    ///
    /// # Errors
    /// As [`Image::read`] and [`Image::read_frame`].
    pub fn read(&self, files: &[&[u8]], limits: &Limits, frame: Option<usize>) -> Result<Image> {
        Ok(Image::assemble((self.read)(files, limits, frame)?))
    }

    /// Reads every frame of a volume.
    ///
    /// # Errors
    /// As [`Image::read`].
    pub fn read_frames(&self, files: &[&[u8]], limits: &Limits) -> Result<Vec<Image>> {
        let first = self.read(files, limits, Some(0))?;
        let others = 1..first.frames();
        let others = others.map(|frame| self.read(files, limits, Some(frame)));
        std::iter::once(Ok(first.clone())).chain(others).collect()
    }
}

/// The one file of a volume, for formats that store it so.
fn only<'a>(format: &Format, files: &[&'a [u8]]) -> Result<&'a [u8]> {
    match files {
        [file] => Ok(file),
        _ => Err(VolumeError::SeveralFiles {
            format: format.name,
            files: files.len(),
        }),
    }
}

/// A file's name without the ending of its format, whatever its capitals; `None` for what is no volume, or has
/// no name before its ending.
pub fn stem(file: &str) -> Option<&str> {
    let lower = file.to_ascii_lowercase();
    let all = FORMATS.iter().flat_map(|format| format.endings);
    let ending = all.filter(|ending| lower.ends_with(*ending));
    let longest = ending.max_by_key(|ending| ending.len())?;
    file.get(..file.len() - longest.len())
        .filter(|stem| !stem.is_empty())
}

/// The names of the formats in words: `NIfTI`.
pub fn names() -> String {
    in_words(FORMATS.iter().map(|format| format.name))
}

/// How files end that are read, in words: `.nii or .nii.gz`.
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
