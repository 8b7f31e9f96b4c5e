//! NIfTI-1: one file, plain or gzipped, with a header of 348 bytes before the voxels.

mod datatype_code;
mod forms;
mod header;

pub use header::{Extension, Header, INTENT_LABEL};

use super::Format;
use super::decoded::Decoded;
use super::file_format::only;
use crate::volume::inspection::decoded_bytes;
use crate::volume::stream::Stream;
use crate::volume::{Inspection, Limits, Result, VolumeError, Voxels};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "NIfTI",
    endings: &[".nii", ".nii.gz"],
    recognizes,
    inspect,
    read,
};

/// A header begins with its size: 348, or 540 in NIfTI-2, which is refused by name.
fn recognizes(start: &[u8]) -> bool {
    start.first_chunk().is_some_and(|&size| {
        [i32::from_le_bytes(size), i32::from_be_bytes(size)]
            .iter()
            .any(|size| [348, 540].contains(size))
    })
}

fn inspect(starts: &[&[u8]]) -> Result<Inspection> {
    let header = Header::read(&mut Stream::open(only(&FORMAT, starts)?))?;
    let datatype = header.datatype()?;
    let (dims, frames) = header.shape()?;
    let mut warnings = Vec::new();
    let grid = header.grid(dims, &mut warnings);
    Ok(Inspection {
        frames,
        datatype,
        spacing: grid.spacing(),
        orientation: grid.orientation(),
        oblique_degrees: grid.oblique_degrees(),
        decoded_bytes: decoded_bytes(dims, datatype),
        description: header.description(),
        intent: header.fields.intent_code,
        warnings,
        grid,
    })
}

fn read(files: &[&[u8]], limits: &Limits, frame: Option<usize>) -> Result<Decoded> {
    let mut stream = Stream::open(only(&FORMAT, files)?);
    let mut header = Header::read(&mut stream)?;
    let datatype = header.datatype()?;
    let (dims, frames) = header.shape()?;
    let frame = match frame {
        None if frames > 1 => return Err(VolumeError::SeveralFrames { frames }),
        Some(frame) if frame >= frames => return Err(VolumeError::NoSuchFrame { frame, frames }),
        chosen => chosen.unwrap_or(0),
    };
    let decoded = decoded_bytes(dims, datatype);
    limits.check(decoded)?;
    let count = usize::try_from(decoded / datatype.bytes().max(4)).map_err(|_| VolumeError::OutOfMemory)?;
    let mut warnings = Vec::new();
    warnings.extend(header.read_extensions(&mut stream)?);
    for _ in 0..frame {
        stream.skip(count as u64 * datatype.bytes())?;
    }
    let voxels = Voxels::read(&mut stream, datatype, count, header.big_endian)?;
    if frame + 1 == frames {
        warnings.extend(stream.finish()?);
    }
    let header = header.of_one_frame();
    let grid = header.grid(dims, &mut warnings);
    Ok(Decoded {
        header,
        grid,
        voxels,
        frames,
        warnings,
    })
}
