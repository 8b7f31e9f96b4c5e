//! The result of a format's reader.

use crate::volume::{Grid, Header, Result, Voxels};

/// One frame of a volume, as returned by a format's reader.
pub(in crate::volume) struct Decoded {
    /// The NIfTI-1 header for writing the volume and its results. Its slope and intercept are those of the voxels.
    pub header: Header,
    /// Size and place.
    pub grid: Grid,
    /// Stored values, i fastest, before slope and intercept.
    pub voxels: Voxels,
    /// Frames that the volume has.
    pub frames: usize,
    /// Warnings about the files and how they were read, one sentence each.
    pub warnings: Vec<String>,
}

impl Decoded {
    /// A volume of one frame without a NIfTI-1 header: it gets one that holds its grid, as 32-bit floats, and
    /// `scaling`, its slope and intercept.
    pub(in crate::volume) fn on_grid(voxels: Voxels, grid: &Grid, scaling: (f32, f32)) -> Result<Decoded> {
        let header = Header::of_grid(grid, voxels.datatype(), scaling)?;
        Ok(Decoded::with_header(header, grid.dims, voxels))
    }

    /// A volume with its own header and the header's grid: one frame, read without warnings.
    pub(in crate::volume) fn with_header(header: Header, dims: [usize; 3], voxels: Voxels) -> Decoded {
        let mut warnings = Vec::new();
        Decoded {
            grid: header.grid(dims, &mut warnings),
            header,
            voxels,
            frames: 1,
            warnings,
        }
    }
}
