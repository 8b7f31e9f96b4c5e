//! From file bytes to decoded bytes: gzip, and the bounds that keep a bad file from eating memory.

use std::io::{self, ErrorKind, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::{Result, VolumeError};

/// How much memory one volume may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that the decoded voxels of one frame may take, counted as f32 (or as stored, if
    /// that is wider).
    pub max_bytes: u64,
}

impl Default for Limits {
    /// 2 GiB, about 2000 slices of 512×512.
    fn default() -> Self {
        Self { max_bytes: 2 << 30 }
    }
}

impl Limits {
    /// Refuses bytes above the limit, before anything is allocated.
    ///
    /// # Errors
    /// When there are more, in words that name both numbers.
    pub fn check(&self, bytes: u64) -> Result<()> {
        if bytes <= self.max_bytes {
            return Ok(());
        }
        Err(VolumeError::TooLarge {
            needed_mib: bytes.div_ceil(1 << 20),
            limit_mib: self.max_bytes >> 20,
        })
    }
}

/// Decoded bytes of a `.nii` or `.nii.gz` file, front to back. Callers say how much they want, so a
/// small file that inflates without end costs nothing.
pub(super) struct Stream<'a> {
    inner: Box<dyn Read + 'a>,
    pub(super) gzipped: bool,
}

impl<'a> Stream<'a> {
    /// The name says nothing about compression (both mix-ups exist), the first two bytes do.
    pub(super) fn open(bytes: &'a [u8]) -> Self {
        let gzipped = bytes.starts_with(&[0x1f, 0x8b]);
        let inner: Box<dyn Read + 'a> = if gzipped {
            // Several members in a row are legal gzip and what bgzip writes.
            Box::new(MultiGzDecoder::new(bytes))
        } else {
            Box::new(bytes)
        };
        Self { inner, gzipped }
    }

    pub(super) fn read_exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        self.inner.read_exact(buffer).map_err(decode_error)
    }

    /// The next `count` bytes. Memory grows with what is there, not with what was asked for.
    pub(super) fn read_vec(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        (&mut self.inner)
            .take(count)
            .read_to_end(&mut bytes)
            .map_err(decode_error)?;
        if (bytes.len() as u64) < count {
            return Err(VolumeError::Truncated);
        }
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<()> {
        let skipped =
            io::copy(&mut (&mut self.inner).take(count), &mut io::sink()).map_err(decode_error)?;
        if skipped < count {
            return Err(VolumeError::Truncated);
        }
        Ok(())
    }

    /// Reads past the last voxel: only then does gzip compare its checksum. What follows the voxels
    /// is ignored, and not looked at beyond 1 MiB.
    pub(super) fn finish(mut self) -> Result<()> {
        io::copy(&mut (&mut self.inner).take(1 << 20), &mut io::sink()).map_err(decode_error)?;
        Ok(())
    }
}

fn decode_error(error: io::Error) -> VolumeError {
    match error.kind() {
        ErrorKind::UnexpectedEof => VolumeError::Truncated,
        ErrorKind::OutOfMemory => VolumeError::OutOfMemory,
        _ => VolumeError::DamagedGzip(error.to_string()),
    }
}

/// `bytes` as one gzip member (what `.nii.gz` holds). The same bytes give the same result.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec does not fail")
}
