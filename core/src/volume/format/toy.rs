//! A format for tests: shows that a format takes one file and one line of [`FORMATS`](super::FORMATS).
//!
//! A line `TOY I J K`, and as many 32-bit floats, little-endian, i fastest, of voxels of 1 mm that lie RAS.

use super::Format;
use super::decoded::Decoded;
use super::file_format::only;
use crate::volume::inspection::decoded_bytes;
use crate::volume::{Affine, Datatype, Form, Grid, Inspection, Limits, Result, VolumeError, Voxels};

pub(super) const FORMAT: Format = Format {
    name: "toy",
    endings: &[".toy"],
    recognizes: |start| start.starts_with(b"TOY "),
    inspect,
    read,
};

/// The grid, and the bytes after the header.
fn header(file: &[u8]) -> Result<(Grid, &[u8])> {
    let end = file.iter().position(|&byte| byte == b'\n');
    let (line, rest) = file.split_at(end.ok_or(VolumeError::Truncated)?);
    let sizes = String::from_utf8_lossy(line);
    let sizes: Vec<usize> = sizes.split(' ').filter_map(|size| size.parse().ok()).collect();
    let dims = sizes
        .try_into()
        .map_err(|_| VolumeError::DamagedHeader("it has no three sizes".to_owned()))?;
    let affine = Affine([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]);
    let form = Form::Sform;
    Ok((Grid { dims, affine, form }, &rest[1..]))
}

fn inspect(starts: &[&[u8]]) -> Result<Inspection> {
    let (grid, _) = header(only(&FORMAT, starts)?)?;
    Ok(Inspection {
        frames: 1,
        datatype: Datatype::F32,
        spacing: grid.spacing(),
        orientation: grid.orientation(),
        oblique_degrees: grid.oblique_degrees(),
        decoded_bytes: decoded_bytes(grid.dims, Datatype::F32),
        description: String::new(),
        intent: 0,
        warnings: Vec::new(),
        grid,
    })
}

fn read(files: &[&[u8]], limits: &Limits, frame: Option<usize>) -> Result<Decoded> {
    let (grid, voxels) = header(only(&FORMAT, files)?)?;
    limits.check(decoded_bytes(grid.dims, Datatype::F32))?;
    if let Some(frame) = frame.filter(|&frame| frame > 0) {
        return Err(VolumeError::NoSuchFrame { frame, frames: 1 });
    }
    let (values, _) = voxels.as_chunks();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    if values.len() != grid.len() {
        return Err(VolumeError::Truncated);
    }
    Decoded::on_grid(Voxels::F32(values), &grid, (1.0, 0.0))
}
