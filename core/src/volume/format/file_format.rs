//! A file format of volumes: name, endings and reader.

use super::decoded::Decoded;
use crate::volume::{Image, Inspection, Limits, Result, VolumeError};

/// A file format of volumes.
pub struct Format {
    /// Its name, such as `NIfTI`.
    pub name: &'static str,
    /// File endings in lower case; case is ignored.
    pub endings: &'static [&'static str],
    /// Whether a file with these first [`START`](super::START) bytes (or all, if it has fewer), after decompression, is
    /// of this format.
    pub(super) recognizes: fn(&[u8]) -> bool,
    /// What a volume's header says, by the first part of each of its files.
    pub(super) inspect: Inspect,
    /// Reads one frame, counted from 0, or the only one, of the whole files of a volume.
    pub(super) read: Read,
}

pub(super) type Inspect = fn(&[&[u8]]) -> Result<Inspection>;
pub(super) type Read = fn(&[&[u8]], &Limits, Option<usize>) -> Result<Decoded>;

impl Format {
    /// What a volume's header says, by the first part of each of its files (64 KiB will do).
    ///
    /// # Errors
    /// As [`Format::read`], but voxels are not read, and several frames are not an error.
    pub fn inspect(&self, starts: &[&[u8]]) -> Result<Inspection> {
        (self.inspect)(starts)
    }

    /// Reads a volume from its files (several if the format has a file per slice): one frame, counted from 0, or the
    /// only one.
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
pub(super) fn only<'a>(format: &Format, files: &[&'a [u8]]) -> Result<&'a [u8]> {
    match files {
        [file] => Ok(file),
        _ => Err(VolumeError::SeveralFiles {
            format: format.name,
            files: files.len(),
        }),
    }
}
