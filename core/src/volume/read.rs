//! Reading a file in the [format](super::FORMATS) that its bytes indicate.

use super::{Format, Image, Inspection, Limits, Result};

impl Image {
    /// Reads a volume file in the [format](super::FORMATS) that its bytes indicate, plain or gzipped. A fourth axis of
    /// one frame is dropped.
    ///
    /// # Errors
    /// [`VolumeError`](super::VolumeError) for anything that is not a 3D volume of real numbers within `limits`; more
    /// than one frame is an error that asks to choose one ([`Image::read_frame`]).
    pub fn read(bytes: &[u8], limits: &Limits) -> Result<Image> {
        Format::of("", bytes)?.read(&[bytes], limits, None)
    }

    /// Reads one frame, counted from 0, of a 4D series (or frame 0 of a 3D volume).
    ///
    /// # Errors
    /// As [`Image::read`], and when the frame does not exist.
    pub fn read_frame(bytes: &[u8], limits: &Limits, frame: usize) -> Result<Image> {
        Format::of("", bytes)?.read(&[bytes], limits, Some(frame))
    }

    /// Reads every frame of a 4D series, which are the channels of a case in some data sets; a 3D
    /// volume is one.
    ///
    /// # Errors
    /// As [`Image::read`].
    pub fn read_frames(bytes: &[u8], limits: &Limits) -> Result<Vec<Image>> {
        Format::of("", bytes)?.read_frames(&[bytes], limits)
    }
}

/// Reads a file's header only; `bytes` may be just the first part of the file (64 KiB will do).
///
/// # Errors
/// As [`Image::read`], but voxels are not read, and several frames are not an error.
pub fn inspect(bytes: &[u8]) -> Result<Inspection> {
    Format::of("", bytes)?.inspect(&[bytes])
}
