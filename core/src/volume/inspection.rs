//! Facts about a file without reading its voxels.

use super::{Datatype, Grid};

/// Facts from the header of a file.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Inspection {
    /// Size and place of one frame.
    pub grid: Grid,
    /// Frames along the fourth axis; 1 for a 3D volume.
    pub frames: usize,
    /// How a voxel is stored.
    pub datatype: Datatype,
    /// Voxel size along i, j and k in mm.
    pub spacing: [f64; 3],
    /// Directions of i, j and k, such as `RAS`.
    pub orientation: String,
    /// Largest angle between an array axis and a patient axis, in degrees.
    pub oblique_degrees: f64,
    /// Size in bytes of one decoded frame (as f32 or as stored, whichever is wider).
    pub decoded_bytes: u64,
    /// The file's description (NIfTI's `descrip`); may be empty.
    pub description: String,
    /// NIfTI intent code (1002: labels); 0 in other formats.
    pub intent: i16,
    /// Warnings about the file and how it would be read, one sentence each.
    pub warnings: Vec<String>,
}

/// Bytes of a decoded frame, as [`Limits`](super::Limits) counts them. At most 32767³ voxels of 8
/// bytes, which fits.
pub(super) fn decoded_bytes(dims: [usize; 3], datatype: Datatype) -> u64 {
    let voxels: u64 = dims.iter().map(|&size| size as u64).product();
    voxels * datatype.bytes().max(4)
}
