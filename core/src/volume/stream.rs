//! From file bytes to decoded bytes: gzip, and the limits that keep a bad file from exhausting memory.

use std::io::{self, ErrorKind, Read, Write};

use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;

use super::{Result, VolumeError};

/// How much memory one volume may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum size in bytes of one frame's decoded voxels, as f32 (or as stored, if that is wider).
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
    /// When there are more; names both numbers.
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

/// Decoded bytes of a file, which may be gzipped, front to back. Callers say how much they want, so a decompression
/// bomb costs nothing.
pub(super) struct Stream<'a> {
    source: Source<'a>,
}

enum Source<'a> {
    Plain(&'a [u8]),
    Gzip(Members<'a>),
}

/// How many bytes after the last voxel are read.
const LOOKED_AT: u64 = 1 << 20;
const FOLLOW: &str = "byte(s) follow";

impl<'a> Stream<'a> {
    /// Compression is detected by the first two bytes, not by the name (both mix-ups exist).
    pub(super) fn open(bytes: &'a [u8]) -> Self {
        let source = if bytes.starts_with(&MAGIC) {
            Source::Gzip(Members::new(bytes))
        } else {
            Source::Plain(bytes)
        };
        Self { source }
    }

    /// Whether the file is compressed.
    pub(super) fn is_gzipped(&self) -> bool {
        matches!(self.source, Source::Gzip(_))
    }

    /// The first `count` bytes, or as many as exist and can be decoded.
    pub(super) fn start(mut self, count: u64) -> Vec<u8> {
        let mut start = Vec::new();
        // Whoever reads the rest reports what is wrong with it.
        let _ = (&mut self.source).take(count).read_to_end(&mut start);
        start
    }

    pub(super) fn read_exact(&mut self, buffer: &mut [u8]) -> Result<()> {
        let read = Read::read_exact(&mut self.source, buffer);
        read.map_err(|error| self.error(&error))
    }

    /// The next `count` bytes. Memory grows with the bytes that exist, not with the request.
    pub(super) fn read_vec(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = (&mut self.source).take(count).read_to_end(&mut bytes);
        read.map_err(|error| self.error(&error))?;
        self.check_length(bytes.len() as u64, count)?;
        Ok(bytes)
    }

    pub(super) fn skip(&mut self, count: u64) -> Result<()> {
        let skipped = io::copy(&mut (&mut self.source).take(count), &mut io::sink());
        let skipped = skipped.map_err(|error| self.error(&error))?;
        self.check_length(skipped, count)
    }

    /// Reads past the last voxel: only then is gzip's checksum compared. At most 1 MiB after the voxels is read.
    /// Returns warnings if it is more than zero padding.
    pub(super) fn finish(mut self) -> Result<Vec<String>> {
        let mut behind = Vec::new();
        let read = (&mut self.source).take(LOOKED_AT).read_to_end(&mut behind);
        read.map_err(|error| self.error(&error))?;
        let mut warnings = Vec::new();
        if behind.iter().any(|&byte| byte != 0) {
            let count = match &self.source {
                Source::Plain(rest) => (behind.len() + rest.len()).to_string(),
                Source::Gzip(_) if behind.len() as u64 == LOOKED_AT => {
                    format!("at least {LOOKED_AT}")
                }
                Source::Gzip(_) => behind.len().to_string(),
            };
            warnings.push(format!("{count} {FOLLOW} the last voxel and were ignored"));
        }
        if let Some(count) = self.trailing() {
            warnings.push(format!(
                "{count} {FOLLOW} the gzip data, are not gzip themselves and were ignored"
            ));
        }
        Ok(warnings)
    }

    /// Number of bytes after the compressed ones, if they are more than padding.
    fn trailing(&self) -> Option<usize> {
        match &self.source {
            Source::Gzip(members) => members.trailing,
            Source::Plain(_) => None,
        }
    }

    fn check_length(&self, found: u64, wanted: u64) -> Result<()> {
        if found < wanted {
            return Err(self.error(&ErrorKind::UnexpectedEof.into()));
        }
        Ok(())
    }

    fn error(&self, error: &io::Error) -> VolumeError {
        match (error.kind(), self.trailing()) {
            (ErrorKind::UnexpectedEof, Some(count)) => VolumeError::DamagedGzip(format!(
                "it ends before the last voxel, and {count} bytes behind it are not gzip"
            )),
            (ErrorKind::UnexpectedEof, None) => VolumeError::Truncated,
            (ErrorKind::OutOfMemory, _) => VolumeError::OutOfMemory,
            _ => VolumeError::DamagedGzip(error.to_string()),
        }
    }
}

impl Read for Source<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(bytes) => bytes.read(buffer),
            Self::Gzip(members) => members.read(buffer),
        }
    }
}

/// The first bytes of a gzip member.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// The members of a gzip file, one after the other: several are legal, and bgzip writes them.
///
/// Zeros between and after them are padding (tape blocks, object stores), as for `gzip` and Python. Anything else after
/// the last member is ignored, as by `gzip`, but counted.
struct Members<'a> {
    current: Option<GzDecoder<&'a [u8]>>,
    trailing: Option<usize>,
}

impl<'a> Members<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            current: Some(GzDecoder::new(bytes)),
            trailing: None,
        }
    }

    /// Continues with the bytes after a member.
    fn follow(&mut self, rest: &'a [u8]) {
        let padding = rest.iter().take_while(|&&byte| byte == 0).count();
        let next = &rest[padding..];
        self.current = next.starts_with(&MAGIC).then(|| GzDecoder::new(next));
        if self.current.is_none() && !next.is_empty() {
            self.trailing = Some(rest.len());
        }
    }
}

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.current {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let rest = *member.get_ref();
            self.follow(rest);
        }
        Ok(0)
    }
}

/// `bytes` as one gzip member (what `.nii.gz` holds). The same bytes give the same result.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    compressed(bytes, Compression::default())
}

/// [`gzip`] in a quarter of the time: for maps that hardly compress, whose files become a tenth larger by it.
pub(crate) fn gzip_fast(bytes: &[u8]) -> Vec<u8> {
    compressed(bytes, Compression::fast())
}

fn compressed(bytes: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("writing to a Vec does not fail")
}
