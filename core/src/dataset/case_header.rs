//! What the header of a case's image says, without its voxels.

use serde::{Deserialize, Serialize};

use super::{CaseFiles, Frames, ReadOptions, case_bytes};
use crate::volume::{Datatype, Format, Inspection, Limits, VolumeError};

/// A case by the header of its first image file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseHeader {
    /// Voxels along i, j and k, the file's order.
    pub dims: [usize; 3],
    /// The same as `[depth, height, width]`, the order of the network.
    pub size: [usize; 3],
    /// Channels.
    pub channels: usize,
    /// Voxel size along i, j and k in mm.
    pub spacing: [f64; 3],
    /// Directions in which i, j and k grow, such as `RAS`.
    pub orientation: String,
    /// How a voxel is stored.
    pub datatype: Datatype,
    /// Frames of a series of which nobody has said yet how they are used; such a case cannot be read.
    pub undecided_frames: Option<usize>,
}

impl CaseHeader {
    /// Reads it from the first bytes of the image's first file; [`HEADER_BYTES`](super::HEADER_BYTES) are enough.
    ///
    /// # Errors
    /// When the format is unknown, the header is damaged, or the volume would be larger than the limits allow.
    pub fn read(files: &CaseFiles, options: &ReadOptions, first_bytes: &[u8]) -> Result<Self, VolumeError> {
        let header = Format::of(files.image(), first_bytes)?.inspect(&[first_bytes])?;
        Limits::default().check(header.decoded_bytes)?;
        Ok(Self::of(&header, files, options))
    }

    /// The same of a header that was read.
    pub fn of(header: &Inspection, files: &CaseFiles, options: &ReadOptions) -> Self {
        let frames = options
            .frames
            .or_else(|| Frames::expected(header.frames, options.channels));
        Self {
            dims: header.grid.dims,
            size: header.grid.canonical_dims(),
            channels: match frames {
                Some(Frames::Channels) => header.frames,
                _ => files.channels.len(),
            },
            spacing: header.spacing,
            orientation: header.orientation.clone(),
            datatype: header.datatype,
            undecided_frames: (header.frames > 1 && frames.is_none()).then_some(header.frames),
        }
    }

    /// Bytes that the case takes while it is trained on.
    pub fn bytes(&self) -> u64 {
        case_bytes(self.size, self.channels, self.datatype)
    }
}
